"""The only place that opens a picture: which frame, at which scale, upright and in RGB."""

from __future__ import annotations

import io
import re
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    WebPImagePlugin,
)

from headstart.arrays import ByteImage
from headstart.errors import ImageError
from headstart.images.decoder_messages import quiet_decoding, quiet_libtiff
from headstart.images.exif import exif_fields, jpeg_quality
from headstart.images.formats import (
    EXTENSIONS,
    SNIFFED_BYTES,
    extension_disagrees,
    format_of,
    looks_like,
    webp_size,
)
from headstart.images.jpeg_file import JpegFile
from headstart.images.memory_budget import SINGLE, Claim
from headstart.images.pixel_modes import to_rgb, upright_rgb
from headstart.images.source import Content, ImageSource, read_bytes
from headstart.images.tiff_file import TiffFile
from headstart.options import MAX_PIXELS

# Pillow reads an image's pixels when they are first used, which two threads must not do at once.
# One lock for each image would be kept for ever; a prime number of them spreads the addresses.
_turns = tuple(threading.Lock() for _ in range(61))

__all__ = [
    "DECODE_VERSION",
    "EXTENSIONS",
    "Decoded",
    "decode",
    "decode_picture",
    "extension_disagrees",
]

DECODE_VERSION = 2  # part of the feature cache's key: raise it when a pixel or an error may change


# The plugins themselves, not Image.open: that one guesses, warns, and has a pixel limit of the
# whole process. A JPEG with more pictures behind it (MPO, gain maps) is its first picture.
_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegFile,
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "TIFF": TiffFile,
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
        reduction: 1, or 2, 4 or 8 when a JPEG was decoded at that part of its size.
        width: full width in pixels, upright.
        height: full height in pixels, upright.
        format: "JPEG", "PNG", ..., by content; "pixels" for an array.
        mode: Pillow's name for the pixels as stored: "RGB", "P", "CMYK", ...
        frames: frames or pages in the file; the first is used.
        exif: Make, Model, DateTime, DateTimeOriginal, Software, Orientation as text where the
            file has them, and GPS "yes" when it has a place.
        jpeg_quality: estimated from the quantisation table; None for other formats.
        picture: the same pixels as Pillow has them, where it decoded them.
    """

    rgb: ByteImage
    width: int
    height: int
    format: str
    mode: str
    frames: int
    exif: dict[str, str]
    jpeg_quality: int | None
    reduction: int = 1
    picture: Image.Image | None = None

    @property
    def image(self) -> Image.Image:
        """The pixels as a Pillow image, without a copy where Pillow decoded them."""
        return Image.fromarray(self.rgb) if self.picture is None else self.picture


Given = ImageSource | Path | Content


def decode(
    source: Given, *, minimum_side: int | None = None, max_pixels: int = MAX_PIXELS
) -> ByteImage:
    """The pixels of `decode_picture` alone: RGB uint8 (h, w, 3).

    Of large pictures that several threads want, only so many are decoded at once as the usual
    limit of memory allows.
    """
    with SINGLE.share() as claim:
        return decode_picture(
            source, minimum_side=minimum_side, max_pixels=max_pixels, claim=claim
        ).rgb


def reduction(shorter_side: int, minimum_side: int | None) -> int:
    """The part (1, 2, 4 or 8) at which a JPEG is decoded, never below twice `minimum_side`."""
    wanted = shorter_side // (2 * minimum_side) if minimum_side else 1
    return next((part for part in (8, 4, 2) if wanted >= part), 1)


def decode_picture(
    source: Given,
    *,
    minimum_side: int | None = None,
    max_pixels: int = MAX_PIXELS,
    claim: Claim | None = None,
) -> Decoded:
    """Decode one picture by the one rule of this program.

    The format is found by content. EXIF orientation is applied (an invalid one counts as 1).
    Transparency, in a palette, a channel or a transparent colour, is composited over white.
    Grey of 16 bits is divided by 257; RGB of 16 bits keeps its high bytes. CMYK is converted,
    inverted as Adobe stores it. The first frame or page counts. Colour profiles are ignored.
    Pixels of 32 bits are refused. A truncated file is an error, also a JPEG that lacks only its
    end marker.

    Args:
        source: a picture's source, a file, a file's content, or pixels (h, w, 3).
        minimum_side: pixels that the shorter side is needed at; a larger JPEG may then be decoded
            at a half, a quarter or an eighth, never below twice this.
        max_pixels: limit for width times height, checked in the header before decoding.
        claim: told of the pixels to be decoded before they are, and may wait until there is room.

    Raises:
        ImageError: the cause, without the file's name.
    """
    content = read_content(source)
    if isinstance(content, np.ndarray):
        height, width = content.shape[:2]
        _check_size((width, height), max_pixels)
        return Decoded(content, width, height, "pixels", "RGB", 1, {}, None)
    head = content[:SNIFFED_BYTES]
    if not head:
        raise ImageError("empty (0 bytes)")
    kind = format_of(head)
    if kind is None:
        raise ImageError(f"not a picture; it looks like {looks_like(head)}")
    stream = io.BytesIO(content)
    with _quiet(kind):
        if kind == "HEIC":
            return _decode_heic(stream, max_pixels, claim)
        image = _header(stream, kind, head, max_pixels)
        return _decode_image(image, kind, head, minimum_side, claim)


@contextmanager
def _quiet(kind: str) -> Iterator[None]:
    """Nothing that decoders say reaches the terminal."""
    with quiet_decoding(), quiet_libtiff() if kind == "TIFF" else nullcontext():
        yield


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
        raise ImageError(f"damaged or truncated {kind}{_told(error)}") from error


def _told(error: Exception) -> str:
    """Pillow's words behind a colon; "" for those of a plugin that stumbled over what it read."""
    origin = error.__cause__ or error
    is_stumble = isinstance(origin, struct.error | LookupError) and str(origin) == str(error)
    return "" if is_stumble or not str(error) else f": {error}"


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageError(
            f"{width} x {height} = {width * height} pixels, more than the limit of {max_pixels}; "
            "raise it with --max-pixels"
        )


