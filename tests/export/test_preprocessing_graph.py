"""The graph prepares a picture to Pillow's bytes, whatever its size and however it is resized."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto
from tests.export.graphs import runner

from headstart.backbones.preprocessing import Crop, Interpolation, Preprocessing
from headstart.errors import UsageError
from headstart.export.preprocessing_graph import check_preprocessing, normalised, prepared_bytes

SIZES = (
    (1, 1), (2, 3), (7, 31), (64, 64), (40, 40), (41, 40), (33, 97), (97, 33), (120, 45),
    (130, 61), (211, 105), (212, 105), (150, 200), (301, 20),
)  # fmt: skip


def steps(
    crop: Crop = "center",
    interpolation: Interpolation = "bicubic",
    size: int = 32,
    resize: int = 40,
) -> Preprocessing:
    return Preprocessing(
        size=32,
        resize=resize,
        crop=crop,
        interpolation=interpolation,
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.25, 0.3),
    )


def picture(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng([height, width])
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize(
    ("crop", "resize"),
    [
        ("center", 40),
        ("center", 33),
        ("center", 32),
        ("squash", 40),
        ("border", 40),
        ("border", 32),
    ],
)
def test_every_byte_is_pillows(crop: Crop, resize: int, interpolation: Interpolation) -> None:
    wanted = steps(crop, interpolation, resize=resize)
    prepare = runner(
        lambda parts, name: prepared_bytes(parts, wanted, name), TensorProto.UINT8, axes=4
    )
    for height, width in SIZES:
        rgb = picture(height, width)
        found = prepare(np.stack([rgb, rgb[::-1]]))
        expected = np.stack([wanted.prepare(rgb), wanted.prepare(rgb[::-1])])
        assert found.dtype == np.float32
        assert np.array_equal(np.moveaxis(found, 1, -1), expected), (height, width)


def test_normalising_is_the_networks_input() -> None:
    wanted = steps()
    scale = runner(lambda parts, name: normalised(parts, wanted, name, "out"), axes=4)
    prepared = np.stack([picture(32, 32)])
    found = np.moveaxis(scale(np.moveaxis(prepared, -1, 1).astype(np.float32)), 1, -1)
    assert np.abs(found - wanted.normalise(prepared)).max() < 1e-6


def test_what_has_no_nodes_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="'nearest' interpolation, which cannot be exported; bil"):
        check_preprocessing(steps(interpolation="nearest"))
    with pytest.raises(UsageError, match="resized to 20 pixels and cut to 32"):
        check_preprocessing(steps(resize=20))
