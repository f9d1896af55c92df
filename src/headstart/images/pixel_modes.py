"""From any of Pillow's pixel modes to RGB with 8 bits."""

from __future__ import annotations

import numpy as np
from PIL import Image

from headstart.arrays import ByteImage
from headstart.errors import ImageError

T = Image.Transpose
_UPRIGHT = {
    2: T.FLIP_LEFT_RIGHT,
    3: T.ROTATE_180,
    4: T.FLIP_TOP_BOTTOM,
    5: T.TRANSPOSE,
    6: T.ROTATE_270,
    7: T.TRANSVERSE,
    8: T.ROTATE_90,
}
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")


def to_rgb(image: Image.Image, *, depth: int | None, orientation: int) -> ByteImage:
    """`upright_rgb` as an array, uint8, (h, w, 3)."""
    return np.array(upright_rgb(image, depth=depth, orientation=orientation))


def upright_rgb(image: Image.Image, *, depth: int | None, orientation: int) -> Image.Image:
    """Loaded picture to one of the mode RGB, upright and opaque; it may be the picture itself.

    Args:
        image: a loaded picture.
        depth: bits of a sample in a PNG (1 to 16); None for other formats.
        orientation: EXIF orientation, 1 to 8.

    Raises:
        ImageError: the mode has no clear meaning as a colour.
    """
    flat = _flat(image, depth)
    return flat if orientation == 1 else flat.transpose(_UPRIGHT[orientation])


def _flat(image: Image.Image, depth: int | None) -> Image.Image:
    """An opaque RGB picture."""
    mode = image.mode
    wide = mode in _SIXTEEN_BITS or (mode == "I" and image.format in ("PNG", "PPM"))
    if mode in ("I", "F") and not wide:
        kind = "integer" if mode == "I" else "floating-point"
        raise ImageError(
            f"has 32-bit {kind} pixels, whose black and white are not known; "
            "save it with 8 or 16 bits"
        )
    if wide:
        return _from_sixteen_bits(image)
    if mode in _ALPHA:
        return _over_white(image)
    if "transparency" in image.info and mode in ("1", "L", "P", "RGB"):
        _scale_transparency(image, depth)
        return _over_white(image)
    if mode == "RGB":
        return image
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise ImageError(f"has pixels of the kind {mode}; save it as RGB") from error


def _over_white(image: Image.Image) -> Image.Image:
    """Composite over white; what alpha hides wholly does not show."""
    clear = image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    white = Image.new("RGB", clear.size, (255, 255, 255))
    white.paste(clear.convert("RGB"), mask=clear.getchannel("A"))
    return white


def _scale_transparency(image: Image.Image, depth: int | None) -> None:
    """Bring a PNG's transparent colour, stored in its own depth, to Pillow's 8 bits."""
    colour = image.info["transparency"]
    if depth == 16 and isinstance(colour, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in colour)
    elif depth in (2, 4) and image.mode == "L" and isinstance(colour, int):
        image.info["transparency"] = colour * 255 // (2**depth - 1)


def _from_sixteen_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits divided by 257 and rounded; a transparent grey becomes white."""
    wide = np.asarray(image).astype(np.uint32)
    grey = ((wide + 128) // 257).astype(np.uint8)
    hidden = image.info.get("transparency")
    if isinstance(hidden, int):
        grey[wide == hidden] = 255
    return Image.fromarray(grey).convert("RGB")
