"""A file or bytes as a stream, and why a file cannot be opened, in words."""

from __future__ import annotations

import errno
import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from headstart.errors import ImageError


@contextmanager
def opened(source: Path | bytes) -> Iterator[IO[bytes]]:
    """Open a file for reading, or wrap bytes. Raises ImageError with the cause."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    try:
        mode = source.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ImageError("is a folder, not a file")
        if not stat.S_ISREG(mode):
            raise ImageError("is not a regular file")
        stream = source.open("rb")
    except OSError as error:
        raise ImageError(_why_not_opened(source, error)) from error
    except ValueError as error:
        raise ImageError("not found; the name has a NUL character") from error
    with stream:
        yield stream


def _why_not_opened(source: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "broken link" if source.is_symlink() else "not found"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if error.errno == errno.ELOOP:
        return "is a link to itself"
    if error.errno == errno.ENAMETOOLONG:
        return "not found; the name is too long"
    return f"cannot be read: {error.strerror or error}"
