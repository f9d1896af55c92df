"""A map in the places of the picture, and the picture with the map over it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from PIL import Image

from headstart.backbones.preprocessing import Preprocessing
from headstart.errors import UsageError
from headstart.explain.explanation import LARGEST_SHOWN, Explanation, between
from headstart.explain.overlay import coloured, shown_over
from headstart.outputs.own_files import is_explanation, is_sheet_among_pictures


def explanation(values: Any, height: int = 40, width: int = 60, **changes: Any) -> Explanation:
    plain: dict[str, Any] = {
        "image": "a.png",
        "class_name": "cat",
        "probability": 0.9,
        "predicted": "cat",
        "method": "cam",
        "values": np.asarray(values, dtype=float),
        "window": (0.0, 0.0, float(width), float(height)),
        "picture": np.full((height, width, 3), 100, dtype=np.uint8),
    }
    return Explanation(**{**plain, **changes})


def test_a_pixel_has_parts_of_the_cells_whose_middles_it_lies_between() -> None:
    parts = between(8, 0, 8, 2)
    assert np.allclose(parts.sum(axis=1), 1)
    assert np.allclose(parts[:, 1], [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1])
    assert np.allclose(between(4, 0, 4, 4), np.eye(4))
    assert np.allclose(between(4, 1, 3, 1)[:, 0], [0, 1, 1, 0])
    assert np.allclose(between(4, -2, 6, 2)[:, 1], [0.125, 0.375, 0.625, 0.875])


@pytest.mark.parametrize("crop", ["center", "squash", "border"])
@pytest.mark.parametrize("shape", [(200, 300), (300, 200), (64, 64), (20, 500)])
def test_the_window_is_where_the_input_came_from(crop: Any, shape: tuple[int, int]) -> None:
    """The middle of a bright square is where the window says, to a pixel of the input."""
    steps = Preprocessing(64, 80 if crop == "center" else 64, crop, "bilinear", (0,) * 3, (1,) * 3)
    height, width = shape
    side = min(shape) // 4
    top, left = height // 2 - side // 4, width // 2 - side // 2  # off the middle
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[top : top + side, left : left + side] = 255
    seen = steps.prepare(picture)[..., 0].astype(float)
    window = steps.window(width, height)
    places = np.arange(64) + 0.5
    x, y = ((seen.sum(axis) @ places) / seen.sum() / 64 for axis in (0, 1))
    across, down = window[2] - window[0], window[3] - window[1]
    assert window[0] + x * across == pytest.approx(left + side / 2, abs=across / 64)
    assert window[1] + y * down == pytest.approx(top + side / 2, abs=down / 64)


def test_the_map_lies_where_the_network_saw_it_and_is_0_elsewhere() -> None:
    found = explanation([[1.0, 3.0]], window=(10.0, 0.0, 50.0, 40.0)).on_picture()
    assert found.shape == (40, 60)
    assert (found[:, :10] == 0).all()
    assert (found[:, 50:] == 0).all()
    assert np.allclose(found[:, 10:20], 1)
    assert np.allclose(found[:, 40:50], 3)
    assert found.mean() * 60 / 40 == pytest.approx(2)


def test_where_nothing_counts_the_picture_is_seen_and_the_strongest_place_is_yellow() -> None:
    picture = np.tile(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], (40, 1, 3))
    shown = explanation([[-1.0, 4.0]], picture=picture).overlay()
    assert np.array_equal(shown[:, :15], picture[:, :15])
    red, green, blue = shown[20, 58].astype(int)
    assert min(red, green) > blue + 80


def test_what_hardly_counts_is_not_drawn_as_if_it_were_much() -> None:
    picture = np.full((4, 4, 3), 100, dtype=np.uint8)
    faint = shown_over(picture, np.full((4, 4), 0.01)).astype(int)
    assert np.abs(faint - 100).max() <= 3
    assert np.array_equal(shown_over(picture, np.full((4, 4), -2.0)), picture)


def test_the_colours_are_viridis() -> None:
    steps = np.linspace(0, 1, 256)
    wanted = np.asarray(matplotlib.colormaps["viridis"](steps))[:, :3] * 255
    assert np.abs(coloured(steps) - wanted).max() < 5


def test_a_large_picture_is_shown_smaller_with_the_map_in_its_place() -> None:
    large = explanation([[-1.0, 4.0]], 500, 3000, window=(1000.0, 0.0, 2000.0, 500.0))
    shown = large.overlay()
    assert shown.shape == (round(500 * LARGEST_SHOWN / 3000), LARGEST_SHOWN, 3)
    coloured_columns = np.flatnonzero((np.ptp(shown.astype(int), axis=2) > 40).any(axis=0))
    assert coloured_columns.min() >= LARGEST_SHOWN / 2 - 2
    assert coloured_columns.max() == pytest.approx(LARGEST_SHOWN * 2 / 3, abs=2)


def test_a_saved_one_is_a_png_with_our_sign_and_replaces_only_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "why.png"
    explanation([[1.0]]).save(path)
    assert is_explanation(path)
    assert is_sheet_among_pictures(path)
    assert Image.open(io.BytesIO(path.read_bytes())).size == (60, 40)
    explanation([[2.0]]).save(path)
    (tmp_path / "mine.png").write_bytes(b"mine")
    with pytest.raises(UsageError, match="is no explanation of this program"):
        explanation([[1.0]]).save(tmp_path / "mine.png")
