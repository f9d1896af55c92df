"""The only place that opens a picture: which frame, at which scale, upright and in RGB."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from headstart.arrays import ByteImage
from headstart.errors import ImageError
from headstart.images.formats import (
    EXTENSIONS,
    SNIFFED_BYTES,
    extension_disagrees,
    format_of,
    looks_like,
    webp_size,
)
from headstart.images.header import exif_fields, jpeg_quality
from headstart.images.pixel_modes import to_rgb
from headstart.images.source import opened
from headstart.options import MAX_PIXELS

_here = threading.local()
_lock = threading.Lock()


class _OnlyWhileDecoding(type):
    """Takes every warning for a subclass, but only in a thread that is decoding."""

    def __subclasscheck__(cls, category: type) -> bool:
        return getattr(_here, "depth", 0) > 0


class _DecodingWarning(Warning, metaclass=_OnlyWhileDecoding):
    pass


_FILTER = ("ignore", None, _DecodingWarning, None, 0)


@contextmanager
def quiet_decoding() -> Iterator[None]:
    """Ignore all warnings that this thread gives inside the block.

    Pillow warns of large pictures, odd EXIF and odd animations from within its plugins.
    `warnings.catch_warnings` swaps a list that all threads share, so it cannot be used in decode
    threads. Here one filter stays in the process; it matches only in threads inside the block,
    so the warnings of all other code keep their meaning.
    """
    if not warnings.filters or warnings.filters[0] != _FILTER:
        with _lock:
            warnings.filterwarnings("ignore", category=_DecodingWarning)
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        yield
    finally:
        _here.depth -= 1


__all__ = [
    "DECODE_VERSION",
    "EXTENSIONS",
    "Decoded",
    "decode",
    "decode_picture",
    "extension_disagrees",
]

DECODE_VERSION = 1  # part of the feature cache's key: raise it when any pixel may change

# The plugins themselves, not Image.open: that one guesses, warns, and has a pixel limit of the
# whole process. A JPEG with more pictures behind it (MPO, gain maps) is its first picture.
_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "PPM": PpmImagePlugin.PpmImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "JPEG2000": Jpeg2KImagePlugin.Jpeg2KImageFile,
}
_WEAK_SIGNATURES = ("BMP", "PPM")  # two letters: text can begin with them too


@dataclass(frozen=True)
class Decoded:
    """A picture and what its file says of itself.

    Attributes:
        rgb: pixels, uint8, (h, w, 3); smaller than the header's size after a reduced decoding.
        width: full width in pixels, upright.
        height: full height in pixels, upright.
        format: "JPEG", "PNG", ..., by content.
        mode: Pillow's name for the pixels as stored: "RGB", "P", "CMYK", ...
        frames: frames or pages in the file; the first is used.
        exif: Make, Model, DateTime, DateTimeOriginal, Software, Orientation as text where the
            file has them, and GPS "yes" when it has a place.
        jpeg_quality: estimated from the quantisation table; None for other formats.
    """

    rgb: ByteImage
    width: int
    height: int
    format: str
    mode: str
    frames: int
    exif: dict[str, str]
    jpeg_quality: int | None


def decode(
    source: Path | bytes, *, minimum_side: int | None = None, max_pixels: int = MAX_PIXELS
) -> ByteImage:
    """The pixels of `decode_picture` alone: RGB uint8 (h, w, 3)."""
    return decode_picture(source, minimum_side=minimum_side, max_pixels=max_pixels).rgb


def decode_picture(
    source: Path | bytes, *, minimum_side: int | None = None, max_pixels: int = MAX_PIXELS
) -> Decoded:
    """Decode one picture by the one rule of this program.

    The format is found by content. EXIF orientation is applied (an invalid one counts as 1).
    Transparency, in a palette, a channel or a transparent colour, is composited over white.
    Grey of 16 bits is divided by 257; RGB of 16 bits keeps its high bytes. CMYK is converted,
    inverted as Adobe stores it. The first frame or page counts. Colour profiles are ignored.
    Pixels of 32 bits are refused. A truncated file is an error, also a JPEG that lacks only its
    end marker.

    Args:
        source: a file, or a file's content.
        minimum_side: pixels that the shorter side is needed at; a larger JPEG may then be decoded
            at a half, a quarter or an eighth, never below twice this.
        max_pixels: limit for width times height, checked in the header before decoding.

    Raises:
        ImageError: the cause, without the file's name.
    """
    with opened(source) as stream, quiet_decoding():
        head = stream.read(SNIFFED_BYTES)
        if not head:
            raise ImageError("empty (0 bytes)")
        kind = format_of(head)
        if kind is None:
            raise ImageError(f"not a picture; it looks like {looks_like(head)}")
        stream.seek(0)
        if kind == "HEIC":
            return _decode_heic(stream, max_pixels)
        image = _header(stream, kind, head, max_pixels)
        return _decode_image(image, kind, head, minimum_side)


@contextmanager
def _explained(kind: str) -> Iterator[None]:
    """Turn what Pillow raises for a damaged file, which may be anything, into an ImageError."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(f"not enough memory to decode this {kind}") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"too large for this format's decoder: {error}") from error
    except Exception as error:
        if "truncated" in str(error).lower():
            raise ImageError(f"truncated: the {kind} data end too early") from error
        detail = str(error) or type(error).__name__
        raise ImageError(f"damaged or truncated {kind}: {detail}") from error


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageError(
            f"{width} x {height} = {width * height} pixels, more than the limit of {max_pixels}; "
            "raise it with --max-pixels"
        )


