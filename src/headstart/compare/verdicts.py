"""A comparison as rows with paired tests, and in words what the differences are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from headstart.arrays import BoolArray
from headstart.compare.comparison import Comparison, Entry, count_parameters, embed_seconds
from headstart.evaluate.metrics import Metrics, measure
from headstart.evaluate.significance import (
    can_tell,
    corrected_t_test,
    holm,
    mcnemar_exact,
    p_words,
)
from headstart.recipes.frozen import FitResult

ALPHA = 0.05


def comparison_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """One row a model, in the order they were named; figures undefined or absent are None.

    The best model is the one with the highest mean over the folds among those that have folds,
    else with the highest test accuracy. Every other one is compared with it: on the test rows by
    McNemar's exact test, on the folds by the corrected resampled t test of Nadeau and Bengio
    (2003). The p values are adjusted for the number of comparisons (Holm 1979).
    """
    rows = [_row(entry) for entry in comparison.entries]
    best = _best(comparison.entries, rows)
    if best is None:
        return rows
    tests = [_tests(entry.result, best.result) for entry in comparison.entries]
    for name, place in (("mcnemar_p", 1), ("folds_p", 2)):
        adjusted = holm([found[place] if found else None for found in tests])
        for row, p in zip(rows, adjusted, strict=True):
            row[name] = p
    for row, entry, found in zip(rows, comparison.entries, tests, strict=True):
        row["difference_to_best"] = found[0] if found else None
        row["is_best"] = entry is best
        row["verdict"] = _verdict(
            row, rows[comparison.entries.index(best)], len(comparison.split.test)
        )
    return rows


def _row(entry: Entry) -> dict[str, Any]:
    result = entry.result
    row: dict[str, Any] = {
        "model": entry.spec.text,
        "layer": None if entry.spec.is_small_cnn else entry.spec.layer,
        "head": entry.spec.head,
        "crops": entry.spec.layer if entry.spec.is_small_cnn else None,
        "missing": entry.missing,
    }
    metrics = measure(result.test) if result else None
    for name in ("accuracy", "accuracy_interval", "balanced_accuracy", "macro_f1", "log_loss"):
        row[name] = getattr(metrics, name) if metrics else None
    row["train_accuracy"] = result.train_accuracy if result else None
    folds = result.folds.to_json() if result and result.folds else {}
    row["folds_mean"] = folds.get("accuracy_mean")
    row["folds_standard_error"] = folds.get("accuracy_standard_error")
    row |= {"difference_to_best": None, "mcnemar_p": None, "folds_p": None, "verdict": ""}
    row |= {"is_best": False}
    counts = {"trainable_parameters": None, "total_parameters": None}
    row |= count_parameters(result) if result else counts
    embed, rate = embed_seconds(result) if result else (None, None)
    row |= {"seconds_embed": embed, "pictures_per_second": rate}
    row["seconds_train"] = result.record.seconds["head"] if result else None
    row["bytes_on_disk"] = None
    return row


def _best(entries: Sequence[Entry], rows: Sequence[dict[str, Any]]) -> Entry | None:
    done = [(row, entry) for row, entry in zip(rows, entries, strict=True) if entry.result]
    with_folds = [pair for pair in done if pair[0]["folds_mean"] is not None]
    if with_folds:
        return max(with_folds, key=lambda pair: pair[0]["folds_mean"])[1]
    return max(done, key=lambda pair: pair[0]["accuracy"], default=(None, None))[1]


def _tests(
    result: FitResult | None, best: FitResult | None
) -> tuple[float, float, float | None] | None:
    """Difference of the test accuracies, McNemar's p and the folds' p; None for the best itself."""
    if result is None or best is None or result is best:
        return None
    mine, its = _correct(result), _correct(best)
    difference = float(mine.mean() - its.mean())
    return difference, mcnemar_exact(mine, its).p_value, _folds_p(result, best)


def _correct(result: FitResult) -> BoolArray:
    return np.asarray(result.test.predicted_index == result.test.truth_index)


def _folds_p(result: FitResult, best: FitResult) -> float | None:
    if result.folds is None or best.folds is None:
        return None
    pairs = zip(result.folds.metrics, best.folds.metrics, strict=True)
    differences = [_accuracy(mine) - _accuracy(its) for mine, its in pairs]
    n_test = len(result.data) / len(differences)
    n_train = len(result.data) - n_test
    return corrected_t_test(differences, round(n_train), round(n_test)).p_value


def _accuracy(metrics: Metrics) -> float:
    return metrics.accuracy if metrics.accuracy is not None else float("nan")


def _verdict(row: dict[str, Any], best: dict[str, Any], n_test: int) -> str:
    if row["missing"] is not None:
        return f"not run: {row['missing'].splitlines()[0]}"
    if row is best:
        return "the best here"
    words = can_tell(
        row["accuracy"], best["accuracy"], row["mcnemar_p"], by=f"{n_test} test pictures"
    )
    if row["folds_p"] is None:
        return words
    folds = can_tell(row["folds_mean"], best["folds_mean"], row["folds_p"], by="the folds")
    return f"{words}; {folds}"


def sentences(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What the comparison says: which models cannot be told from the best, and which can."""
    best = next((row for row in rows if row["is_best"]), None)
    lines = [f"{row['model']} was {row['verdict']}" for row in rows if row["missing"] is not None]
    others = [row for row in rows if row["missing"] is None and row is not best]
    if best is not None and others:
        lines += _summary(best, others)
    if any(row["crops"] is not None for row in rows):
        lines.append("The small CNN has no folds: each would be a training of its own.")
    return lines


def _summary(best: dict[str, Any], others: Sequence[dict[str, Any]]) -> list[str]:
    worse = [row for row in others if _is_told(row)]
    equal = [row["model"] for row in others if not _is_told(row)]
    lines = []
    if equal:
        lines.append(
            f"{best['model']} comes out best, but these data cannot tell it from "
            f"{', '.join(equal)}."
        )
    lines += [
        f"{row['model']} is worse than {best['model']}: {_figures(row, best)}." for row in worse
    ]
    return lines


def _is_told(row: dict[str, Any]) -> bool:
    """True when one of the two tests tells the model from the best."""
    return any(row[name] is not None and row[name] < ALPHA for name in ("mcnemar_p", "folds_p"))


def _figures(row: dict[str, Any], best: dict[str, Any]) -> str:
    """The figures and the p value of the test that tells them apart."""
    if row["mcnemar_p"] is not None and row["mcnemar_p"] < ALPHA:
        return (
            f"{row['accuracy']:.3f} against {best['accuracy']:.3f} on the test pictures, "
            f"{p_words(row['mcnemar_p'])}"
        )
    return (
        f"{row['folds_mean']:.3f} against {best['folds_mean']:.3f} over the folds, "
        f"{p_words(row['folds_p'])}"
    )
