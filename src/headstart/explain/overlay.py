"""A map over its picture: perceptually uniform colours, clear where nothing counts."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, PngImagePlugin

from headstart.arrays import ByteImage, FloatArray
from headstart.outputs.own_files import EXPLANATION_SIGN

# matplotlib's "viridis" at every 15th of its 256 steps, for an exported model is explained without
# matplotlib. Equal steps look equally large, also without colour vision.
VIRIDIS = np.array(
    [
        (68, 1, 84), (72, 23, 105), (71, 42, 122), (67, 61, 132), (61, 78, 138),
        (53, 94, 141), (46, 109, 142), (41, 123, 142), (35, 137, 142), (31, 151, 139),
        (33, 165, 133), (46, 179, 124), (70, 192, 111), (101, 203, 94), (137, 213, 72),
        (176, 221, 47), (216, 226, 25), (253, 231, 37),
    ],
    dtype=np.float64,
)  # fmt: skip
MOST_COVERED = 0.75  # of the picture, where most speaks for the class
LEAST_SCALE = 0.5  # of a logit: less than this is not drawn as if it were much


def shown_over(picture: ByteImage, values: FloatArray) -> ByteImage:
    """A picture (H, W, 3) in grey with the positive part of a map (H, W) over it in colour.

    Colour and cover grow with the value, up to the largest of the map. On a coloured picture a
    police car's own yellow and blue could not be told from the map's.
    """
    share = np.clip(values / max(float(values.max()), LEAST_SCALE), 0, 1)
    cover = (MOST_COVERED * share)[..., None]
    grey = np.asarray(Image.fromarray(picture).convert("L"))[..., None]
    mixed = cover * coloured(share) + (1 - cover) * grey
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def coloured(share: FloatArray) -> FloatArray:
    """Shares from 0 to 1 as colours from dark blue to yellow, (..., 3) from 0 to 255."""
    steps = np.linspace(0, 1, len(VIRIDIS))
    return np.stack([np.interp(share, steps, VIRIDIS[:, c]) for c in range(3)], axis=-1)


def png_bytes(picture: ByteImage) -> bytes:
    """A PNG file with this program's sign in its notes."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Software", EXPLANATION_SIGN)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", pnginfo=notes)
    return file.getvalue()
