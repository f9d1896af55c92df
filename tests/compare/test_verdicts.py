"""In words what a comparison can carry."""

from __future__ import annotations

from typing import Any

from headstart.compare.verdicts import sentences


def row(model: str, **changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "model": model,
        "missing": None,
        "crops": None,
        "is_best": False,
        "accuracy": 0.9,
        "folds_mean": 0.9,
        "mcnemar_p": None,
        "folds_p": None,
        "verdict": "",
    }
    return {**plain, **changes}


def test_what_cannot_be_told_and_what_can() -> None:
    rows = [
        row("a", is_best=True, accuracy=0.952, folds_mean=0.95),
        row("b", accuracy=0.921, mcnemar_p=0.27, folds_p=0.4),
        row("c", accuracy=0.667, mcnemar_p=0.00001, folds_p=None),
        row("d", folds_mean=0.8, mcnemar_p=0.06, folds_p=0.01),
    ]
    assert sentences(rows) == [
        "a comes out best, but these data cannot tell it from b.",
        "c is worse than a: 0.667 against 0.952 on the test pictures, p < 0.001.",
        "d is worse than a: 0.800 against 0.950 over the folds, p = 0.010.",
    ]


def test_a_missing_model_and_the_small_cnn_are_explained() -> None:
    rows = [
        row("a", is_best=True),
        row("b", missing="no weights", verdict="not run: no weights", accuracy=None),
        row("small_cnn", crops="each-epoch", folds_mean=None, mcnemar_p=0.5),
    ]
    assert sentences(rows) == [
        "b was not run: no weights",
        "a comes out best, but these data cannot tell it from small_cnn.",
        "The small CNN has no folds: each would be a training of its own.",
    ]
    only = [row("a", is_best=True, folds_mean=None)]
    assert sentences(only) == []
