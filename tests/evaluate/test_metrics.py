from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as reference

from headstart.evaluate.intervals import wilson
from headstart.evaluate.metrics import log_loss, measure
from headstart.evaluate.predictions import Predictions
from headstart.recipes.folds import take


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
        *("log_loss_interval", "auc_interval", "groups"),
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


def drawn(n: int, k: int, seed: int, groups: np.ndarray | None = None) -> Predictions:
    """Answers that are right for about four rows in five, alike within groups."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    odds = rng.normal(size=(n, k))
    luck = rng.normal(2, 1.5, n) if groups is None else rng.normal(2, 1.5, groups.max() + 1)[groups]
    odds[np.arange(n), truth] += luck
    shares = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    names = tuple("abcdefgh"[:k])
    labels = tuple(names[code] for code in truth)
    return Predictions(("",) * n, names, shares, labels, ("",) * n, groups)


INTERVALS = (
    *("accuracy_interval", "balanced_accuracy_interval", "macro_f1_interval"),
    *("log_loss_interval", "auc_interval"),
)


@pytest.mark.parametrize("k", [2, 5])
def test_groups_of_one_row_change_nothing_to_the_last_digit(k: int) -> None:
    plain = drawn(200, k, seed=1)
    singles = replace(plain, groups=np.random.default_rng(0).permutation(200) + 7)
    assert measure(singles) == measure(plain)
    assert measure(plain).groups is None
    assert measure(plain).effective_n == 200
    assert measure(plain).accuracy_interval == wilson(int(plain.correct.sum()), 200)


def test_rows_copied_four_times_are_worth_about_the_rows_once() -> None:
    plain = drawn(150, 3, seed=2)
    rows = np.repeat(np.arange(150), 4)
    copied = take(replace(plain, groups=np.arange(150)), rows)
    once, ignoring = measure(plain), measure(replace(copied, groups=None))
    found = measure(copied)
    assert (found.n, found.groups) == (600, 150)
    assert 0.9 * 150 < found.effective_n < 151
    for name in INTERVALS:
        width = np.diff(getattr(found, name))[0]
        assert width == pytest.approx(np.diff(getattr(once, name))[0], rel=0.08), name
        assert width > 1.7 * np.diff(getattr(ignoring, name))[0], name
    for mine, its in zip(found.per_class, once.per_class, strict=True):
        assert mine.recall_interval == pytest.approx(its.recall_interval, abs=0.02)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "auc"):
        assert getattr(found, name) == pytest.approx(getattr(once, name)), name


def test_a_class_without_errors_borrows_what_the_other_shows_of_groups() -> None:
    # Of 20 groups of either class only those of "b" have errors: spread, or all in whole groups.
    truth = ["a"] * 100 + ["b"] * 100
    groups = np.arange(200) // 5
    spread = ["a" if row % 5 == 0 else "b" for row in range(100)]
    gathered = ["a" if row // 5 < 4 else "b" for row in range(100)]
    low = {}
    for name, given in (("spread", spread), ("gathered", gathered)):
        found = measure(replace(answers(truth, ["a"] * 100 + given, "ab"), groups=groups))
        ends = found.per_class[0].recall_interval
        assert ends is not None and ends[1] == 1.0
        low[name] = ends[0]
    # Student's quantile for the 19 degrees of freedom of 20 groups is 2.093, the normal one 1.960.
    worth = 20 * (1.960 / 2.093) ** 2
    rows, whole = wilson(100, 100), wilson(worth, worth)
    assert rows is not None and whole is not None
    assert whole[0] - 0.01 < low["gathered"] < low["spread"] - 0.05 < rows[0]


def test_groups_are_said_where_they_limit() -> None:
    groups = np.repeat(np.arange(20), 20)
    found = measure(drawn(400, 2, seed=3, groups=groups))
    (line,) = found.remarks()
    assert line == (
        f"400 pictures (about {found.effective_n:.0f} effective in 20 groups): those of one group "
        "are not independent."
    )
    assert found.effective_n < 150
    assert found.to_json()["effective_n"] == found.effective_n
    pairs = np.concatenate([np.arange(390), np.arange(10)])
    assert measure(drawn(400, 2, seed=3, groups=pairs)).remarks() == ()
    one = measure(drawn(30, 2, seed=3, groups=np.zeros(30, dtype=np.int64)))
    assert one.accuracy_interval == one.balanced_accuracy_interval == (0.0, 1.0)
    assert one.log_loss_interval is None
    assert "in 1 group)" in one.remarks()[0]


def test_only_the_scored_rows_groups_count() -> None:
    plain = drawn(50, 2, seed=4, groups=np.array([0, 0, *range(1, 49)]))
    errors = ("broken", *plain.errors[1:])
    shares = plain.probabilities.copy()
    shares[0] = np.nan
    assert measure(replace(plain, errors=errors, probabilities=shares)).groups is None


@pytest.mark.parametrize(("wrong", "has_interval"), [(2, False), (3, True)])
def test_a_log_loss_has_an_interval_from_three_wrong_answers_on(
    wrong: int, has_interval: bool
) -> None:
    given = answers("a" * 40, "b" * wrong + "a" * (40 - wrong), "ab", 0.8)
    assert (measure(given).log_loss_interval is not None) == has_interval
    # Wrong answers in one group are one.
    together = replace(given, groups=np.maximum(np.arange(40), wrong - 1))
    assert measure(together).log_loss_interval is None


def test_auc_interval_is_delongs_where_many_rows_are_out_of_place() -> None:
    found = measure(drawn(2000, 2, seed=5))
    assert found.auc is not None and found.auc_interval is not None
    given = drawn(2000, 2, seed=5)
    score, truth = given.probabilities[:, 1], given.truth_index
    above = score[truth == 1][:, None] > score[truth == 0][None, :]
    area = above.mean()
    ones, zeros = (truth == 1).sum(), (truth == 0).sum()
    variance = above.mean(axis=1).var() / ones + above.mean(axis=0).var() / zeros
    rows = area * (1 - area) / variance
    assert found.auc_interval == pytest.approx(wilson(area * rows, rows), abs=0.001)


def test_a_perfect_model_is_not_certain() -> None:
    found = measure(answers("aab" * 20, "aab" * 20, "ab", 0.9))
    assert found.auc_interval is not None and found.macro_f1_interval is not None
    # 40 and 20 rows: of equal classes so many would have the same harmonic mean.
    rows = 4 / (1 / 40 + 1 / 20)
    assert found.macro_f1_interval == wilson(rows, rows)
    assert 0.85 < found.auc_interval[0] < 0.95
    assert found.auc_interval[1] == 1.0
