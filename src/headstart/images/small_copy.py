"""Small copies of pictures, as JPEG."""

from __future__ import annotations

import io

from PIL import Image

from headstart.arrays import ByteImage
from headstart.images.decode import decode
from headstart.images.source import ImageSource
from headstart.options import MAX_PIXELS

QUALITY = 82


def small_copy(
    image: ImageSource, side: int, max_pixels: int = MAX_PIXELS
) -> tuple[bytes, int, int]:
    """A JPEG of no more than `side` pixels along each side, its width and height.

    A smaller picture keeps its size. Raises ImageError.
    """
    return small_jpeg(decode(image, minimum_side=side, max_pixels=max_pixels), side)


def small_jpeg(rgb: ByteImage, side: int) -> tuple[bytes, int, int]:
    """`small_copy` of a decoded picture (h, w, 3)."""
    picture = Image.fromarray(rgb)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    picture.save(written, format="JPEG", quality=QUALITY)
    return written.getvalue(), picture.width, picture.height
