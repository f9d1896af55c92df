from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from headstart.arrays import Float32Array
from headstart.data import duplicates as duplicates_module
from headstart.data import near_duplicates as near_module
from headstart.data.duplicates import DuplicatePair, Duplicates, contradictions, find_duplicates
from headstart.data.near_duplicates import NearThresholds, signatures
from headstart.data.split import split_rows
from headstart.images.decode import Decoded
from headstart.images.statistics import ImageStatistics, measure


def picture(seed: int, side: int = 96) -> Image.Image:
    """Soft spots on a colour, different for each seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side].astype(float)
    pixels = np.empty((side, side, 3))
    pixels[:] = rng.integers(60, 200, 3)
    for _ in range(6):
        centre, radius = rng.uniform(0, side, 2), rng.uniform(side / 9, side / 3)
        spot = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * radius**2))
        pixels += spot[..., None] * rng.uniform(-110, 110, 3)
    pixels += rng.normal(0, 4, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def facts_of(image: Image.Image) -> ImageStatistics:
    rgb = np.asarray(image.convert("RGB"))
    height, width = rgb.shape[:2]
    return measure(Decoded(rgb, width, height, "PNG", "RGB", 1, {}, None), 0)


def find(
    images: list[Image.Image],
    features: Float32Array | None = None,
    thresholds: NearThresholds | None = None,
) -> Duplicates:
    hashes, thumbnails = signatures([facts_of(image) for image in images])
    names = [f"digest {i}" for i in range(len(images))]
    return find_duplicates(
        sha256=names,
        hashes=hashes,
        thumbnails=thumbnails,
        features=features,
        thresholds=thresholds,
    )


def recoded(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def resized(image: Image.Image, side: int) -> Image.Image:
    return image.resize((side, side), Image.Resampling.BICUBIC)


def cropped(image: Image.Image, share: float) -> Image.Image:
    edge = round(image.width * share / 2)
    return image.crop((edge, edge, image.width - edge, image.height - edge))


def rows_of(found: Duplicates) -> list[tuple[int, int]]:
    return [(pair.first, pair.second) for pair in found.pairs]


def test_exact_duplicates() -> None:
    found = find_duplicates(sha256=["x", "y", "x", "z", "y", "x"])
    assert found.group.tolist() == [0, 1, 0, 2, 1, 0]
    assert found.group.dtype == np.int64
    assert found.pairs == (
        DuplicatePair(0, 2, "exact"),
        DuplicatePair(0, 5, "exact"),
        DuplicatePair(1, 4, "exact"),
    )
    assert found.clusters == [[0, 2, 5], [1, 4]]


def test_unknown_digests_are_not_equal() -> None:
    assert find_duplicates(sha256=["", "a", ""]).group.tolist() == [0, 1, 2]


def test_no_rows() -> None:
    found = find_duplicates(sha256=[])
    assert found.group.tolist() == []
    assert found.pairs == ()
    assert found.clusters == []
    assert find([]).pairs == ()


def test_given_groups_are_merged_with_the_found_ones() -> None:
    given = ["ann", "", "bob", "", "bob", "ann"]
    found = find_duplicates(sha256=["a", "b", "c", "d", "e", "b"], given=given)
    # 0 and 5 by name, 1 and 5 by bytes, 2 and 4 by name; empty names bind nothing.
    assert found.group.tolist() == [0, 0, 1, 2, 1, 0]
    assert rows_of(found) == [(1, 5)]


def test_originals_recoded_smaller_and_single_ones() -> None:
    images, labels = [], []
    for seed in range(4):
        original = picture(seed)
        images += [original, recoded(original, 70), resized(original, 92)]
        labels += ["cat" if seed % 2 == 0 else "dog"] * 3
    images += [picture(40 + i) for i in range(8)]
    labels += ["dog", "cat"] * 4
    images.append(recoded(picture(0), 80))
    labels.append("dog")
    found = find(images)
    assert found.clusters == [[0, 1, 2, 20], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert {pair.kind for pair in found.pairs} == {"near"}
    other_label = contradictions(found.pairs, labels)
    assert [(pair.first, pair.second) for pair in other_label] == [(0, 20), (1, 20), (2, 20)]
    for seed in range(20):
        split = split_rows(labels, test_fraction=0.3, seed=seed, groups=found.group)
        assert not set(found.group[split.train]) & set(found.group[split.test])


@pytest.mark.parametrize(
    "change",
    [
        lambda image: recoded(image, 30),
        lambda image: resized(image, 48),
        lambda image: resized(image, 144),
        lambda image: ImageEnhance.Brightness(image).enhance(0.8),
        lambda image: cropped(image, 0.02),
        ImageOps.mirror,
    ],
    ids=["quality 30", "half", "larger", "darker", "cropped 2%", "mirrored"],
)
def test_changes_that_are_found(change: Callable[[Image.Image], Image.Image]) -> None:
    originals = [picture(seed) for seed in range(10)]
    found = find([*originals, *(change(image) for image in originals)])
    assert rows_of(found) == [(i, i + 10) for i in range(10)]


def test_mirrored_pairs_say_so() -> None:
    found = find([picture(1), picture(2), ImageOps.mirror(picture(1))])
    (pair,) = found.pairs
    assert (pair.first, pair.second, pair.mirrored) == (0, 2, True)
    assert pair.cosine is None


def test_different_pictures_stay_apart() -> None:
    assert find([picture(seed) for seed in range(150)]).pairs == ()


def test_flat_pictures_are_near_to_nothing() -> None:
    rng = np.random.default_rng(0)
    flat = [Image.new("RGB", (64, 64), (200, 100, 40))] * 2
    noisy = [
        Image.fromarray(np.clip(128 + rng.normal(0, 20, (64, 64, 3)), 0, 255).astype(np.uint8))
        for _ in range(4)
    ]
    assert find([*flat, *noisy]).pairs == ()
    hashes, thumbnails = signatures([facts_of(image) for image in flat])
    same = find_duplicates(sha256=["a", "a"], hashes=hashes, thumbnails=thumbnails)
    assert same.pairs == (DuplicatePair(0, 1, "exact"),)


def test_features_confirm_what_is_in_doubt() -> None:
    originals = [picture(seed) for seed in range(12)]
    images = [*originals, *(cropped(image, 0.1) for image in originals)]
    alone = len(find(images).pairs)
    rng = np.random.default_rng(0)
    points = rng.normal(size=(12, 64))
    # All features lie far out in one direction: only what differs from it may count.
    features = np.concatenate([points, points + rng.normal(size=(12, 64)) * 0.2]) + 50
    found = find(images, features=features.astype(np.float32))
    assert alone < 12
    assert rows_of(found) == [(i, i + 12) for i in range(12)]
    strangers = rng.normal(size=(24, 64)) + 50
    assert len(find(images, features=strangers.astype(np.float32)).pairs) == alone


def test_cosine_is_of_centred_features() -> None:
    images = [picture(1), resized(picture(1), 80), picture(2), picture(3)]
    features = np.array([[3, 1], [3, 2], [1, 0], [1, 1]], dtype=np.float32)
    (pair,) = find(images, features=features).pairs
    # The mean is (2, 1): (1, 0) and (1, 1) have the cosine 1 / sqrt(2).
    assert pair.cosine == pytest.approx(0.5**0.5, abs=1e-6)


def test_features_alone_join_nothing() -> None:
    features = np.ones((2, 8), dtype=np.float32)
    assert find([picture(1), picture(2)], features=features).pairs == ()


def test_copies_of_near_pictures_join_their_group() -> None:
    images = [picture(1), picture(2), resized(picture(1), 80), picture(2)]
    hashes, thumbnails = signatures([facts_of(image) for image in images])
    sha256 = ["a", "b", "c", "b"]
    found = find_duplicates(sha256=sha256, hashes=hashes, thumbnails=thumbnails)
    assert [(pair.first, pair.second, pair.kind) for pair in found.pairs] == [
        (0, 2, "near"),
        (1, 3, "exact"),
    ]
    assert found.group.tolist() == [0, 1, 0, 1]


def test_thresholds_are_followed() -> None:
    images = [picture(1), cropped(picture(1), 0.1)]
    assert find(images).pairs == ()
    loose = NearThresholds(bits=30, correlation=0.5)
    assert rows_of(find(images, thresholds=loose)) == [(0, 1)]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    images = [resized(picture(seed % 7), 90 + seed) for seed in range(21)]
    features = np.random.default_rng(0).normal(size=(21, 5)).astype(np.float32)
    whole = find(images, features=features)
    monkeypatch.setattr(near_module, "CELLS", 21 * 4)
    monkeypatch.setattr(near_module, "MANY", 5)
    monkeypatch.setattr(near_module, "CHUNK", 2)
    assert rows_of(whole) == [(a, b) for a in range(21) for b in range(a + 7, 21, 7)]
    assert rows_of(find(images, features=features)) == rows_of(whole)


def test_too_many_pairs_are_thinned_but_the_groups_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    images = [resized(picture(seed % 3), 90 + seed) for seed in range(30)]
    whole = find(images)
    assert len(whole.pairs) == 3 * 45
    monkeypatch.setattr(near_module, "CELLS", 30 * 4)
    monkeypatch.setattr(duplicates_module, "MOST_PAIRS", 40)
    thinned = find(images)
    assert thinned.group.tolist() == whole.group.tolist() == [i % 3 for i in range(30)]
    assert 27 <= len(thinned.pairs) <= 27 + 40
    assert set(rows_of(thinned)) <= set(rows_of(whole))


@pytest.mark.parametrize("name", ["hashes", "thumbnails", "features", "given"])
def test_columns_of_other_lengths(name: str) -> None:
    columns: dict[str, Any] = {
        "hashes": np.zeros(3, dtype=np.uint64),
        "thumbnails": np.zeros((3, 8, 8, 3), dtype=np.uint8),
        "features": np.zeros((3, 2), dtype=np.float32),
        "given": ["a"] * 3,
    }
    with pytest.raises(ValueError, match=f"{name} has 3 rows, sha256 2"):
        find_duplicates(sha256=["a", "b"], **{name: columns[name]})
