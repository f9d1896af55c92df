"""Odd pictures by their measures and by their distance to others."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from headstart.audit.class_counts import look_over
from headstart.audit.odd_pictures import (
    OddKind,
    find_odd,
    neighbour_distance,
    robust_limit,
)
from headstart.images.decode import decode_picture
from headstart.images.picture_warnings import picture_warnings
from headstart.images.statistics import ImageStatistics, measure_content
from headstart.options import MAX_PIXELS

MakeFact = Callable[..., ImageStatistics]


def flagged(kinds: tuple[OddKind, ...]) -> dict[str, list[int]]:
    return {kind.kind: list(kind.worst_first) for kind in kinds if kind.flags.any()}


def test_each_kind(make_fact: MakeFact) -> None:
    rng = np.random.default_rng(0)
    statistics: list[ImageStatistics | None] = [make_fact(rng) for _ in range(40)]
    statistics[1] = make_fact(rng, contrast=0.5, brightness=3.0, sharpness=0.0)  # blank only
    statistics[2] = make_fact(rng, brightness=12.0)
    statistics[3] = make_fact(rng, brightness=246.0)
    statistics[4] = make_fact(rng, sharpness=4.0)
    statistics[5] = make_fact(rng, width=16, height=31)
    statistics[6] = make_fact(rng, width=2000, height=200)
    statistics[7] = None
    statistics[8] = make_fact(rng, brightness=24.0)
    kinds = find_odd(statistics)
    assert flagged(kinds) == {
        "blank": [1],
        "dark": [2, 8],  # the darkest first
        "bright": [3],
        "blurred": [4],
        "tiny": [5],
        "extreme shape": [6],
    }
    assert all(np.isnan(kind.scores[7]) and not kind.flags[7] for kind in kinds)
    assert {kind.kind: float(kind.scores[6]) for kind in kinds}["extreme shape"] == 10.0


def test_sixteen_bits_that_are_not_scaled(make_fact: MakeFact) -> None:
    rng = np.random.default_rng(0)
    statistics = [
        make_fact(rng, mode="I;16", brightness=9.0, contrast=3.0),  # 12-bit data
        make_fact(rng, mode="I;16", brightness=0.0, contrast=0.0),
        make_fact(rng, mode="I;16"),
        make_fact(rng, mode="L", brightness=9.0, contrast=5.0),
    ]
    assert flagged(find_odd(statistics)) == {"unscaled": [0], "blank": [1], "dark": [3]}


def test_words_for_one_picture(make_fact: MakeFact) -> None:
    rng = np.random.default_rng(0)
    for changes, words in (
        ({}, ()),
        ({"sharpness": 0.1}, ()),
        ({"contrast": 0.5}, ("one colour all over",)),
        ({"brightness": 246.0}, ("so bright that little can be seen",)),
        (
            {"width": 20000, "height": 1},
            (
                "20000 x 1 pixels, enlarged a lot for the network",
                "20000 x 1 pixels, of which the network sees the middle square",
            ),
        ),
    ):
        assert picture_warnings(make_fact(rng, **changes)) == words


def test_files_with_twelve_bits_in_sixteen() -> None:
    values = np.random.default_rng(0).integers(0, 4096, (50, 60), dtype=np.uint16)
    words = "nearly black: its 16-bit values lie in the lowest part of their range; scale them"
    for scale, expected in ((1, (words,)), (16, ())):
        for kind in ("PNG", "TIFF"):
            buffer = io.BytesIO()
            Image.fromarray(values * scale).save(buffer, kind)
            content = buffer.getvalue()
            measured = measure_content(content, decode_picture(content), MAX_PIXELS)
            assert picture_warnings(measured) == expected


def test_a_set_of_soft_pictures_is_not_all_blurred(make_fact: MakeFact) -> None:
    rng = np.random.default_rng(0)
    statistics = [make_fact(rng, sharpness=float(rng.uniform(8, 25))) for _ in range(40)]
    assert flagged(find_odd(statistics)) == {}


def test_far_from_all_others(make_fact: MakeFact) -> None:
    rng = np.random.default_rng(0)
    statistics = [make_fact(rng) for _ in range(60)]
    features = (np.ones(64) + rng.normal(0, 0.5, (60, 64))).astype(np.float32)
    features[17] = [1, -1] * 32
    kinds = find_odd(statistics, features)
    assert flagged(kinds) == {"far": [17]}
    # With few pictures there are no others to be unlike.
    assert flagged(find_odd(statistics[:19], features[:19])) == {}
    with pytest.raises(ValueError, match="features have 59 rows, statistics 60"):
        find_odd(statistics, features[:59])


def test_distances_are_those_of_scikit_learn() -> None:
    X = np.random.default_rng(0).normal(size=(90, 5)).astype(np.float32)
    expected = NearestNeighbors(n_neighbors=6, metric="cosine").fit(X).kneighbors(X)[0][:, 1:]
    assert np.allclose(neighbour_distance(X), expected.mean(axis=1), atol=1e-6)


def test_blocks_and_references(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    whole = neighbour_distance(X)
    few = neighbour_distance(X, references=200)
    assert np.corrcoef(whole, few)[0, 1] > 0.6
    assert (few >= whole - 1e-6).all()  # fewer to be near to
    monkeypatch.setattr("headstart.audit.odd_pictures.CELLS", 1000)
    assert np.allclose(neighbour_distance(X), whole, atol=1e-6)
    assert np.allclose(neighbour_distance(X, references=200), few, atol=1e-6)


def test_rows_that_cannot_be_compared() -> None:
    X = np.ones((4, 3), dtype=np.float32)
    X[1] = np.nan
    X[3] = 0
    distances = neighbour_distance(X)
    assert np.isnan(distances[1])
    # Ones are 0 away from each other and 1 from the zeros; two neighbours each.
    assert distances[[0, 2, 3]].tolist() == pytest.approx([0.5, 0.5, 1.0])
    assert np.isnan(neighbour_distance(X[:1])).all()


def test_robust_limit() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 100.0, np.nan])
    assert robust_limit(values, 5) == pytest.approx(3 + 5 * 1.4826 * 1)
    assert robust_limit(np.array([2.0, 2.0, 2.0, 9.0]), 5) == np.inf
    assert robust_limit(np.array([np.nan]), 5) == np.inf


def test_overview(make_fact: MakeFact) -> None:
    statistics = [make_fact(), make_fact(format="PNG", width=10), make_fact(), None]
    found = look_over(["2", "10", "2", "10"], statistics)
    assert list(found.class_counts.items()) == [("2", 2), ("10", 2)]
    assert found.sizes == (((224, 224), 2), ((10, 224), 1))
    assert found.formats == (("JPEG", 2), ("PNG", 1))
    assert found.format_counts == {"2": {"JPEG": 2}, "10": {"PNG": 1}}
    assert found.unmeasured == 1
