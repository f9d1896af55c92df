"""Where one picture comes from: a file, a URL, bytes, or pixels that are there already.

Every other room takes pictures as `ImageSource` and does not ask which kind it is.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from headstart.arrays import ByteImage
from headstart.errors import ImageError, UsageError
from headstart.images.address import MOST_BYTES, Stamp, Url, location, too_large

if TYPE_CHECKING:
    from PIL import Image

Content = bytes | ByteImage  # an encoded picture, or its pixels (h, w, 3)


class ImageSource(ABC):
    """Abstract: one picture's place. Two are equal when they are of one kind and one place."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called in messages and answers."""

    @abstractmethod
    def read(self) -> Content:
        """Its content. Raises ImageError with the cause, without the name."""

    @property
    def bytes_to_read(self) -> int:
        """Bytes that `read` will take, as far as that is known before and they are not here yet."""
        return 0

    def stamp(self) -> Stamp | None:
        """Its stamp; None when it is not there, or can only be recognised by reading it."""
        return None

    def is_absent(self) -> bool:
        """Whether it is known not to be there without asking a server or reading anything."""
        return False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class LocalFile(ImageSource):
    """A file on this machine, kept as text: to make a million paths takes seconds.

    Attributes:
        text: its path as `str(Path(...))` writes it.
    """

    text: str

    @classmethod
    def at(cls, path: Path) -> LocalFile:
        """The file of a path."""
        return cls(str(path))

    @property
    def name(self) -> str:
        """The path as it was given."""
        return self.text

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.text)

    def read(self) -> bytes:
        """The file's bytes. Raises ImageError for what is no regular file, or is too large."""
        return read_bytes(self.path)

    @property
    def bytes_to_read(self) -> int:
        """The regular file's size; 0 where `read` will raise."""
        try:
            status = self.path.stat()
        except (OSError, ValueError):
            return 0
        return status.st_size if stat.S_ISREG(status.st_mode) else 0

    def stamp(self) -> Stamp | None:
        """Absolute path, size and times."""
        try:
            status = self.path.stat()
            absolute = os.path.abspath(self.path)  # noqa: PTH100 - resolve() would follow links
        except (OSError, ValueError):
            return None
        return Stamp(absolute, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def is_absent(self) -> bool:
        """Whether no such file is there."""
        return self.stamp() is None


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
        from headstart.images.decode import pixels_of

        return pixels_of(self.image)


@dataclass(frozen=True)
class Unavailable(ImageSource):
    """A picture of which it is known beforehand why it cannot be read, such as a bad row's."""

    title: str
    cause: str

    @property
    def name(self) -> str:
        """Its title."""
        return self.title

    def read(self) -> Content:
        """Raises ImageError with the cause."""
        raise ImageError(self.cause)


def content_digest(content: Content) -> str:
    """sha256 of a file's bytes, or of pixels with their shape; 64 hexadecimal digits."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    total = hashlib.sha256(f"pixels {content.shape}".encode())
    total.update(np.ascontiguousarray(content).data)
    return total.hexdigest()


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
        if not os.fsdecode(given):
            raise UsageError("a picture's name is empty; give a path, a URL or a picture")
        place = location(given)
        return RemoteFile(place) if isinstance(place, Url) else LocalFile.at(place)
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
    if hasattr(given, "__array__") and getattr(given, "shape", ())[1:] == (1,):
        given = np.asarray(given).ravel()  # a column of names, such as a data frame of one column
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


def local_files(paths: Sequence[Path]) -> tuple[LocalFile, ...]:
    """Files on this machine as sources."""
    return tuple(map(LocalFile.at, paths))


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """A regular file's bytes, at most `most`. Raises ImageError with the cause."""
    _check_regular(path, most)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(why_not_read(path, error)) from error


def open_regular(path: Path) -> BinaryIO:
    """A regular file to read from, as large as it may be. Raises ImageError with the cause."""
    _check_regular(path)
    try:
        return path.open("rb")
    except OSError as error:
        raise ImageError(why_not_read(path, error)) from error


def _check_regular(path: Path, most: float = math.inf) -> None:
    """Raise ImageError for what waits for somebody at its other end, without opening it."""
    if "\0" in str(path):
        raise ImageError("not found; the name has a NUL character")
    try:
        status = path.stat()
    except UnicodeEncodeError as error:
        raise ImageError("not found; the name has what no file's name can have") from error
    except OSError as error:
        raise ImageError(why_not_read(path, error)) from error
    if stat.S_ISDIR(status.st_mode):
        raise ImageError("is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("is not a regular file")
    if status.st_size > most:
        raise ImageError(too_large(status.st_size, int(most)))


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


def not_found(name: str) -> str:
    """That a file is not there; of a path as Windows writes it, what to do about that."""
    if os.name == "nt" or ("\\" not in name and not is_on_drive(name)):
        return "not found"
    if is_on_drive(name):
        return (
            "not found: a Windows path with a drive, which this system does not have; give the "
            "path here (under WSL /mnt/c/... for C:), or names in a table relative to --images"
        )
    return "not found: a Windows path; write / in place of \\"


def is_on_drive(name: str) -> bool:
    """True for a path with a drive of Windows, such as "C:/data" and "C:\\data"."""
    return ":" in name and PureWindowsPath(name).is_absolute()


def why_not_read(path: Path, error: OSError) -> str:
    """The cause in words why a file or a folder cannot be read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "broken link" if path.is_symlink() else not_found(str(path))
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if error.errno == errno.ELOOP:
        return "is a link to itself"
    if error.errno == errno.ENAMETOOLONG:
        return "not found; the name is too long"
    return f"cannot be read: {error.strerror or error}"
