"""Pictures of known content, and their bytes in a format, for the tests of reading."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

RED, GREEN, BLUE, YELLOW = (220, 40, 40), (40, 180, 60), (40, 60, 220), (230, 210, 50)


def quarters() -> Image.Image:
    """64 x 32 pixels: red and green above, blue and yellow below."""
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:16, :32], pixels[:16, 32:] = RED, GREEN
    pixels[16:, :32], pixels[16:, 32:] = BLUE, YELLOW
    return Image.fromarray(pixels)


def smooth(width: int = 160, height: int = 120) -> Image.Image:
    """Colours that change slowly, so that a reduced decoding is near the whole one."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file's bytes; a JPEG with little loss."""
    buffer = io.BytesIO()
    if kind == "JPEG":
        options = {"quality": 95, "subsampling": 0, **options}
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def orientation(value: int) -> Image.Exif:
    """EXIF data that say nothing but how the picture is turned."""
    exif = Image.Exif()
    exif[0x0112] = value
    return exif
