from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from sklearn import metrics as reference

from headstart.evaluate.intervals import wilson
from headstart.evaluate.metrics import log_loss, measure
from headstart.evaluate.predictions import Predictions


def answers(
    truth: Sequence[str], predicted: Sequence[str], classes: Sequence[str], sure: float = 1.0
) -> Predictions:
    """Predictions that give `sure` to the answer and share the rest."""
    k = len(classes)
    rest = (1 - sure) / (k - 1)
    shares = np.full((len(truth), k), rest)
    for row, name in enumerate(predicted):
        shares[row, classes.index(name)] = sure
    images = tuple(str(i) for i in range(len(truth)))
    return Predictions(images, tuple(classes), shares, tuple(truth), ("",) * len(truth))


def test_always_answering_the_largest_class() -> None:  # C70
    metrics = measure(
        answers(["healthy"] * 95 + ["ill"] * 5, ["healthy"] * 100, ["healthy", "ill"])
    )
    healthy, ill = metrics.per_class
    assert (metrics.accuracy, metrics.majority_share) == (0.95, 0.95)
    assert metrics.majority_class == "healthy"
    assert metrics.accuracy_interval == wilson(95, 100)
    assert metrics.balanced_accuracy == 0.5
    assert (healthy.recall, ill.recall) == (1.0, 0.0)
    assert (healthy.precision, ill.precision) == (0.95, None)
    assert (healthy.f1, ill.f1) == (190 / 195, 0.0)
    assert (healthy.predicted, ill.predicted) == (100, 0)
    assert metrics.confusion_matrix == ((95, 0), (5, 0))
    assert metrics.remarks() == ("Accuracy equals always saying 'healthy' (0.95).",)


def test_a_class_that_is_only_answered_is_not_in_the_divisor() -> None:  # C70
    metrics = measure(answers("aaabb", "acabb", "abc"))
    assert metrics.balanced_accuracy == pytest.approx(5 / 6)
    only = metrics.per_class[2]
    assert (only.support, only.predicted, only.recall, only.precision) == (0, 1, None, 0.0)
    assert metrics.macro_f1 == pytest.approx((0.8 + 1 + 0) / 3)
    assert metrics.confusion_matrix == ((2, 0, 1), (0, 2, 0), (0, 0, 0))


def test_auc_with_a_class_missing_and_ties() -> None:  # C68
    shares = [[0.6, 0.3, 0.1], [0.3, 0.5, 0.2], [0.5, 0.4, 0.1], [0.1, 0.8, 0.1], [0.3, 0.5, 0.2]]
    metrics = measure(
        Predictions(tuple("12345"), tuple("abc"), np.array(shares), tuple("aabbb"), ("",) * 5)
    )
    assert [figures.auc for figures in metrics.per_class] == [0.75, 0.75, None]
    assert (metrics.auc, metrics.auc_classes_defined) == (0.75, 2)
    assert "AUC is the mean over 2 of 3 classes." in metrics.remarks()
    assert json.loads(json.dumps(metrics.to_json(), allow_nan=False))["per_class"][2]["auc"] is None


def test_one_class_only_has_no_auc() -> None:  # C68
    metrics = measure(answers("aaa", "aab", "ab", 0.9))
    assert (metrics.auc, metrics.auc_classes_defined) == (None, 0)
    assert metrics.to_json()["auc"] is None


def test_fewer_and_other_classes_than_in_training() -> None:  # C40
    fewer = measure(answers("bbbccc", "bbbccc", "abc"))
    absent = fewer.per_class[0]
    assert fewer.accuracy == 1.0
    assert fewer.balanced_accuracy == 1.0
    assert (absent.support, absent.recall, absent.f1) == (0, None, None)
    assert fewer.macro_f1 == 1.0
    assert fewer.unknown == {}

    more = measure(answers("bbbcccddd", "bbbcccaaa", "abc"))
    assert (more.n, more.accuracy) == (6, 1.0)
    assert more.unknown == {"d": 3}
    assert more.per_class[0].predicted == 0
    assert "'d' is not a class of the model (3 pictures): not scored." in more.remarks()
    assert "Class 'a' has no scored picture: its recall is undefined." in more.remarks()


def test_log_loss_of_one_softmax_and_of_a_certain_wrong_answer() -> None:  # C58
    once = np.array([[0.090031, 0.665241, 0.244728]])
    assert log_loss(once, np.array([1])) == pytest.approx(0.407606, abs=1e-6)
    certain = np.array([[1.0, 0.0, 0.0]])
    assert log_loss(certain, np.array([0])) == 0.0
    assert str(log_loss(certain, np.array([0]))) == "0.0"  # not -0.0
    assert log_loss(certain, np.array([2])) == pytest.approx(52 * math.log(2))


def test_logits_are_refused() -> None:  # C58
    with pytest.raises(ValueError, match="no probabilities"):
        Predictions(("1",), ("a", "b", "c"), np.array([[1.0, 3.0, 2.0]]), ("b",), ("",))


