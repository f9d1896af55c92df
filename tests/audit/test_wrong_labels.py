"""Flipped labels are found, the surest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from cleanlab.rank import get_label_quality_scores

from headstart.arrays import FloatArray
from headstart.audit.wrong_labels import find_wrong_labels, label_scores
from headstart.data.dataset import Dataset
from headstart.evaluate.predictions import Predictions
from headstart.features.embed import Features
from headstart.heads.linear import LinearHead
from headstart.options import SplitOptions
from headstart.recipes.data_preparation import choose_folds
from headstart.recipes.folds import cross_validate

MakeLabelled = Callable[..., tuple[Dataset, Features]]


def predictions(
    p: FloatArray, truth: Sequence[str] | None, classes: Sequence[str] = ("a", "b", "c")
) -> Predictions:
    n = len(p)
    return Predictions(
        images=tuple(f"{i}.jpg" for i in range(n)),
        classes=tuple(classes),
        probabilities=p,
        truth=None if truth is None else tuple(truth),
        errors=tuple("" if np.isfinite(row).all() else "broken" for row in p),
    )


def sure(n: int = 60) -> tuple[FloatArray, list[str]]:
    """A model that is always right with 0.9."""
    truth = ["abc"[i % 3] for i in range(n)]
    p = np.full((n, 3), 0.05)
    p[np.arange(n), np.arange(n) % 3] = 0.9
    return p, truth


def test_two_flipped_labels_are_found_the_surest_first() -> None:
    p, truth = sure()
    truth[6], truth[7] = "b", "a"  # were a and b
    p[7] = [0.01, 0.98, 0.01]
    found = find_wrong_labels(predictions(p, truth))
    assert [(w.row, w.image, w.given, w.likelier) for w in found] == [
        (7, "7.jpg", "a", "b"),
        (6, "6.jpg", "b", "a"),
    ]
    assert (found[0].p_given, found[0].p_likelier) == (0.01, 0.98)
    assert found[0].score == pytest.approx((1 + 0.01 - 0.98) / 2)


def test_right_labels_give_nothing() -> None:
    assert find_wrong_labels(predictions(*sure())) == ()


def test_rows_without_an_answer_and_unknown_labels_are_passed_over() -> None:
    p, truth = sure()
    truth[6], truth[7], truth[9] = "b", "a", "owl"
    p[7] = np.nan
    answers = predictions(p, truth)
    assert [w.row for w in find_wrong_labels(answers)] == [6]
    scores = label_scores(answers)
    assert np.isnan(scores[[7, 9]]).all()
    assert np.isfinite(np.delete(scores, [7, 9])).all()


def test_a_class_without_rows_does_no_harm() -> None:
    p, truth = sure()
    wide = np.concatenate([p * 0.9, np.full((len(p), 1), 0.1)], axis=1)
    truth[6] = "b"
    found = find_wrong_labels(predictions(wide, truth, ("a", "b", "c", "d")))
    assert [w.row for w in found] == [6]
    assert find_wrong_labels(predictions(p[:1], ["a"])) == ()  # one class cannot be mistaken


def test_scores_are_the_librarys_normalised_margin() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 40)
    codes = rng.integers(0, 3, 40)
    expected = get_label_quality_scores(codes, p, method="normalized_margin")
    scores = label_scores(predictions(p, ["abc"[code] for code in codes]))
    assert np.allclose(scores, expected)


def test_out_of_fold_answers_find_most_flips(
    make_labelled: MakeLabelled, two_blobs: tuple[FloatArray, list[str]]
) -> None:
    X, labels = two_blobs
    X = X.copy()
    X[:, 0] *= 3
    flipped = [3, 30, 61, 90]
    for row in flipped:
        labels[row] = "cat" if labels[row] == "dog" else "dog"
    data, features = make_labelled(X, labels)
    folds = choose_folds(data, SplitOptions(folds=5))
    answers = cross_validate(data, features, folds, lambda: LinearHead(C=0.1)).predictions
    rows = [w.row for w in find_wrong_labels(answers)]
    assert len(set(rows) & set(flipped)) >= 3
    assert len(rows) < 20


def test_predictions_without_labels() -> None:
    with pytest.raises(ValueError, match="no true labels"):
        find_wrong_labels(predictions(sure()[0], None))
