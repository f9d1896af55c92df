"""Addresses: what fsspec opens instead of a path, with limits on bytes and seconds."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from headstart.errors import ImageError, MissingExtraError, UsageError

T = TypeVar("T")

MOST_BYTES = 2_000_000_000  # of one file; the largest camera files are a tenth of that
SECONDS = 120.0  # for one request; a large picture over a slow line takes its time
STREAMED = 1 << 20  # bytes at once, of a file whose size nobody tells

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]+"  # one letter alone is a drive of Windows
_URL = re.compile(rf"({_SCHEME}::)*{_SCHEME}://")
_LOCAL_SCHEMES = ("file", "local")
_WEB_SCHEMES = ("http", "https")
# What changes whenever the content does. A time of change is no such thing: most servers tell it
# in whole seconds, within which a file can be written twice.
_VERSION_KEYS = ("ETag", "etag", "generation", "Content-MD5", "Digest")


@dataclass(frozen=True)
class Stamp:
    """How an unchanged picture is recognised without reading it.

    Attributes:
        place: absolute path or URL.
        size: bytes.
        mtime, ctime: of a file in nanoseconds; of a URL numbers that stand for its version.
    """

    place: str
    size: int
    mtime: int
    ctime: int


@dataclass(frozen=True)
class Url:
    """An address that fsspec opens: `s3://`, `gs://`, `https://`, `memory://` and others.

    It answers like a path where a table or a folder may be either.
    """

    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def name(self) -> str:
        """The last part, "labels.csv"."""
        last = self._path.rpartition("/")[2]
        return unquote(last) if self._is_web else last

    @property
    def suffix(self) -> str:
        """The ending of the name, ".csv"."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> Url:
        """The address of the folder; of what lies at the top, the address itself."""
        return Url(f"{self._scheme}://{self._path.rpartition('/')[0] or self._path}")

    def __truediv__(self, name: str) -> Url:
        if self._is_web:
            name = quote(name, safe="/%?&=+,;:@!$'()*~")  # a "#" in a file's name begins no part
        return Url(f"{self.text.rstrip('/')}/{name.lstrip('/')}")

    @property
    def _scheme(self) -> str:
        return self.text.partition("://")[0]

    @property
    def _is_web(self) -> bool:
        return self._scheme.lower() in _WEB_SCHEMES

    @property
    def _path(self) -> str:
        """All behind the scheme; of a web address without what is asked of the server."""
        rest = self.text.partition("://")[2]
        return (re.split(r"[?#]", rest)[0] if self._is_web else rest).rstrip("/")

    def is_dir(self) -> bool:
        """False: folders of pictures are read on this machine only."""
        return False

    def read(self) -> bytes:
        """The bytes behind the address.

        Raises ImageError with the cause, and MissingExtraError when a package is needed for it.
        """
        system, path = self._opened()
        try:
            return _in_time(lambda: _content(system, path))
        except ImportError as error:
            raise _missing(self.text, error) from error
        except ImageError:
            raise
        except Exception as error:  # every protocol has errors of its own
            raise ImageError(_why_not(error)) from error

    def stamp(self) -> Stamp | None:
        """Size and version, where the protocol tells a version that changes with the content.

        Raises MissingExtraError when a package is needed for the address.
        """
        try:
            system, path = self._opened()
            info = _in_time(lambda: system.info(path))
        except MissingExtraError:
            raise
        except Exception:  # reading it will tell the cause
            return None
        told = _version(info)
        if not told or info.get("size") is None:
            return None
        version = hashlib.sha256(told.encode()).digest()
        parts = [int.from_bytes(version[i : i + 7], "big") for i in (0, 7)]
        return Stamp(self.text, int(info["size"]), *parts)

    def _opened(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs

            system, path = url_to_fs(self.text)
        except ImportError as error:
            raise _missing(self.text, error) from error
        except Exception as error:  # of the protocol: no such kind, no host, no account
            raise ImageError(f"no address that can be opened: {_first_line(error)}") from error
        return system, path


def is_url(text: str) -> bool:
    """Whether a text is an address, such as "s3://bucket/a.jpg", and not a path."""
    return _URL.match(text) is not None


def location(text: str | os.PathLike[str] | Url) -> Path | Url:
    """A path, or the address that the text is. Raises UsageError for `file://` and the like."""
    if isinstance(text, Url):
        return text
    plain = os.fsdecode(text)
    if not is_url(plain):
        return on_disk(plain)
    scheme = plain.partition("://")[0].lower()
    if scheme in _LOCAL_SCHEMES or "::" in plain:
        # Such an address would go round the check that a table's rows stay in their folder.
        raise UsageError(f"{plain}: give the path itself, without {scheme}:// or ::")
    return Url(plain)


def on_disk(text: str | os.PathLike[str]) -> Path:
    """A path as this process can open it, also under a locale that has none of its letters.

    There Python keeps a file name's bytes as halves of surrogate pairs, and letters that come from
    a table or a program's text have to be kept so too.
    """
    plain = os.fsdecode(text)
    try:
        return Path(os.fsdecode(plain.encode("utf-8", "surrogateescape")))
    except UnicodeEncodeError:  # no file has such a name, which reading it will say
        return Path(plain)


def too_large(size: int, most: int) -> str:
    """Why a file of so many bytes is not read."""
    return f"has {size:,} bytes, more than the limit of {most:,} for one file"


def _in_time(ask: Callable[[], T]) -> T:
    """The answer of a request, or TimeoutError when it does not come in `SECONDS`.

    A server that stops in the middle must not stop the run, and not every protocol has a limit of
    its own. The thread of a request that never ends is left behind; it holds up nothing.
    """
    answers: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(ask())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="request", daemon=True)
    thread.start()
    thread.join(SECONDS)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError(f"no answer in {SECONDS:g} seconds")
    return answers[0]


def _content(system: Any, path: str) -> bytes:
    size = system.info(path).get("size")
    if size is not None and size > MOST_BYTES:
        raise ImageError(too_large(size, MOST_BYTES))
    if size is not None:
        whole: bytes = system.cat_file(path)
        return whole
    parts, length = [], 0
    with system.open(path, "rb", block_size=0) as stream:
        while part := stream.read(STREAMED):
            parts.append(part)
            length += len(part)
            if length > MOST_BYTES:
                raise ImageError(too_large(length, MOST_BYTES))
    return b"".join(parts)


def _version(info: Mapping[str, Any]) -> str:
    """What tells one content from another, "" for nothing."""
    told = {key: str(info[key]) for key in _VERSION_KEYS if info.get(key)}
    # A weak tag stands for contents that mean the same, whatever their bytes are.
    strong = [f"{key}={value}" for key, value in told.items() if not value.startswith("W/")]
    return "\n".join(strong)


def _missing(text: str, error: ImportError) -> MissingExtraError:
    return MissingExtraError(
        f'{text} needs a package that is not installed ({error}): pip install "headstart[remote]"'
    )


def _why_not(error: Exception) -> str:
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and isinstance(cause, Exception):
        # fsspec says "not found" of a web address whatever happened; the cause knows better.
        absent = isinstance(cause, LookupError) or getattr(cause, "status", None) in (404, 410)
        if not absent:
            return _why_not(cause)
    if isinstance(error, FileNotFoundError | IsADirectoryError):
        return "not found"
    if isinstance(error, PermissionError) or getattr(error, "status", None) in (401, 403):
        return "no permission to read it"
    return f"cannot be read: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
