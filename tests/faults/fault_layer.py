"""Files that fail: every step on a file under one folder is counted, and one of them goes wrong.

Counted are the calls that change something (new files, each write into one, fsync, rename, the
exchange of two names, second names, removal, folders, permissions), not those that read. SQLite's
own writes in the cache are not among them.
"""

from __future__ import annotations

import errno
import io
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

import pytest

from headstart.cli.stopping import Terminated
from headstart.outputs import disk, staging

ERRORS = ("ENOSPC", "EIO", "EACCES")
SIGNALS = ("SIGINT", "SIGTERM")
KILL = "SIGKILL"
FAULTS = (*ERRORS, *SIGNALS, KILL)
NAMES = ("mkdir", "unlink", "rmdir", "rename", "replace", "link", "chmod", "utime")


class Killed(BaseException):
    """The process is gone: from this step on it does nothing any more, not even clean up."""


@dataclass
class FaultLayer:
    """Counts steps under `root`, and lets the one with number `at` go wrong, counted from 1.

    Attributes:
        kind: one of FAULTS. An error is raised in place of the step, a full disk in the middle of
            a write. A signal comes before the step. SIGKILL is the end of all steps; with
            `is_real`, the process is killed, else it only can do nothing more.
        steps: what the steps were, such as "rename".
    """

    root: Path
    at: int = 0
    kind: str = ""
    is_real: bool = False
    steps: list[str] = field(default_factory=list)

    def step(self, name: str, *paths: Any) -> bool:
        """Note a step; True when it is the one that fails half done."""
        if not any(self._is_under(path) for path in paths):
            return False
        self.steps.append(name)
        number = len(self.steps)
        if self.kind == KILL and number >= self.at > 0:
            if self.is_real:
                os.kill(os.getpid(), signal.SIGKILL)
            raise Killed
        if number != self.at:
            return False
        if self.kind in SIGNALS:
            signal.raise_signal(getattr(signal, self.kind))
            return False
        if name == "write":
            return True
        raise self.error(paths[-1])

    def error(self, path: object = None) -> OSError:
        """The error of this fault; a write's has no file's name, as the system gives it."""
        code = getattr(errno, self.kind)
        return OSError(code, os.strerror(code), *([str(path)] if path is not None else []))

    def _is_under(self, path: Any) -> bool:
        # Of text: a hundred thousand steps are looked at, for which Path takes its time.
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")  # noqa: PTH115
        return f"{os.path.abspath(os.fsdecode(path))}/".startswith(f"{self.root}/")  # noqa: PTH100

    def replaced(self, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
        """A function of the system that is counted first."""

        def counted(*arguments: Any, **options: Any) -> Any:
            self.step(name, *[a for a in arguments if isinstance(a, str | bytes | os.PathLike)])
            return plain(*arguments, **options)

        return counted


class _File(io.FileIO):
    """A file whose writes are counted."""

    layer: FaultLayer

    def write(self, content: Any) -> int:
        if self.layer.step("write", self.fileno()):
            super().write(bytes(content)[: len(content) // 2])
            raise self.layer.error()
        return super().write(content)


def _sync_in_turn(paths: Iterable[Path]) -> None:
    for path in paths:
        disk.sync(path)


@contextmanager
def faulty(layer: FaultLayer) -> Iterator[FaultLayer]:
    """Put a layer between the program and the system.

    Nothing has to survive a loss of power here, so fsync is counted and not done.
    """
    plain_open = os.open

    def opened(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            layer.step("open", path)
        return plain_open(path, flags, *more, **options)

    def wrapped(descriptor: int, mode: str) -> BinaryIO:
        file = _File(descriptor, mode)
        file.layer = layer
        return io.BufferedWriter(file)

    def synced(descriptor: int) -> None:
        layer.step("fsync", descriptor)

    def terminated(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.setattr(os, name, layer.replaced(name, getattr(os, name)))
        patch.setattr(os, "open", opened)
        patch.setattr(os, "fdopen", wrapped)
        patch.setattr(os, "fsync", synced)
        patch.setattr(disk, "exchange", layer.replaced("exchange", disk.exchange))
        # In one thread, so that each step has its number.
        patch.setattr(disk, "sync_files", _sync_in_turn)
        patch.setattr(staging, "STALE_AFTER", 0.0)
        before = {number: signal.getsignal(number) for number in disk.HELD}
        signal.signal(signal.SIGTERM, terminated)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background, too
        try:
            yield layer
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
