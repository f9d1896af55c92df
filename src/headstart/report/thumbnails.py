"""Small copies of pictures that travel inside a page."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from headstart.arrays import ByteImage
from headstart.errors import ImageError
from headstart.images.small_copy import small_copy, small_jpeg
from headstart.images.source import ImageSource
from headstart.options import MAX_PIXELS

SIDE = 160  # pixels of the longer side


@dataclass(frozen=True)
class Thumbnail:
    """A small picture as a data URI with its size in pixels, or why there is none."""

    uri: str
    width: int
    height: int
    error: str = ""


def thumbnail(image: ImageSource, *, side: int = SIDE, max_pixels: int = MAX_PIXELS) -> Thumbnail:
    """The picture at no more than `side` pixels as JPEG; a smaller one keeps its size."""
    try:
        return _in_page(*small_copy(image, side, max_pixels))
    except ImageError as error:
        return Thumbnail("", 0, 0, str(error))


def thumbnail_of(rgb: ByteImage, side: int = SIDE) -> Thumbnail:
    """`thumbnail` of a decoded picture (h, w, 3)."""
    return _in_page(*small_jpeg(rgb, side))


def _in_page(content: bytes, width: int, height: int) -> Thumbnail:
    return Thumbnail(f"data:image/jpeg;base64,{base64.b64encode(content).decode()}", width, height)
