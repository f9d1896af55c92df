"""In words what a comparison can carry, and the figures that the words rest on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from headstart.compare import verdicts
from headstart.compare.verdicts import comparison_rows, sentences
from headstart.data.split import Split
from headstart.evaluate.metrics import measure
from headstart.evaluate.predictions import Predictions
from headstart.evaluate.significance import mcnemar_exact
from headstart.recipes.folds import FoldResult, take

N, FOLDS = 300, 10


def row(model: str, **changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "model": model, "missing": None, "crops": None, "is_best": False, "is_candidate": True,
        "accuracy": 0.9, "folds_mean": 0.9, "test_p": None, "test_ahead": None, "folds_p": None,
        "folds_ahead": None, "verdict": "",
    }  # fmt: skip
    return {**plain, **changes}


def beaten(model: str, **changes: Any) -> dict[str, Any]:
    return row(model, is_candidate=False, **changes)


def test_what_cannot_be_told_and_what_can() -> None:
    rows = [
        row("a", is_best=True, accuracy=0.952, folds_mean=0.95, test_p=1.0, folds_p=1.0),
        row("b", accuracy=0.921, test_p=0.27, test_ahead="a", folds_p=0.4, folds_ahead="a"),
        beaten("c", accuracy=0.667, test_p=0.00001, test_ahead="a", folds_mean=None),
        beaten("d", folds_mean=0.8, test_p=0.06, test_ahead="a", folds_p=0.01, folds_ahead="a"),
        beaten("e", folds_mean=0.7, test_p=0.04, test_ahead="a", folds_p=0.01, folds_ahead="a"),
    ]
    assert sentences(rows) == [
        "a comes out best, but these data cannot tell it from b: both remain candidates.",
        "c is worse than a: 0.667 against 0.952 on the test pictures, p < 0.001.",
        "d is worse than a: 0.900 against 0.952 on the test pictures cannot tell them apart; "
        "0.800 against 0.950 over the folds, p = 0.010.",
        "e is worse than a: 0.900 against 0.952 on the test pictures, p = 0.040; "
        "0.700 against 0.950 over the folds, p = 0.010.",
    ]


def test_the_best_over_the_folds_that_loses_on_the_test_is_called_worse() -> None:
    rows = [
        row("small_cnn", accuracy=0.97, folds_mean=None, test_p=1.0, crops="once"),
        beaten("trunk", is_best=True, accuracy=0.8, test_p=0.0001, test_ahead="small_cnn"),
    ]
    assert sentences(rows) == [
        "trunk comes out best over the folds only; candidates are small_cnn.",
        "trunk is worse than small_cnn: 0.800 against 0.970 on the test pictures, p < 0.001.",
        "The small CNN has no folds: each would be a training of its own.",
    ]


def test_both_tests_are_said_when_they_disagree() -> None:
    ahead = {"accuracy": 0.97, "folds_mean": 0.8, "folds_ahead": "b"}
    behind = {"accuracy": 0.9, "folds_mean": 0.95, "test_ahead": "a"}
    rows = [
        beaten("a", **ahead, test_p=1.0, folds_p=0.002),
        beaten("b", is_best=True, **behind, test_p=0.03, folds_p=1.0),
    ]
    assert sentences(rows) == [
        "No model is the best in both tests.",
        "The two tests disagree: a is better than b on the test pictures (0.970 against 0.900, "
        "p = 0.030), but b is better than a over the folds (0.950 against 0.800, p = 0.002).",
    ]
    unsure = [
        row("a", **ahead, test_p=1.0, folds_p=0.3),
        beaten("b", is_best=True, **behind, test_p=0.03, folds_p=1.0),
    ]
    assert sentences(unsure)[1] == (
        "b is worse than a: 0.900 against 0.970 on the test pictures, p = 0.030; over the folds it "
        "is ahead, 0.950 against 0.800, but not for sure."
    )


def test_a_missing_model_and_the_small_cnn_are_explained() -> None:
    rows = [
        row("a", is_best=True, test_p=1.0),
        row("b", missing="no weights", verdict="not run: no weights", accuracy=None),
        row("small_cnn", crops="each-epoch", folds_mean=None, test_p=0.5, test_ahead="a"),
        row("c", test_p=0.5, test_ahead="a"),
    ]
    assert sentences(rows) == [
        "b was not run: no weights",
        "a comes out best, but these data cannot tell it from small_cnn, c: all of these remain "
        "candidates.",
        "The small CNN has no folds: each would be a training of its own.",
    ]
    only = [row("a", is_best=True, folds_mean=None)]
    assert sentences(only) == []
    pair = [row("a", is_best=True), beaten("b", test_p=0.01, test_ahead="a", accuracy=0.5)]
    assert sentences(pair)[0] == "a is the only candidate for the best."


def predictions(right: np.ndarray, groups: np.ndarray | None) -> Predictions:
    n = len(right)
    truth = np.arange(n) % 2
    second = np.where(right == (truth == 1), 0.9, 0.1)
    shares = np.stack((1 - second, second), axis=1)
    labels = tuple("ab"[code] for code in truth)
    return Predictions(("",) * n, ("a", "b"), shares, labels, ("",) * n, groups)


def result(right: np.ndarray, groups: np.ndarray | None, folds: bool = True) -> Any:
    """What the verdicts read of a fit: the first tenth is the test part."""
    whole = predictions(right, groups)
    parts = np.array_split(np.arange(N), FOLDS)
    splits = tuple(Split(np.setdiff1d(np.arange(N), part), part) for part in parts)
    metrics = tuple(measure(take(whole, part)) for part in parts)
    return SimpleNamespace(
        test=take(whole, np.arange(N // 3)),
        train_accuracy=1.0,
        folds=FoldResult(metrics, splits, whole) if folds else None,
        record=SimpleNamespace(seconds={"head": 0.1}),
    )


@pytest.fixture
def rows_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(verdicts, "count_parameters", lambda _: {})
    monkeypatch.setattr(verdicts, "embed_seconds", lambda _: (0.1, None))

    def run(*results: Any) -> list[dict[str, Any]]:
        entries = tuple(
            SimpleNamespace(
                spec=SimpleNamespace(
                    text=name, is_small_cnn=False, layer="pooled", head="linear", crops=None
                ),
                result=one,
                missing=None if one else "no weights\nremedy",
            )
            for name, one in zip("abcdefgh", results, strict=False)
        )
        return comparison_rows(SimpleNamespace(entries=entries))  # type: ignore[arg-type]

    return run


def drawn(seed: int, share: float = 0.9) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).random(N) < share)


def test_two_models_without_folds_have_mcnemars_p(rows_of: Any) -> None:
    one, other = drawn(1), drawn(2, 0.7)
    first, second = rows_of(result(one, None, False), result(other, None, False))
    right = slice(0, N // 3)
    test = mcnemar_exact(one[right], other[right])
    assert (first["test_p"], second["test_p"]) == (1.0, test.p_value)
    assert (first["folds_p"], first["is_best"], first["verdict"]) == (None, True, "the best here")
    assert second["test_ahead"] == "a" and not second["is_candidate"]
    assert second["difference_to_best"] == pytest.approx(other[right].mean() - one[right].mean())
    low, high = second["difference_interval"]
    assert low < second["difference_to_best"] < high < 0
    assert second["verdict"].startswith("yes: 100 test pictures tell ")


def test_two_tests_double_each_p_and_the_folds_are_widened(rows_of: Any) -> None:
    one, other = drawn(1), drawn(2, 0.84)
    _, alone = rows_of(result(one, None, False), result(other, None, False))
    first, second = rows_of(result(one, None), result(other, None))
    assert second["test_p"] == pytest.approx(min(1, 2 * alone["test_p"]))
    assert second["folds_p"] > 2 * mcnemar_exact(one, other).p_value
    assert first["verdict"] == "the best here"
    assert "; no: the folds cannot tell " in second["verdict"]
    assert first["folds_standard_error"] is not None


def test_groups_reach_the_verdict(rows_of: Any) -> None:
    groups = np.arange(N) // 20
    one = drawn(1) | np.isin(groups, [0, 1])
    other = one & ~np.isin(groups, [0, 1])
    _, plain = rows_of(result(one, None, False), result(other, None, False))
    _, grouped = rows_of(result(one, groups, False), result(other, groups, False))
    assert plain["test_p"] < 0.001
    assert grouped["test_p"] == 0.5  # two groups, two coins
    assert "in 5 groups) cannot tell" in grouped["verdict"]
    assert np.diff(grouped["difference_interval"]) > 1.5 * np.diff(plain["difference_interval"])


def test_a_model_that_was_not_run_is_neither_compared_nor_a_candidate(rows_of: Any) -> None:
    first, missing, third = rows_of(result(drawn(1), None), None, result(drawn(3), None))
    assert (missing["verdict"], missing["is_candidate"]) == ("not run: no weights", False)
    assert missing["test_p"] is missing["difference_to_best"] is None
    assert {first["is_candidate"], third["is_candidate"]} == {True}
    alone = rows_of(result(drawn(1), None))[0]
    assert (alone["test_p"], alone["folds_p"], alone["is_best"]) == (None, None, True)
