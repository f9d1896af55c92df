"""Augmented views of a picture: seeded random crops with flips.

A random view depends on the seed, the picture's bytes, the view's number and the epoch, and on
nothing else: not on the order of pictures, the batch, or the number of workers.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from PIL import Image

from headstart.arrays import ByteImage

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
Box = tuple[int, int, int, int]  # left, top, right, bottom, as Pillow counts

SCALE = (0.08, 1.0)  # share of the picture's area, as in the Inception recipe
RATIO = (3 / 4, 4 / 3)  # width by height of the crop
ATTEMPTS = 10
SHA256_DIGITS = 64


def view_rng(seed: int, sha256: str, view: int, epoch: int = 0) -> np.random.Generator:
    """The random numbers of one view of one picture.

    `sha256` is the picture's digest, 64 hexadecimal digits; `seed`, `view` and `epoch` are 0 or
    more. Raises ValueError for anything else.
    """
    if len(sha256) != SHA256_DIGITS:
        raise ValueError(f"a sha256 has {SHA256_DIGITS} hexadecimal digits, got {sha256!r}")
    if min(seed, view, epoch) < 0:
        raise ValueError(f"seed, view and epoch are 0 or more, got {(seed, view, epoch)}")
    # The digest comes as eight words, so that one with leading zeros takes as many places.
    content = [int(sha256[i : i + 8], 16) for i in range(0, SHA256_DIGITS, 8)]
    return np.random.default_rng([*content, view, epoch, seed])


def random_resized_crop_box(
    rng: np.random.Generator,
    height: int,
    width: int,
    *,
    scale: tuple[float, float] = SCALE,
    ratio: tuple[float, float] = RATIO,
) -> Box:
    """A random crop of a picture of `height` x `width` pixels: its area and shape are drawn.

    The area is uniform in `scale` (share of the picture), the logarithm of width by height
    uniform in that of `ratio`. A crop that does not fit is drawn again, ten times; then the
    largest centre crop with an allowed shape is taken. Source: Szegedy et al. 2015, "Going deeper
    with convolutions", section 6.
    """
    _check_range("scale", scale, 1.0)
    _check_range("ratio", ratio, math.inf)
    for _ in range(ATTEMPTS):
        area = height * width * _between(rng, *scale)
        shape = math.exp(_between(rng, math.log(ratio[0]), math.log(ratio[1])))
        crop_width = round(math.sqrt(area * shape))
        crop_height = round(math.sqrt(area / shape))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left = int(rng.random() * (width - crop_width + 1))
            top = int(rng.random() * (height - crop_height + 1))
            return left, top, left + crop_width, top + crop_height
    return _centre_box(height, width, ratio)


def augment(
    rgb: ByteImage,
    rng: np.random.Generator,
    *,
    size: int,
    interpolation: Interpolation = "bilinear",
    scale: tuple[float, float] = SCALE,
) -> ByteImage:
    """One random view (size, size, 3) of a picture (h, w, 3): crop, resize, flip half the time."""
    box = random_resized_crop_box(rng, rgb.shape[0], rgb.shape[1], scale=scale)
    view = _resize(rgb, size, size, interpolation, box)
    return np.ascontiguousarray(view[:, ::-1]) if rng.random() < 0.5 else view


def resize_shorter_side(
    rgb: ByteImage, side: int, *, interpolation: Interpolation = "bilinear"
) -> ByteImage:
    """The picture (h, w, 3) with its shorter side `side` pixels long, its shape kept."""
    height, width = rgb.shape[:2]
    factor = side / min(height, width)
    new_height, new_width = (max(side, round(length * factor)) for length in (height, width))
    if (new_height, new_width) == (height, width):
        return rgb
    return _resize(rgb, new_height, new_width, interpolation)


def _resize(
    rgb: ByteImage, height: int, width: int, interpolation: Interpolation, box: Box | None = None
) -> ByteImage:
    filters = Image.Resampling
    resample = filters[interpolation.upper()]
    # Pillow's filters widen when they shrink a picture, so a small copy has no moiré.
    return np.asarray(Image.fromarray(rgb).resize((width, height), resample, box=box))


def _centre_box(height: int, width: int, ratio: tuple[float, float]) -> Box:
    shape = min(max(width / height, ratio[0]), ratio[1])
    crop_width = min(width, max(1, round(height * shape)))
    crop_height = min(height, max(1, round(width / shape)))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return left, top, left + crop_width, top + crop_height


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * rng.random()


def _check_range(name: str, limits: tuple[float, float], most: float) -> None:
    if not 0 < limits[0] <= limits[1] <= most:
        raise ValueError(f"{name} is two numbers, 0 < low <= high <= {most:g}, got {limits}")
