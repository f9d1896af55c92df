"""The preprocessing gives what timm's own transform gives, from numbers instead of objects."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from headstart.backbones.preprocessing import Preprocessing

SIZES = [(300, 200), (200, 300), (224, 224), (100, 37), (1, 1), (1, 3), (3, 1), (501, 333)]


def picture(width: int, height: int) -> np.ndarray:
    rng = np.random.default_rng(width * 1000 + height)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def config(**changes: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "input_size": (3, 64, 64),
        "interpolation": "bicubic",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
        "crop_pct": 0.875,
        "crop_mode": "center",
    }
    return {**plain, **changes}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"interpolation": "bilinear", "crop_pct": 0.95},
        {"crop_pct": 1.0},
        {"crop_mode": "squash"},
    ],
)
def test_equals_timms_transform(size: tuple[int, int], changes: dict[str, object]) -> None:
    from timm.data import create_transform

    wanted = config(**changes)
    rgb = picture(*size)
    ours = Preprocessing.from_timm(wanted)
    theirs = create_transform(**wanted)(Image.fromarray(rgb)).numpy()
    got = ours.normalise(ours.prepare(rgb)).transpose(2, 0, 1)
    # Where resizing and cropping are one step here and two there, a byte may round otherwise.
    step = 1 / 255 / min(ours.std)
    assert np.abs(got - theirs).max() <= 1.01 * step
    assert np.abs(got - theirs).mean() <= 0.02 * step


@pytest.mark.parametrize("value", [(255, 1.0), (0, -1.0)])
def test_white_and_black_with_half(value: tuple[int, float]) -> None:
    pixel, expected = value
    steps = Preprocessing.from_timm(config(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)))
    flat = np.full((70, 90, 3), pixel, dtype=np.uint8)
    assert np.allclose(steps.normalise(steps.prepare(flat)), expected, atol=1e-3)


def test_white_and_black_with_imagenets_values() -> None:
    steps = Preprocessing.from_timm(config())
    white = steps.normalise(steps.prepare(np.full((64, 64, 3), 255, np.uint8)))
    black = steps.normalise(steps.prepare(np.zeros((64, 64, 3), np.uint8)))
    assert np.allclose(white[0, 0], [2.2489, 2.4286, 2.6400], atol=1e-3)
    assert np.allclose(black[5, 7], [-2.1179, -2.0357, -1.8044], atol=1e-3)


def test_tiny_pictures_give_a_uniform_input() -> None:
    steps = Preprocessing.from_timm(config())
    for width, height in ((1, 1), (3, 3), (1, 3), (3, 1)):
        rgb = np.full((height, width, 3), (250, 20, 10), np.uint8)
        assert (steps.prepare(rgb) == (250, 20, 10)).all()


def test_border_pads_with_black() -> None:
    steps = Preprocessing.from_timm(config(crop_mode="border", crop_pct=1.0))
    prepared = steps.prepare(np.full((32, 64, 3), 255, np.uint8))
    assert prepared.shape == (64, 64, 3)
    assert (prepared[:15] == 0).all()
    assert (prepared[17:47] == 255).all()


def test_json_round_trip() -> None:
    steps = Preprocessing.from_timm(config(), size=96)
    assert steps.size == 96
    assert steps.resize == 109
    assert Preprocessing.from_json(steps.to_json()) == steps
