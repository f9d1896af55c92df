from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from PIL import Image

from headstart.arrays import ByteImage
from headstart.images.views import (
    augment,
    random_resized_crop_box,
    resize_shorter_side,
    view_rng,
)

DIGEST = hashlib.sha256(b"picture").hexdigest()


def noise(height: int, width: int) -> ByteImage:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


class Fixed(np.random.Generator):
    """Draws the numbers given."""

    def __init__(self, *draws: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.draws = list(draws)

    def random(self, *args: object, **kwargs: object) -> float:  # type: ignore[override]
        return self.draws.pop(0)


def test_box_follows_its_draws() -> None:
    # Area 0.08 + 0.92 * 0.5 = 0.54 of 100 x 200; ratio exp(0) = 1: a square of side 103.9.
    with_room = random_resized_crop_box(Fixed(0.5, 0.5, 0.5, 0.25), 120, 200)
    side = round(math.sqrt(0.54 * 120 * 200))
    left, top = int(0.5 * (200 - side + 1)), int(0.25 * (120 - side + 1))
    assert with_room == (left, top, left + side, top + side)


def test_box_that_never_fits_becomes_the_centre() -> None:
    # A square of half the area is 32 pixels high, the strip has 10: ten attempts of two draws.
    rng = Fixed(*[0.5, 0.5] * 10)
    assert random_resized_crop_box(rng, 10, 200) == (93, 0, 106, 10)
    rng = Fixed(*[0.5, 0.5] * 10)
    assert random_resized_crop_box(rng, 200, 10) == (0, 93, 10, 106)


def test_boxes_lie_inside_and_have_the_wanted_areas_and_shapes() -> None:
    rng = np.random.default_rng(1)
    boxes = np.array([random_resized_crop_box(rng, 300, 300) for _ in range(2000)])
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert boxes.min() >= 0
    assert boxes.max() <= 300
    share, shape = width * height / 300**2, width / height
    assert 0.078 < share.min() < 0.1
    assert 0.95 < share.max() <= 1
    assert 0.74 < shape.min() < 0.78
    assert 1.28 < shape.max() < 1.35


def test_scale_narrows_the_areas() -> None:
    rng = np.random.default_rng(1)
    boxes = [random_resized_crop_box(rng, 300, 300, scale=(0.35, 0.5)) for _ in range(200)]
    shares = [(right - left) * (low - top) / 300**2 for left, top, right, low in boxes]
    assert min(shares) > 0.34
    assert max(shares) < 0.51


@pytest.mark.parametrize("scale", [(0.0, 1.0), (0.5, 0.2), (0.5, 1.5)])
def test_wrong_scale_is_refused(scale: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="scale"):
        random_resized_crop_box(np.random.default_rng(0), 9, 9, scale=scale)


def test_one_pixel_can_be_cropped() -> None:
    view = augment(np.full((1, 1, 3), 200, np.uint8), np.random.default_rng(0), size=4)
    assert view.shape == (4, 4, 3)
    assert (view == 200).all()


def test_view_is_the_crop_resized_and_flipped() -> None:
    picture = noise(50, 60)
    draws = [0.5, 0.5, 0.5, 0.5]
    box = random_resized_crop_box(Fixed(*draws), 50, 60)
    plain = Image.fromarray(picture).resize((24, 24), Image.Resampling.BICUBIC, box=box)
    straight = augment(picture, Fixed(*draws, 0.5), size=24, interpolation="bicubic")
    flipped = augment(picture, Fixed(*draws, 0.49), size=24, interpolation="bicubic")
    assert np.array_equal(straight, np.asarray(plain))
    assert np.array_equal(flipped, np.asarray(plain)[:, ::-1])


def test_view_depends_on_seed_content_number_and_epoch_only() -> None:
    first = view_rng(13, DIGEST, 1, 2).random()
    assert view_rng(13, DIGEST, 1, 2).random() == first
    other = hashlib.sha256(b"other").hexdigest()
    different = {
        view_rng(14, DIGEST, 1, 2).random(),
        view_rng(13, other, 1, 2).random(),
        view_rng(13, DIGEST, 2, 2).random(),
        view_rng(13, DIGEST, 2, 1).random(),
        view_rng(13, DIGEST, 1).random(),
        first,
    }
    assert len(different) == 6


def test_wrong_digest_or_number_is_refused() -> None:
    with pytest.raises(ValueError, match="64 hexadecimal"):
        view_rng(13, "ab", 1)
    with pytest.raises(ValueError, match="0 or more"):
        view_rng(-1, DIGEST, 1)


def test_shorter_side_is_resized_and_the_shape_kept() -> None:
    assert resize_shorter_side(noise(100, 201), 50).shape == (50, 100, 3)
    assert resize_shorter_side(noise(90, 30), 60).shape == (180, 60, 3)
    picture = noise(40, 70)
    assert resize_shorter_side(picture, 40) is picture