def test_everything_against_sklearn() -> None:
    rng = np.random.default_rng(5)
    classes = ("a", "b", "c", "d")
    shares = rng.dirichlet(np.ones(4), 200)
    # A truth that follows the probabilities, so that some answers are right.
    truth = np.array([rng.choice(4, p=row) for row in shares])
    images = tuple(str(i) for i in range(200))
    metrics = measure(
        Predictions(images, classes, shares, tuple(classes[i] for i in truth), ("",) * 200)
    )
    answer = shares.argmax(axis=1)
    assert metrics.n == 200
    assert metrics.accuracy == pytest.approx(reference.accuracy_score(truth, answer))
    balanced = reference.balanced_accuracy_score(truth, answer)
    assert metrics.balanced_accuracy == pytest.approx(balanced)
    assert metrics.macro_f1 == pytest.approx(reference.f1_score(truth, answer, average="macro"))
    assert metrics.log_loss == pytest.approx(reference.log_loss(truth, shares))
    assert metrics.auc == pytest.approx(reference.roc_auc_score(truth, shares, multi_class="ovr"))
    assert metrics.majority_share == np.bincount(truth).max() / 200
    matrix = reference.confusion_matrix(truth, answer)
    np.testing.assert_array_equal(metrics.confusion_matrix, matrix)
    columns = reference.precision_recall_fscore_support(truth, answer)
    for i, figures in enumerate(metrics.per_class):
        got = (figures.precision, figures.recall, figures.f1, figures.support)
        assert got == pytest.approx(tuple(column[i] for column in columns))
        assert figures.recall_interval == wilson(int(matrix[i, i]), int(matrix[i].sum()))
    for interval, figure in (
        (metrics.balanced_accuracy_interval, metrics.balanced_accuracy),
        (metrics.macro_f1_interval, metrics.macro_f1),
    ):
        assert interval is not None
        assert figure is not None
        assert interval[0] < figure < interval[1]
        assert 0.1 < interval[1] - interval[0] < 0.2  # about 4 standard errors of 0.035
    assert metrics.remarks() == ()


def test_macro_f1_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    true_cells = np.array([0.45, 0.15, 0.1, 0.3])
    right = (2 * 0.45 / (0.6 + 0.55) + 2 * 0.3 / (0.4 + 0.45)) / 2
    inside = 0
    for _ in range(150):
        cells = rng.choice(4, size=150, p=true_cells)
        truth = ["ab"[cell // 2] for cell in cells]
        metrics = measure(answers(truth, ["ab"[cell % 2] for cell in cells], "ab", 0.9))
        interval = metrics.macro_f1_interval
        assert interval is not None
        inside += interval[0] <= right <= interval[1]
    assert 0.89 <= inside / 150 <= 0.99


def test_a_class_that_never_occurs_does_not_move_the_intervals() -> None:
    two = measure(answers("aaabbbbb", "aababbba", "ab"))
    three = measure(answers("aaabbbbb", "aababbba", "abc"))
    assert two.macro_f1_interval is not None
    assert three.macro_f1_interval == pytest.approx(two.macro_f1_interval)
    assert three.balanced_accuracy_interval == two.balanced_accuracy_interval


def test_rows_without_answer_are_counted_apart() -> None:
    nan = float("nan")
    metrics = measure(
        Predictions(
            tuple("1234"),
            ("a", "b"),
            np.array([[0.9, 0.1], [nan, nan], [0.2, 0.8], [nan, nan]]),
            ("a", "b", "z", "z"),
            ("", "broken", "", "missing"),
        )
    )
    assert (metrics.n, metrics.errors, metrics.unknown) == (1, 2, {"z": 1})
    assert metrics.accuracy == 1.0
    assert metrics.remarks()[0] == "2 pictures without an answer: not scored."
    assert metrics.remarks()[1] == "'z' is not a class of the model (1 picture): not scored."


@pytest.mark.parametrize("rows", [0, 2])
def test_nothing_to_score_leaves_every_figure_undefined(rows: int) -> None:
    shares = np.full((rows, 2), 0.5)
    names = tuple("12"[:rows])
    metrics = measure(Predictions(names, ("a", "b"), shares, ("z",) * rows, ("",) * rows))
    plain = metrics.to_json()
    for key in (
        *("accuracy", "accuracy_interval", "balanced_accuracy", "balanced_accuracy_interval"),
        *("macro_f1", "macro_f1_interval", "log_loss", "majority_share", "majority_class", "auc"),
    ):
        assert plain[key] is None, key
    assert (plain["n"], plain["confusion_matrix"]) == (0, [[0, 0], [0, 0]])
    assert plain["unknown"] == ({"z": 2} if rows else {})
    assert metrics.remarks()[-1] == "No picture could be scored: every figure is undefined."


def test_json_is_plain_and_full_precision() -> None:
    metrics = measure(answers("aab", "aba", "ab", 0.7))
    plain = metrics.to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["accuracy"] == 1 / 3
    assert plain["classes"] == ["a", "b"]
    assert isinstance(plain["accuracy_interval"], list)
    assert plain["per_class"][0]["name"] == "a"
    assert isinstance(plain["per_class"][0]["recall_interval"], list)


def test_truth_must_be_known() -> None:
    with pytest.raises(ValueError, match="no true labels"):
        measure(Predictions(("1",), ("a", "b"), np.full((1, 2), 0.5), None, ("",)))


def test_tied_largest_classes_name_the_first_in_stored_order() -> None:
    metrics = measure(answers(["2", "10"], ["2", "10"], ["2", "10"]))
    assert metrics.majority_class == "2"
