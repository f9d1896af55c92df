from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from headstart.data import near_duplicates
from headstart.data.near_duplicates import (
    NearPairs,
    NearThresholds,
    hash_distance,
    mirrored_hashes,
    near_pairs,
)
from headstart.images.statistics import difference_hash

STRICT = NearThresholds()


def all_pairs(found: list[NearPairs]) -> list[tuple[int, int, int]]:
    return [
        (int(a), int(b), int(bits))
        for part in found
        for a, b, bits in zip(part.first, part.second, part.bits, strict=True)
    ]


def test_hash_distance() -> None:
    first = np.array([0, 0b1011, 2**64 - 1], dtype=np.uint64)
    second = np.array([0, 0b0110, 0], dtype=np.uint64)
    assert hash_distance(first, second).tolist() == [0, 3, 64]


def test_mirrored_hashes_are_those_of_mirrored_pictures() -> None:
    plain, mirrored = [], []
    for seed in range(20):
        cells = np.random.default_rng(seed).permutation(8 * 9).reshape(8, 9).astype(np.uint8) * 3
        plain.append(difference_hash(Image.fromarray(cells)))
        mirrored.append(difference_hash(Image.fromarray(np.ascontiguousarray(cells[:, ::-1]))))
    hashes = np.array(plain, dtype=np.uint64)
    assert mirrored_hashes(hashes).tolist() == mirrored
    assert mirrored_hashes(mirrored_hashes(hashes)).tolist() == plain


@pytest.mark.parametrize(("bits", "expected"), [(6, [(0, 1, 6)]), (7, [])])
def test_limit_of_bits(bits: int, expected: list[tuple[int, int, int]]) -> None:
    thumbnail = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    thumbnails = np.repeat(thumbnail, 2, axis=0)
    hashes = np.array([0, 2**bits - 1], dtype=np.uint64)
    assert all_pairs(list(near_pairs(hashes, thumbnails, None, STRICT))) == expected


@pytest.mark.parametrize(("amplitude", "count"), [(3, 0), (8, 1)])
def test_limit_of_contrast(amplitude: int, count: int) -> None:
    # A checkerboard around 128: its spread is the amplitude; the limit is 5 levels.
    board = (np.indices((8, 8)).sum(axis=0) % 2) * 2 - 1
    thumbnail = np.repeat((128 + amplitude * board)[..., None], 3, axis=2).astype(np.uint8)
    hashes = np.zeros(2, dtype=np.uint64)
    thumbnails = np.stack([thumbnail, thumbnail])
    assert len(all_pairs(list(near_pairs(hashes, thumbnails, None, STRICT)))) == count


@pytest.mark.parametrize(("shift", "count"), [(20, 1), (40, 0)])
def test_limit_of_tint(shift: int, count: int) -> None:
    grey = np.random.default_rng(0).integers(50, 200, (8, 8, 1)).repeat(3, axis=2)
    tinted = grey + np.array([shift, 0, -shift])  # its tint is the shift, in red and in blue
    thumbnails = np.stack([grey, tinted]).astype(np.uint8)
    hashes = np.zeros(2, dtype=np.uint64)
    assert len(all_pairs(list(near_pairs(hashes, thumbnails, None, STRICT)))) == count


def test_features_of_an_unreadable_picture() -> None:
    thumbnails = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    features = np.array([[1, 2], [np.nan, np.nan]], dtype=np.float32)
    with pytest.raises(ValueError, match="not all finite"):
        list(near_pairs(np.zeros(2, dtype=np.uint64), thumbnails, features, STRICT))


@pytest.mark.parametrize("with_features", [False, True])
def test_of_many_pictures_those_in_one_bucket_are_compared(
    with_features: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No pair is made up or given twice, copies are all found, of the pairs at the limit most."""
    rng = np.random.default_rng(1)
    n, half = 2000, 1000
    cells = rng.integers(0, 256, (n, 4, 4, 3)).astype(np.float64)
    noise = rng.normal(0, 1, (half, 4, 4, 3)) * rng.uniform(0, 45, (half, 1, 1, 1))
    noise[:100] = 0
    cells[half:] = cells[:half] + noise
    thumbnails = np.clip(cells, 0, 255).astype(np.uint8).repeat(2, axis=1).repeat(2, axis=2)
    hashes = np.zeros(n, dtype=np.uint64)
    features = None
    if with_features:
        features = np.tile(rng.normal(size=(half, 16)).astype(np.float32), (2, 1))
    compared = all_pairs(list(near_pairs(hashes, thumbnails, features, STRICT)))
    monkeypatch.setattr(near_duplicates, "COMPARED", 100)
    met = all_pairs(list(near_pairs(hashes, thumbnails, features, STRICT)))
    assert len(set(met)) == len(met)
    assert set(met) <= set(compared)
    assert {(row, half + row, 0) for row in range(100)} <= set(met)
    assert len(met) >= 0.98 * len(compared) > 98
