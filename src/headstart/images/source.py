"""Where one picture comes from: a file, a URL, bytes, or pixels that are there already.

Every other room takes pictures as `ImageSource` and does not ask which kind it is.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np

from headstart.arrays import ByteImage
from headstart.errors import ImageError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from PIL import Image

MOST_BYTES = 2_000_000_000  # of one file; the largest camera files are a tenth of that
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # one letter alone is a drive of Windows
_LOCAL_SCHEMES = ("file", "local")
_VERSION_KEYS = ("ETag", "etag", "generation", "mtime", "LastModified", "last_modified", "created")

Content = bytes | ByteImage  # an encoded picture, or its pixels (h, w, 3)


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


class ImageSource(ABC):
    """Abstract: one picture's place. Two are equal when they are of one kind and one place."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called in messages and answers."""

    @abstractmethod
    def read(self) -> Content:
        """Its content. Raises ImageError with the cause, without the name."""

    def stamp(self) -> Stamp | None:
        """Its stamp; None when it is not there, or can only be recognised by reading it."""
        return None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class LocalFile(ImageSource):
    """A file on this machine."""

    path: Path

    @property
    def name(self) -> str:
        """The path as it was given."""
        return str(self.path)

    def read(self) -> bytes:
        """The file's bytes. Raises ImageError for what is no regular file, or is too large."""
        return read_bytes(self.path)

    def stamp(self) -> Stamp | None:
        """Absolute path, size and times."""
        try:
            status = self.path.stat()
            absolute = os.path.abspath(self.path)  # noqa: PTH100 - resolve() would follow links
        except (OSError, ValueError):
            return None
        return Stamp(absolute, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


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
        return unquote(PurePosixPath(urlsplit(self.text).path).name)

    @property
    def suffix(self) -> str:
        """The ending of the name, ".csv"."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> Url:
        """The address of the folder."""
        start, mark, rest = self.text.partition("://")
        path = re.split(r"[?#]", rest)[0].rstrip("/")
        return Url(f"{start}{mark}{path.rpartition('/')[0] or path}")

    def __truediv__(self, name: str) -> Url:
        return Url(f"{self.text.rstrip('/')}/{name.lstrip('/')}")

    def is_dir(self) -> bool:
        """False: folders of pictures are read on this machine only."""
        return False

    def read(self) -> bytes:
        """The bytes behind the address.

        Raises ImageError with the cause, and MissingExtraError when a package is needed for it.
        """
        system, path = self._opened()
        try:
            size = system.info(path).get("size")
            if size is not None and size > MOST_BYTES:
                raise ImageError(_too_large(size))
            content: bytes = system.cat_file(path)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise ImageError("not found") from error
        except PermissionError as error:
            raise ImageError("no permission to read it") from error
        except ImportError as error:
            raise _missing(self.text, error) from error
        except ImageError:
            raise
        except Exception as error:  # every protocol has errors of its own
            cause = str(error).strip().splitlines() or [type(error).__name__]
            raise ImageError(f"cannot be read: {cause[0]}") from error
        return content

    def stamp(self) -> Stamp | None:
        """Size and version, where the protocol tells a version that changes with the content."""
        system, path = self._opened()
        try:
            info = system.info(path)
        except Exception:  # reading it will tell the cause
            return None
        told = [f"{key}={info[key]}" for key in _VERSION_KEYS if info.get(key)]
        if not told or info.get("size") is None:
            return None
        version = hashlib.sha256("\n".join(told).encode()).digest()
        parts = [int.from_bytes(version[i : i + 7], "big") for i in (0, 7)]
        return Stamp(self.text, int(info["size"]), *parts)

    def _opened(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise _missing(self.text, error) from error
        try:
            system, path = url_to_fs(self.text)
        except ImportError as error:
            raise _missing(self.text, error) from error
        except ValueError as error:
            raise ImageError(f"no such kind of address: {error}") from error
        return system, path


@dataclass(frozen=True)
class RemoteFile(ImageSource):
    """A picture behind a URL."""

    url: Url

    @property
    def name(self) -> str:
        """The address."""
        return self.url.text

    def read(self) -> bytes:
        """The bytes. Raises ImageError and MissingExtraError as `Url.read`."""
        return self.url.read()

    def stamp(self) -> Stamp | None:
        """Size and version, where the protocol has one."""
        return self.url.stamp()


@dataclass(frozen=True)
class EncodedImage(ImageSource):
    """A picture file's bytes in memory."""

    content: bytes
    title: str = "bytes"

    @property
    def name(self) -> str:
        """Its title."""
        return self.title

    def read(self) -> bytes:
        """The bytes."""
        return self.content


@dataclass(frozen=True, eq=False)
class PixelImage(ImageSource):
    """Pixels in memory: RGB uint8 (h, w, 3)."""

    pixels: ByteImage
    title: str = "pixels"

    @property
    def name(self) -> str:
        """Its title."""
        return self.title

    def read(self) -> ByteImage:
        """The pixels."""
        return self.pixels


@dataclass(frozen=True, eq=False)
class PillowImage(ImageSource):
    """A picture that Pillow holds; turned to RGB as a file's picture is, when it is read."""

    image: Image.Image
    title: str = "picture"

    @property
    def name(self) -> str:
        """The file it was opened from, else its title."""
        return str(getattr(self.image, "filename", "") or self.title)

    def read(self) -> ByteImage:
        """RGB uint8 (h, w, 3), upright and over white. Raises ImageError for odd pixels."""
        return self._pixels

    @cached_property
    def _pixels(self) -> ByteImage:
        from headstart.images.decode import pixels_of

        return pixels_of(self.image)


def content_digest(content: Content) -> str:
    """sha256 of a file's bytes, or of pixels with their shape; 64 hexadecimal digits."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    total = hashlib.sha256(f"pixels {content.shape}".encode())
    total.update(np.ascontiguousarray(content).data)
    return total.hexdigest()


def is_url(text: str) -> bool:
    """Whether a text is an address, such as "s3://bucket/a.jpg", and not a path."""
    return _URL.match(text) is not None


def location(text: str | os.PathLike[str] | Url) -> Path | Url:
    """A path, or the address that the text is. Raises UsageError for `file://` and the like."""
    if isinstance(text, Url):
        return text
    plain = os.fspath(text)
    if not is_url(plain):
        return Path(plain)
    scheme = plain.partition("://")[0].lower()
    if scheme in _LOCAL_SCHEMES or "::" in plain:
        # Such an address would go round the check that a table's rows stay in their folder.
        raise UsageError(f"{plain}: give the path itself, without {scheme}:// or ::")
    return Url(plain)


def image_source(given: Any, title: str = "picture") -> ImageSource:
    """The source of what a caller gives for a picture.

    Args:
        given: a path (str or os.PathLike), a URL (str), a file's bytes, a Pillow image, a uint8
            array (h, w, 3) in RGB, or an ImageSource.
        title: what a picture without a name is called in messages.

    Raises TypeError, which says what a wrong thing is, and UsageError for an empty name.
    """
    if isinstance(given, ImageSource):
        return given
    if isinstance(given, str | os.PathLike):
        if not os.fspath(given):
            raise UsageError("a picture's name is empty; give a path, a URL or a picture")
        place = location(given)
        return RemoteFile(place) if isinstance(place, Url) else LocalFile(place)
    if isinstance(given, bytes | bytearray | memoryview):
        return EncodedImage(bytes(given), title)
    if isinstance(given, np.ndarray):
        return PixelImage(_checked_pixels(given, title), title)
    if _is_pillow(given):
        return PillowImage(given, title)
    raise TypeError(
        f"{title} is of type {type(given).__name__}; a picture is a path, a URL, bytes, a Pillow "
        "image or a uint8 array (height, width, 3)"
    )


def image_sources(given: Iterable[Any], name: str = "X") -> tuple[ImageSource, ...]:
    """Sources of several pictures, of anything that can be iterated once.

    `name` is what the collection is called in messages: its third item is "X[2]".
    Raises TypeError for a single picture, and for items that are none.
    """
    if isinstance(given, np.ndarray) and given.ndim == 2 and given.shape[1:] == (1,):
        given = given.ravel()  # a column of names
    if isinstance(given, str | os.PathLike | bytes | bytearray) or _is_pillow(given):
        what = "path" if isinstance(given, str | os.PathLike) else "picture"
        raise TypeError(f"expected a sequence of pictures, got one {what}; put it into a list")
    if isinstance(given, np.ndarray) and given.ndim in (2, 3) and given.dtype.kind in "uif":
        raise TypeError(
            f"{name} is one array {given.shape}; pictures are a list of arrays (height, width, 3) "
            "or one array (n, height, width, 3)"
        )
    if not isinstance(given, Iterable):
        raise TypeError(f"{name} is of type {type(given).__name__}; expected a list of pictures")
    return tuple(image_source(item, f"{name}[{row}]") for row, item in enumerate(given))


def local_path(source: ImageSource) -> Path | None:
    """The path of a file on this machine; None for every other kind."""
    return source.path if isinstance(source, LocalFile) else None


def local_files(paths: Sequence[Path]) -> tuple[LocalFile, ...]:
    """Files on this machine as sources."""
    return tuple(map(LocalFile, paths))


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """A regular file's bytes, at most `most`. Raises ImageError with the cause."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError("is a folder, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise ImageError("is not a regular file")
        if status.st_size > most:
            raise ImageError(_too_large(status.st_size, most))
        return path.read_bytes()
    except OSError as error:
        raise ImageError(_why_not_read(path, error)) from error
    except ValueError as error:
        raise ImageError("not found; the name has a NUL character") from error


def _is_pillow(given: Any) -> bool:
    from PIL import Image

    return isinstance(given, Image.Image)


def _checked_pixels(given: Any, title: str) -> ByteImage:
    """The array itself. Raises TypeError unless it is uint8 (h, w, 3) with h and w above 0."""
    if given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3 or not given.size:
        raise TypeError(
            f"{title} is an array of {given.dtype} {given.shape}; a picture is a uint8 array "
            "(height, width, 3) in RGB with values from 0 to 255"
        )
    return np.ascontiguousarray(given)


def _too_large(size: int, most: int = MOST_BYTES) -> str:
    return f"has {size:,} bytes, more than the limit of {most:,} for one file"


def _missing(text: str, error: ImportError) -> MissingExtraError:
    return MissingExtraError(
        f'{text} needs a package that is not installed ({error}): pip install "headstart[remote]"'
    )


def _why_not_read(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "broken link" if path.is_symlink() else "not found"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if error.errno == errno.ELOOP:
        return "is a link to itself"
    if error.errno == errno.ENAMETOOLONG:
        return "not found; the name is too long"
    return f"cannot be read: {error.strerror or error}"
