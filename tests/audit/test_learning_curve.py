"""The curve's points, the power law through them, and the answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headstart.arrays import FloatArray
from headstart.audit.learning_curve import (
    PowerLaw,
    _gain_in_words,
    _growing,
    fit_power_laws,
    learning_curve,
)
from headstart.data.dataset import Dataset
from headstart.features.embed import Features
from headstart.heads.linear import LinearHead
from headstart.progress import QUIET, Progress

MakeLabelled = Callable[..., tuple[Dataset, Features]]


def head() -> LinearHead:
    return LinearHead(C=0.1)


def test_exact_power_laws_are_found_again() -> None:
    sizes = np.array([10.0, 20.0, 40.0, 80.0, 100.0])
    laws = [PowerLaw(0.05, 0.8, 0.5), PowerLaw(0.0, 2.0, 1.2), PowerLaw(0.3, -0.4, 0.7)]
    errors = np.array([[law.a + law.b * n**-law.c for n in sizes] for law in laws])
    for found, law in zip(fit_power_laws(sizes, errors), laws, strict=True):
        assert (found.a, found.b, found.c) == pytest.approx((law.a, law.b, law.c), abs=1e-6)
        assert found.error(200) == pytest.approx(law.a + law.b * 200**-law.c)


def test_the_limit_is_never_negative() -> None:
    sizes = np.array([10.0, 20.0, 40.0])
    law = fit_power_laws(sizes, np.array([[0.3, 0.2, 0.05]]))[0]
    assert law.a == 0
    assert 0 <= law.error(10_000) < 0.05
    with pytest.raises(ValueError, match="2 sizes"):
        fit_power_laws(sizes[:2], np.array([[0.3, 0.2]]))


def test_shares_grow_by_class_and_keep_groups_together() -> None:
    rng = np.random.default_rng(0)
    targets = np.array([0] * 40 + [1] * 20)
    groups = np.concatenate([np.arange(40) // 4, 100 + np.arange(20) // 2])
    share = _growing(targets, groups, rng)
    for group in np.unique(groups):
        assert len(np.unique(share[groups == group])) == 1
    half = share <= 0.5
    assert (half[:40].sum(), half[40:].sum()) == (20, 10)
    assert {*targets[share <= 0.0]} == {0, 1}  # every class at every share
    assert (share <= 1).all()


def test_points(make_labelled: MakeLabelled, two_blobs: tuple[FloatArray, list[str]]) -> None:
    data = make_labelled(*two_blobs)
    curve = learning_curve(*data, head)
    assert [point.n_train for point in curve.points] == [10, 20, 38, 76, 96]  # of 96 in a fold
    last = curve.points[-1]
    X, labels = two_blobs
    other = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    assert last.accuracy == pytest.approx(cross_val_score(other, X, labels, cv=5).mean(), abs=0.03)
    assert curve.points[0].accuracy < last.accuracy
    assert len(last.accuracies) == 2
    assert np.mean(last.accuracies) == pytest.approx(last.accuracy)
    assert curve.n_twice == 192
    assert curve.law is not None and curve.error_twice_interval is not None
    assert curve.error_twice == curve.law.error(192)
    low, high = curve.error_twice_interval
    assert low <= curve.error_twice <= high
    assert learning_curve(*data, head) == curve


def test_a_curve_that_falls_says_that_more_helps(make_labelled: MakeLabelled) -> None:
    # Many weak columns: every further row helps.
    rng = np.random.default_rng(0)
    labels = [("a", "b")[code] for code in rng.permutation(np.arange(600) % 2)]
    X = rng.normal(size=(600, 200)) + 0.08 * np.array([[1] if y == "b" else [-1] for y in labels])
    curve = learning_curve(*make_labelled(X, labels), lambda: LinearHead(C=0.01))
    assert curve.helps is True
    assert curve.sentence.startswith("With twice the pictures the error would fall from ")
    assert curve.error_now is not None and curve.error_twice is not None
    assert curve.error_twice < 0.9 * curve.error_now


def test_a_flat_curve_says_that_more_hardly_helps(make_labelled: MakeLabelled) -> None:
    # Two columns, one of which tells all that can be told: 12 rows are enough.
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.arange(800) % 2)
    wrong = rng.random(800) < 0.2
    X = np.stack((np.where(wrong, 1 - codes, codes) * 8.0, rng.normal(0, 0.01, 800)), axis=1)
    curve = learning_curve(
        *make_labelled(X, [str(code) for code in codes]), lambda: LinearHead(C=1)
    )
    assert curve.helps is False
    assert "would hardly help" in curve.sentence


def test_few_pictures_cannot_tell_whether_but_how_much_at_most(make_labelled: MakeLabelled) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    labels = ["a", "b"] * 15
    X[:, 0] += [1.5 * (label == "a") for label in labels]
    curve = learning_curve(*make_labelled(X, labels), head)
    assert curve.helps is None
    assert re.fullmatch(
        r"With twice the pictures the error of about \d+\.\d% would change to about \d+\.\d%: at "
        r"most \d+\.\d points would be gained, and whether any would be cannot be told\.",
        curve.sentence,
    )


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        ((-0.012, 0.009), "at most 0.9 points would be gained"),
        ((0.0, 0.0101), "at most 1.0 points would be gained"),
        ((-0.01, 0.0003), "at most 0.1 points would be gained"),
        ((0.001, 0.02), "between 0.1 and 2.0 points would be gained"),
    ],
)
def test_an_uncertain_gain_in_words(gain: tuple[float, float], words: str) -> None:
    said = _gain_in_words(None, 0.05, 0.045, (0.03, 0.06), gain)
    assert words in said
    assert said.startswith("With twice the pictures the error of about 5.0% would ")


def test_heads_learn_from_the_views_that_the_fit_has(
    make_labelled: MakeLabelled, two_blobs: tuple[FloatArray, list[str]]
) -> None:
    seen = []

    class Watching(LinearHead):
        def fit(self, X: Any, y: Any, groups: Any = None, progress: Progress = QUIET) -> Watching:
            seen.append((len(X), len(np.unique(groups))))
            return super().fit(X, y, groups=groups, progress=progress)

    data, features = make_labelled(*two_blobs)
    views = np.stack((features.values + 0.1, features.values - 0.1), axis=1)
    features = replace(features, views=views)
    curve = learning_curve(data, features, lambda: Watching(C=0.1), repeats=1)
    assert [point.n_train for point in curve.points] == [10, 20, 38, 76, 96]  # pictures, not views
    assert seen[4] == (3 * 96, 96)


def test_the_points_intervals_know_groups(
    make_labelled: MakeLabelled, two_blobs: tuple[FloatArray, list[str]]
) -> None:
    X, labels = two_blobs
    alone = learning_curve(*make_labelled(X, labels), head)
    order = np.argsort(np.array(labels) == "dog", kind="stable")
    group = np.empty(120, dtype=np.int64)
    group[order] = np.arange(120) // 12
    copies = X.copy()
    copies[order] = np.repeat(X[order][::12], 12, axis=0)  # groups of twelve copies
    grouped = learning_curve(*make_labelled(copies, labels, group), head)
    widths = [np.diff(curve.points[-1].interval)[0] for curve in (alone, grouped)]
    assert widths[1] > 2 * widths[0]


def test_many_rows_are_drawn_from(
    make_labelled: MakeLabelled,
    two_blobs: tuple[FloatArray, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("headstart.audit.learning_curve.MOST_ROWS", 60)
    curve = learning_curve(*make_labelled(*two_blobs), head)
    assert curve.notes == ("the learning curve was drawn with 60 of 120 rows",)
    assert curve.points[-1].n_train == 48


def test_with_more_rows_fewer_fits_are_made(
    make_labelled: MakeLabelled,
    two_blobs: tuple[FloatArray, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fits = []

    def make() -> LinearHead:
        fits.append(1)
        return head()

    data = make_labelled(*two_blobs)
    learning_curve(*data, make)
    monkeypatch.setattr("headstart.audit.learning_curve.REPEATED", 119)
    learning_curve(*data, make)
    monkeypatch.setattr("headstart.audit.learning_curve.FOLDED", 119)
    curve = learning_curve(*data, make)
    assert len(fits) == 50 + 25 + 5
    assert curve.points[-1].n_train == 96
    accuracy = curve.points[-1].accuracy
    assert accuracy * 24 == pytest.approx(round(accuracy * 24))  # one fold's 24 rows