def _header(stream: io.BytesIO, kind: str, head: bytes, max_pixels: int) -> ImageFile.ImageFile:
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
    if isinstance(image, JpegFile):
        image.check(stream.getvalue())
    return image


def _decode_image(
    image: ImageFile.ImageFile,
    kind: str,
    head: bytes,
    minimum_side: int | None,
    claim: Claim | None,
) -> Decoded:
    width, height = image.size
    mode = image.mode
    quality, part = None, 1
    if kind == "JPEG":
        quality = jpeg_quality(image)
        part = reduction(min(width, height), minimum_side)
        if part > 1:
            image.draft(None, (width // part, height // part))
    depth = head[24] if kind == "PNG" else None
    if claim is not None:
        claim(image.width * image.height)  # as reduced
    with _explained(kind):
        if kind == "TIFF":  # Pillow turns a TIFF itself while loading it, and forgets the tag
            exif = exif_fields(image)[1]
            orientation = 1
            image.load()
        else:  # a PNG may have its EXIF behind the pixels
            image.load()
            orientation, exif = exif_fields(image)
        picture = upright_rgb(image, depth=depth, orientation=orientation)
        rgb = np.array(picture)
    if orientation >= 5:
        width, height = height, width
    frames = 1 if kind == "JPEG" else _frames(image)
    # To count its frames may have let go of the file's own pixels.
    kept = None if picture is image and kind != "JPEG" else picture
    return Decoded(rgb, width, height, kind, mode, frames, exif, quality, part, kept)


def pixels_of(image: Image.Image) -> ByteImage:
    """A Pillow image by the same rule as a file: RGB uint8 (h, w, 3), upright and over white.

    The image itself stays as it is. Raises ImageError as `decode_picture`.
    """
    kind = image.format or "picture"
    with _turns[id(image) % len(_turns)], _quiet(kind), _explained(kind):
        depth = _depth(image)
        loaded = image.copy()
        loaded.format = image.format
        orientation = exif_fields(loaded)[0]
        return to_rgb(loaded, depth=depth, orientation=orientation)


def _depth(image: Image.Image) -> int | None:
    """Bits of a sample in a PNG, which Pillow forgets when it reads the pixels; None then."""
    tiles = getattr(image, "tile", ())
    if image.format != "PNG" or not tiles:
        return None
    bits = re.search(r";(\d+)", str(tiles[0][3]))  # of a raw mode such as "RGB;16B"
    return int(bits[1]) if bits else 8


def _frames(image: Image.Image) -> int:
    """Frames in the file; only those before any damage behind the first frame."""
    try:
        return max(1, int(getattr(image, "n_frames", 1)))
    except Exception:  # the first frame is decoded already; damage behind it harms nobody
        return 1


def _decode_heic(stream: IO[bytes], max_pixels: int, claim: Claim | None) -> Decoded:
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
        if claim is not None:
            claim(width * height)
        image = heif.to_pillow()
        _, exif = exif_fields(image)  # libheif has turned the pixels already
        rgb = to_rgb(image, depth=None, orientation=1)
    return Decoded(rgb, width, height, "HEIC", heif.mode, len(heif), exif, None)


def read_content(source: Given) -> Content:
    """What is to be decoded and recognised. Raises ImageError as `decode` does."""
    if isinstance(source, ImageSource):
        return source.read()
    return read_bytes(source) if isinstance(source, Path) else source