def _header(stream: IO[bytes], kind: str, head: bytes, max_pixels: int) -> ImageFile.ImageFile:
    """The file's picture, its header read and its size allowed, its pixels not decoded yet."""
    if kind == "WEBP":
        _check_size(webp_size(head) or (0, 0), max_pixels)
    try:
        with _explained(kind):
            image = _PLUGINS[kind](stream)
    except ImageError as error:
        if kind in _WEAK_SIGNATURES:
            raise ImageError(f"not a picture; it looks like {looks_like(head)}") from error
        raise
    _check_size(image.size, max_pixels)
    return image


def _decode_image(
    image: ImageFile.ImageFile, kind: str, head: bytes, minimum_side: int | None
) -> Decoded:
    width, height = image.size
    mode = image.mode
    quality = None
    if kind == "JPEG":
        quality = jpeg_quality(image)
        if minimum_side and min(width, height) >= 4 * minimum_side:
            image.draft(None, (2 * minimum_side, 2 * minimum_side))
    depth = head[24] if kind == "PNG" else None
    with _explained(kind):
        if kind == "TIFF":  # Pillow turns a TIFF itself while loading it, and forgets the tag
            exif = exif_fields(image)[1]
            orientation = 1
            image.load()
        else:  # a PNG may have its EXIF behind the pixels
            image.load()
            orientation, exif = exif_fields(image)
        rgb = to_rgb(image, depth=depth, orientation=orientation)
    if orientation >= 5:
        width, height = height, width
    frames = 1 if kind == "JPEG" else _frames(image)
    return Decoded(rgb, width, height, kind, mode, frames, exif, quality)


def _frames(image: Image.Image) -> int:
    """Frames in the file; only those before any damage behind the first frame."""
    try:
        return max(1, int(getattr(image, "n_frames", 1)))
    except Exception:  # the first frame is decoded already; damage behind it harms nobody
        return 1


def _decode_heic(stream: IO[bytes], max_pixels: int) -> Decoded:
    try:
        import pillow_heif
    except ImportError as error:
        raise ImageError(
            'a HEIC picture, which needs pillow-heif: pip install "headstart[heic]"'
        ) from error
    with _explained("HEIC"):
        heif = pillow_heif.open_heif(stream, convert_hdr_to_8bit=True)
        width, height = heif.size
        _check_size((width, height), max_pixels)
        image = heif.to_pillow()
        _, exif = exif_fields(image)  # libheif has turned the pixels already
        rgb = to_rgb(image, depth=None, orientation=1)
    return Decoded(rgb, width, height, "HEIC", heif.mode, len(heif), exif, None)


def read_file(path: Path) -> bytes:
    """A file's bytes, to be decoded and recognised later. Raises ImageError as `decode` does."""
    with opened(path) as stream:
        return stream.read()
