"""The few steps on files that everything written goes through: a test makes each of them fail.

Nothing here writes over a file: `create` makes new ones only, and a file gets another one's name
only by `rename`, when it is whole and on the disk.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HELD = (signal.SIGINT, signal.SIGTERM)
NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM)
NO_EXCHANGE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EBUSY, errno.EXDEV, errno.EPERM)
RENAME_EXCHANGE = 2  # of man 2 renameat2
AT_FDCWD = -100
SYNC_THREADS = 16  # a journal writes many files' ends at once: 240 files took 0.03 s, not 0.8


@contextmanager
def create(path: Path) -> Iterator[BinaryIO]:
    """A new file to write into; it must not be there yet. An error names it. Raises OSError."""
    with named(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "wb") as file:
            yield file


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Give an OSError that has no file's name, such as that of a full disk, this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns the new ones, the uppermost first."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    made = []
    for step in reversed(missing):
        with suppress(FileExistsError):  # by another process at the same moment
            step.mkdir()
            made.append(step)
    return made


def remove(path: Path) -> None:
    """Remove a file or a link, if it is there."""
    with suppress(FileNotFoundError):
        path.unlink()


def remove_folder(folder: Path) -> None:
    """Remove a folder, if it is there and empty."""
    with suppress(OSError):
        folder.rmdir()


def rename(path: Path, name: Path) -> None:
    """Give a file or folder another name; a file of that name is gone in the same moment."""
    path.replace(name)


def link(path: Path, name: Path) -> None:
    """Give a file a second name."""
    os.link(path, name, follow_symlinks=False)


def exchange(one: Path, other: Path) -> bool:
    """Let two names change places in one step; False where the system cannot.

    It is Linux's renameat2 with RENAME_EXCHANGE. Raises OSError for other causes.
    """
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):  # another system, or an old library
        return False
    names = os.fsencode(one), os.fsencode(other)
    if call(AT_FDCWD, names[0], AT_FDCWD, names[1], ctypes.c_uint(RENAME_EXCHANGE)) == 0:
        return True
    code = ctypes.get_errno()
    if code in NO_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(other))


def sync_files(paths: Iterable[Path]) -> None:
    """Wait until files are on the disk, so that no loss of power leaves a name without content."""
    files = list(paths)
    if len(files) == 1:
        sync(files[0])
        return
    with ThreadPoolExecutor(SYNC_THREADS) as pool:
        list(pool.map(sync, files))


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk, where the system can."""
    if path.is_dir() and os.name != "posix":
        return
    with named(path):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except PermissionError:
            return
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in NO_SYNC:
                raise
        finally:
            os.close(descriptor)


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a file or folder of our own as long as the block lasts, so that others see it is used.

    Gives False when another process, or another block, holds it. The system lets go of it when a
    process ends, however it ends.
    """
    if fcntl is None:
        yield True
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        is_ours = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # held, or a file system that cannot tell
            is_ours = False
        yield is_ours
    finally:
        os.close(descriptor)


@contextmanager
def signals_held() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block is over; then they do what they would have done."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python gives signals to the main thread only
        return
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.getsignal(number) for number in HELD}
    try:
        for number in HELD:
            signal.signal(number, note)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for first in came[:1]:
            signal.raise_signal(first)
