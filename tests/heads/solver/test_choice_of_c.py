from collections import Counter
from typing import Any

import numpy as np
import pytest

from headstart.heads.head import TrainingRows
from headstart.heads.linear import LinearHead
from headstart.heads.solver import choice_of_c, objective
from headstart.heads.solver.choice_of_c import PATH, folds_for_choice
from headstart.heads.svm import SvmHead


class Told:
    """Counts what a fit tells."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.totals: list[int] = []

    def start(self, label: str, total: int) -> None:
        self.calls["start"] += 1
        self.totals.append(total)

    def advance(self, steps: int = 1) -> None:
        self.calls["advance"] += steps

    def stop(self) -> None:
        self.calls["stop"] += 1

    def note(self, line: str) -> None:
        self.calls["note"] += 1


def rows_of(codes: Any) -> TrainingRows:
    n, k = len(codes), int(codes.max()) + 1
    return TrainingRows(np.zeros((n, 2)), codes, np.arange(k), np.ones(n), None)


@pytest.mark.parametrize(("each", "count"), [(2, 2), (3, 3), (4, 4), (5, 5), (9, 5)])
def test_as_many_folds_as_a_class_has_rows_up_to_five(each: int, count: int) -> None:
    codes = np.arange(40 * each) % 40
    part, folds = folds_for_choice(rows_of(codes), np.random.RandomState(0))
    np.testing.assert_array_equal(part, np.arange(len(codes)))
    assert set(folds.tolist()) == set(range(count))
    for code in range(40):  # each class is spread over the folds
        assert len(set(folds[codes == code])) == min(each, count)


def test_many_rows_are_sampled_with_every_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice_of_c, "MOST_ROWS", 100)
    codes = np.repeat([0, 1, 2], [900, 95, 5])
    part, folds = folds_for_choice(rows_of(codes), np.random.RandomState(0))
    assert len(part) == len(folds) == len(set(part.tolist()))
    assert 100 <= len(part) <= 115
    counts = np.bincount(codes[part])
    assert counts[2] == 5
    assert 85 <= counts[0] <= 95


def test_a_class_is_never_left_out_of_the_training_rows_of_a_fold() -> None:
    codes = np.array([0] * 10 + [1] * 10 + [2])
    folds = folds_for_choice(rows_of(codes), np.random.RandomState(0))[1]
    assert folds[-1] == -1


@pytest.mark.parametrize("kind", [LinearHead, SvmHead])
def test_each_c_is_told(kind: Any) -> None:
    random = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = random.normal(size=(60, 5)) + y[:, None]
    told = Told()
    head = kind().fit(X, y, progress=told)
    assert told.totals == [len(PATH) + 1]
    assert told.calls == {"start": 1, "advance": len(head.tried_) + 1, "stop": 1}
    assert head.C_ in head.tried_[:, 0]
    given = Told()
    assert kind(C=0.1).fit(X, y, progress=given).C_ == 0.1
    assert given.totals == [2]
    assert given.calls["stop"] == 1


def test_the_end_is_told_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("headstart.heads.solver.linear_fit.axis_scores", fail)
    told = Told()
    with pytest.raises(MemoryError):
        LinearHead().fit([[0.0], [1.0]], ["a", "b"], progress=told)
    assert told.calls == {"start": 1, "stop": 1}


def many_classes(k: int = 30) -> tuple[Any, Any]:
    """Three rows of each class, more columns than rows of a fold need."""
    random = np.random.default_rng(1)
    y = np.repeat(np.arange(k), 3)
    hidden = random.normal(size=(k, 8))[y] + 0.6 * random.normal(size=(3 * k, 8))
    return hidden @ random.normal(size=(8, 40)) + 0.2 * random.normal(size=(3 * k, 40)), y


@pytest.mark.parametrize("kind", [LinearHead, SvmHead])
@pytest.mark.parametrize("cores", [1, 16])  # side by side, and one after the other
def test_a_long_fit_takes_each_fold_alone_and_answers_alike(
    kind: Any, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = many_classes()
    usual = kind().fit(X, y)
    monkeypatch.setattr(objective, "LONG", 1)
    monkeypatch.setattr(objective, "MANY_CLASSES", 30)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    long = kind().fit(X, y)
    assert long.C_ == usual.C_
    np.testing.assert_allclose(long.tried_, usual.tried_, rtol=1e-3)
    np.testing.assert_allclose(long.predict_proba(X), usual.predict_proba(X), atol=1e-3)


def test_a_long_fit_keeps_what_its_folds_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = many_classes()
    assert LinearHead().fit(X, y).held_out_ is None
    monkeypatch.setattr(objective, "LONG", 1)
    monkeypatch.setattr(objective, "MANY_CLASSES", 30)
    assert LinearHead(C=0.1).fit(X, y).held_out_ is None  # without folds
    held_out = LinearHead().fit(X, y).held_out_
    assert held_out is not None
    assert held_out.logits.shape == (30, 90)
    np.testing.assert_array_equal(held_out.codes, y)
    right = (held_out.logits.argmax(axis=0) == y).mean()
    assert 0.3 < right < 1.0  # the rows were not learnt from, and something was
