"""Small copies of pictures that travel inside a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

from headstart.errors import ImageError
from headstart.images.decode import decode
from headstart.images.source import ImageSource
from headstart.options import MAX_PIXELS

SIDE = 160  # pixels of the longer side
QUALITY = 82


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
        picture = Image.fromarray(decode(image, minimum_side=side, max_pixels=max_pixels))
    except ImageError as error:
        return Thumbnail("", 0, 0, str(error))
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    picture.save(written, format="JPEG", quality=QUALITY)
    text = base64.b64encode(written.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{text}", picture.width, picture.height)
