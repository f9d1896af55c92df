"""The most alike rows, and the rows that a person should decide on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from headstart.audit import neighbours
from headstart.audit.doubts import find_doubts
from headstart.audit.findings import Finding
from headstart.audit.neighbours import nearest_rows, unit_rows
from headstart.data.dataset import Dataset
from headstart.data.duplicates import DuplicatePair
from headstart.evaluate.predictions import Predictions
from headstart.features.embed import Features

MakeLabelled = Callable[..., tuple[Dataset, Features]]


def test_the_nearest_are_the_librarys(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    among = np.arange(10, 60)
    expected = NearestNeighbors(n_neighbors=3, metric="cosine").fit(X[among])
    places = expected.kneighbors(X[:10], return_distance=False)
    rows = np.arange(10)
    assert (nearest_rows(unit_rows(X), rows, among, count=3) == among[places]).all()
    monkeypatch.setattr(neighbours, "CELLS", 100)  # two rows a block
    assert (nearest_rows(unit_rows(X), rows, among, count=3) == among[places]).all()


def test_neither_itself_nor_its_group_and_minus_one_where_there_are_no_more() -> None:
    X = np.array([[1, 0], [1, 0.1], [1, 0.2], [0, 1], [np.nan, 1]], dtype=np.float32)
    units, every = unit_rows(X), np.arange(5)
    assert nearest_rows(units, every[:1], every, count=5).tolist() == [[1, 2, 3, -1, -1]]
    groups = np.array([0, 0, 1, 2, 3])
    assert nearest_rows(units, every[:2], every, groups=groups).tolist() == [[2], [2]]
    assert nearest_rows(units, every[:2], every[:0]).tolist() == [[-1], [-1]]
    assert nearest_rows(units, every[:0], every).shape == (0, 1)


def test_doubts_come_once_with_all_their_codes(make_labelled: MakeLabelled) -> None:
    X = np.array([[1, 0], [1, 0.1], [1, 0.2], [0, 1], [0.1, 1], [0.2, 1]])
    data, features = make_labelled(X, ["cat", "cat", "cat", "dog", "dog", "dog"])
    p = np.tile([0.9, 0.1], (6, 1))
    predictions = Predictions(
        images=data.table.ids,
        classes=data.classes,
        probabilities=p,
        truth=data.labels,
        errors=("",) * 6,
    )
    found = [
        Finding(kind, "warning", "", "", "", rows)
        for kind, rows in (("contradiction", (5, 0)), ("wrong-label", (4, 5)), ("duplicate", (1,)),
                           ("odd-blank", (2, 4)))
    ]  # fmt: skip
    pairs = [DuplicatePair(0, 5, "near")]
    doubts = find_doubts(found, data, features.values, predictions, pairs)
    assert [(d.row, d.codes) for d in doubts] == [
        (5, ("HS102", "HS101")), (0, ("HS102",)), (4, ("HS101", "HS501")), (2, ("HS501",)),
    ]  # fmt: skip
    assert [d.suggested for d in doubts] == ["cat", "dog", "cat", "dog"]
    assert (doubts[2].p_given, doubts[2].p_suggested) == (0.1, 0.9)
    assert doubts[2].given_like == (5, 3)  # itself is not among them
    assert doubts[2].suggested_like == (2, 1, 0)
    kept = [d.only(frozenset({"HS501"})) for d in doubts]
    assert [d.codes if d else None for d in kept] == [None, None, ("HS501",), ("HS501",)]
    bare = find_doubts(found[1:2], data, features.values, None, pairs)
    assert [(d.suggested, d.p_given, d.suggested_like) for d in bare] == [
        (None, None, ()),
        ("cat", None, (2, 1, 0)),
    ]
    assert find_doubts(found[2:3], data, features.values, predictions, pairs) == ()
