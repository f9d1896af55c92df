"""The place where something is put together before it takes its name, and what a kill leaves there.

A staging folder lies on the same disk as what it becomes. Its name has a digest of the name that it
is for, so that the next command with that name finds what a killed one left. As long as a process
works in it, it holds it, and no other touches it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from headstart.outputs import disk
from headstart.outputs.manifest import folders_below

PREFIX = ".headstart-"
STALE_AFTER = 2.0  # seconds; a new folder is held within far less


@dataclass
class Staging:
    """A folder in which something is put together.

    Attributes:
        folder: where it lies.
        is_ours: False from when there may be something of the user in it, after an exchange, or
            something that the next command has to finish.
    """

    folder: Path
    is_ours: bool = True


@contextmanager
def staging(parent: Path, target: Path) -> Iterator[Staging]:
    """A new folder in `parent` for what becomes `target`; what is left in it at the end is removed.

    An OSError that names a file in it names the file that it would have become.
    """
    folder = parent / f"{_prefix(target)}{secrets.token_hex(8)}"
    made = Staging(folder)
    try:
        disk.make_folder(folder)
        with disk.held(folder):
            yield made
    except OSError as error:
        _tell_target(error, folder, target)
        raise
    finally:
        if made.is_ours:
            discard(folder)


def _prefix(target: Path) -> str:
    return f"{PREFIX}{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]}-"


def _tell_target(error: OSError, folder: Path, target: Path) -> None:
    """Put the name that the user knows in place of the one in the staging folder."""
    name = error.filename
    path = Path(os.fsdecode(name)) if isinstance(name, str | bytes | Path) else None
    if path is None or path == folder:
        error.filename = str(target)
    elif path.is_relative_to(folder):
        inside = path.relative_to(folder)
        is_known = inside != Path(target.name) and not inside.name.startswith(PREFIX)
        error.filename = str(target / inside if is_known else target)
    if error.filename2 is not None:
        del error.filename2


def left_behind(parent: Path, target: Path) -> Iterator[Path]:
    """The staging folders for `target` that a process left when it was killed, each held."""
    return abandoned(parent, _prefix(target))


def abandoned(parent: Path, prefix: str = PREFIX) -> Iterator[Path]:
    """All staging folders in a folder that killed processes left there, each held."""
    with suppress(OSError):
        for folder in sorted(parent.iterdir()):
            if not folder.name.startswith(prefix) or not _is_stale(folder):
                continue
            with disk.held(folder) as is_free:
                if is_free:
                    yield folder


def _is_stale(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and time.time() - status.st_mtime >= STALE_AFTER


def discard(folder: Path) -> None:
    """Remove a folder of our own with all that is in it, as far as the disk allows."""
    if not folder.is_dir():
        return
    with suppress(OSError):
        for step in folders_below(folder):
            for path in step.iterdir():
                if path.is_symlink() or not path.is_dir():
                    with suppress(OSError):
                        disk.remove(path)
            disk.remove_folder(step)
