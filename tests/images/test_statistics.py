from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageFilter

from headstart.arrays import ByteImage
from headstart.images.decode import Decoded
from headstart.images.statistics import (
    STATISTICS_VERSION,
    ImageStatistics,
    difference_hash,
    measure,
)


def facts_of(rgb: ByteImage, file_bytes: int = 100) -> ImageStatistics:
    height, width = rgb.shape[:2]
    decoded = Decoded(
        rgb=rgb,
        width=width,
        height=height,
        format="JPEG",
        mode="RGB",
        frames=1,
        exif={"Make": "Ünknown \ud800"},
        jpeg_quality=90,
    )
    return measure(decoded, file_bytes)


def scene(width: int = 256, height: int = 192, seed: int = 0) -> ByteImage:
    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC))


def test_header_values_are_passed_on() -> None:
    statistics = facts_of(scene(256, 192), 4321)
    assert (statistics.width, statistics.height, statistics.file_bytes) == (256, 192, 4321)
    assert (statistics.format, statistics.mode, statistics.frames, statistics.jpeg_quality) == (
        "JPEG",
        "RGB",
        1,
        90,
    )
    assert statistics.exif == {"Make": "Ünknown \ud800"}


def test_flat_colour() -> None:
    statistics = facts_of(np.full((50, 70, 3), (200, 100, 40), dtype=np.uint8))
    assert statistics.mean_colour == (200.0, 100.0, 40.0)
    # Rec. 601: 0.299 * 200 + 0.587 * 100 + 0.114 * 40 = 123.06
    assert statistics.brightness == 123.0
    assert statistics.contrast == 0.0
    assert statistics.sharpness == 0.0
    assert statistics.difference_hash == 0
    assert statistics.thumbnail == bytes((200, 100, 40)) * 64
    assert statistics.border == (200.0, 100.0, 40.0) * 8


def test_halves_of_black_and_white() -> None:
    rgb = np.zeros((128, 128, 3), dtype=np.uint8)
    rgb[:, 64:] = 255
    statistics = facts_of(rgb)
    assert statistics.brightness == 127.5
    assert statistics.contrast == 127.5
    # 126 of the inner 126 x 126 pixels are at +255 and as many at -255, all others at 0.
    assert statistics.sharpness == pytest.approx(2 * 126 * 255**2 / 126**2, abs=0.01)
    thumbnail = np.frombuffer(statistics.thumbnail, dtype=np.uint8).reshape(8, 8, 3)
    assert thumbnail[:, :3].max() == 0
    assert thumbnail[:, 5:].min() == 255


def test_border_segments() -> None:
    rgb = np.zeros((160, 160, 3), dtype=np.uint8)
    rgb[:, :, 2] = 128
    rgb[:20, :80] = (255, 0, 0)
    rgb[140:, 80:] = (0, 255, 0)
    segments = np.array(facts_of(rgb).border).reshape(8, 3)
    assert segments[0] == pytest.approx((255, 0, 0), abs=20)  # top left
    assert segments[1] == pytest.approx((0, 0, 128), abs=20)  # top right
    assert segments[2] == pytest.approx((0, 0, 128), abs=20)  # bottom left
    assert segments[3] == pytest.approx((0, 255, 0), abs=20)  # bottom right
    assert segments[4, 0] > 20  # the upper left begins with the red corner
    assert segments[5] == pytest.approx((0, 0, 128), abs=1)  # lower left
    assert segments[6] == pytest.approx((0, 0, 128), abs=1)  # upper right
    assert segments[7, 1] > 20


def test_border_does_not_see_the_middle() -> None:
    plain = np.full((160, 160, 3), 90, dtype=np.uint8)
    other = plain.copy()
    other[24:-24, 24:-24] = 255
    assert facts_of(plain).border == facts_of(other).border


def test_hash_bits() -> None:
    # Brighter to the right in the upper half, darker in the lower one.
    ramp = np.tile(np.linspace(0, 255, 90), (40, 1))
    grey = Image.fromarray(np.concatenate([ramp, ramp[:, ::-1]]).astype(np.uint8))
    assert difference_hash(grey) == 0xFFFFFFFF_00000000
    assert difference_hash(grey.transpose(Image.Transpose.FLIP_LEFT_RIGHT)) == 0x00000000_FFFFFFFF


def test_hash_of_a_known_grid() -> None:
    cells = np.random.default_rng(1).integers(0, 256, (8, 9), dtype=np.uint8)
    expected = 0
    for row in cells.tolist():
        for left, right in pairwise(row):
            expected = expected * 2 + (right > left)
    assert difference_hash(Image.fromarray(cells)) == expected


@pytest.mark.parametrize("size", [(128, 96), (200, 150), (512, 384)])
def test_sizes_compare(size: tuple[int, int]) -> None:
    reference, statistics = facts_of(scene()), facts_of(scene(*size))
    assert (reference.difference_hash ^ statistics.difference_hash).bit_count() <= 2
    assert statistics.brightness == pytest.approx(reference.brightness, abs=1)
    assert statistics.contrast == pytest.approx(reference.contrast, rel=0.03)
    ours, theirs = (
        np.frombuffer(item.thumbnail, dtype=np.uint8).astype(int)
        for item in (reference, statistics)
    )
    assert np.abs(ours - theirs).mean() < 4


def test_blur_lowers_sharpness() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(4)))
    assert facts_of(soft).sharpness < facts_of(noise).sharpness / 10


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 2)])
def test_tiny_and_thin_pictures(size: tuple[int, int]) -> None:
    height, width = size
    statistics = facts_of(np.full((height, width, 3), 77, dtype=np.uint8))
    assert statistics.mean_colour == (77.0, 77.0, 77.0)
    assert len(statistics.thumbnail) == 192


def test_json_round_trip() -> None:
    statistics = facts_of(scene(seed=4))
    text = statistics.to_json()
    assert ImageStatistics.from_json(text) == statistics
    assert "\n" not in text
    assert json.loads(text)["difference_hash"] == f"{statistics.difference_hash:016x}"


def test_json_of_another_kind() -> None:
    values = json.loads(facts_of(scene()).to_json())
    with pytest.raises(ValueError, match=f"statistics of version 0, expected {STATISTICS_VERSION}"):
        ImageStatistics.from_json(json.dumps({**values, "version": 0}))
    with pytest.raises(ValueError, match="statistics with the fields"):
        ImageStatistics.from_json(json.dumps({**values, "extra": 1}))
    with pytest.raises(ValueError, match="statistics are an object"):
        ImageStatistics.from_json("[]")
