"""A comparison as rows with paired tests, and in words what the differences are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headstart.compare.comparison import Comparison, Entry, count_parameters, embed_seconds
from headstart.evaluate.candidates import fold_widening, stand
from headstart.evaluate.effective_rows import rows_in_words
from headstart.evaluate.metrics import measure
from headstart.evaluate.significance import can_tell, p_words, paired_difference
from headstart.recipes.frozen import FitResult

ALPHA = 0.05
Row = Mapping[str, Any]

# Each test of a comparison: its key in a row, the key of the figure that it is about, and where.
TESTS = (("test", "accuracy", "on the test pictures"), ("folds", "folds_mean", "over the folds"))


def comparison_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """One row a model, in the order they were named; figures undefined or absent are None.

    `is_best` has the model with the highest mean over the folds among those that have folds, else
    with the highest test accuracy. All models are compared with all by `stand`: on the test rows,
    and where there are folds on the out-of-fold answers, with the errors of Nadeau and Bengio
    (2003). `test_p` and `folds_p` are the p of the model that is furthest ahead (`test_ahead`,
    `folds_ahead`) being so by chance, adjusted for picking the best of all models on the same
    rows, and for two tests where there are two. A model that no test finds worse than another
    `is_candidate` for the best.
    """
    rows = [_row(entry) for entry in comparison.entries]
    done = [(row, e.result) for row, e in zip(rows, comparison.entries, strict=True) if e.result]
    _enter_tests(done)
    best = _best(done)
    for row, result in done:
        row["is_best"] = row is best
        row["is_candidate"] = not any(_is_told(row, name) for name, _, _ in TESTS)
        if best is not None and row is not best:
            _enter_difference(row, result, next(it for its, it in done if its is best))
        row["verdict"] = _verdict(row, rows, result)
    return rows


def _enter_tests(done: Sequence[tuple[dict[str, Any], FitResult]]) -> None:
    """Put each test's p, and the model furthest ahead, into the rows of the models that took it."""
    taken = {"test": [(row, result.test) for row, result in done]}
    folds = [(row, result.folds) for row, result in done if result.folds is not None]
    taken["folds"] = [(row, one.predictions) for row, one in folds]
    for name in [name for name, pairs in taken.items() if len(pairs) < 2]:
        del taken[name]  # one model cannot be compared
    for name, pairs in taken.items():
        widening = 1.0
        if name == "folds":
            first = folds[0][1]
            widening = fold_widening(len(first.splits), *first.mean_rows)
        right = np.stack([answers.correct for _, answers in pairs])
        standings = stand(right, pairs[0][1].groups, widening=widening).times(len(taken))
        for place, (row, _) in enumerate(pairs):
            ahead = standings.furthest_ahead(place)
            row[f"{name}_p"] = float(standings.p_values[place].min())
            row[f"{name}_ahead"] = None if ahead is None else pairs[ahead][0]["model"]


def _row(entry: Entry) -> dict[str, Any]:
    result = entry.result
    row: dict[str, Any] = {
        "model": entry.spec.text,
        "layer": None if entry.spec.is_small_cnn else entry.spec.layer,
        "head": entry.spec.head,
        "crops": entry.spec.crops,
        "missing": entry.missing,
    }
    metrics = measure(result.test) if result else None
    for name in ("accuracy", "accuracy_interval", "balanced_accuracy", "macro_f1", "log_loss"):
        row[name] = getattr(metrics, name) if metrics else None
    row["train_accuracy"] = result.train_accuracy if result else None
    folds = result.folds.to_json() if result and result.folds else {}
    row["folds_mean"] = folds.get("accuracy_mean")
    row["folds_standard_error"] = folds.get("accuracy_standard_error")
    row |= {"difference_to_best": None, "difference_interval": None}
    row |= {"test_p": None, "test_ahead": None, "folds_p": None, "folds_ahead": None}
    verdict = "" if entry.missing is None else f"not run: {entry.missing.splitlines()[0]}"
    row |= {"is_best": False, "is_candidate": False, "verdict": verdict}
    counts = {"trainable_parameters": None, "total_parameters": None}
    row |= count_parameters(result) if result else counts
    embed, rate = embed_seconds(result) if result else (None, None)
    row |= {"seconds_embed": embed, "pictures_per_second": rate}
    row["seconds_train"] = result.record.seconds["head"] if result else None
    row["bytes_on_disk"] = None
    return row


def _best(done: Sequence[tuple[dict[str, Any], FitResult]]) -> dict[str, Any] | None:
    with_folds = [row for row, _ in done if row["folds_mean"] is not None]
    if with_folds:
        return max(with_folds, key=lambda row: row["folds_mean"])
    return max((row for row, _ in done), key=lambda row: row["accuracy"], default=None)


def _enter_difference(row: dict[str, Any], result: FitResult, best: FitResult) -> None:
    """The difference of the test accuracies and its interval, of these two models alone."""
    found = paired_difference(result.test.correct, best.test.correct, result.test.groups)
    row["difference_to_best"], row["difference_interval"] = found.difference, found.interval


def _is_told(row: Row, name: str) -> bool:
    """True when this test finds another model better."""
    return row[f"{name}_p"] is not None and row[f"{name}_p"] < ALPHA


def _verdict(row: Row, rows: Sequence[Row], result: FitResult) -> str:
    figures = measure(result.test)
    told = ["the best here"] if row["is_best"] else []
    subjects = {
        "test": rows_in_words(figures.n, figures.groups, figures.effective_n, "test picture"),
        "folds": "the folds",
    }
    for name, figure, where in TESTS:
        if row[f"{name}_p"] is None or (row["is_best"] and not _is_told(row, name)):
            continue
        ahead = _of(rows, row[f"{name}_ahead"])
        told.append(
            f"ahead {where}"
            if ahead is None
            else can_tell(row[figure], ahead[figure], row[f"{name}_p"], by=subjects[name])
        )
    return "; ".join(told)


def _of(rows: Sequence[Row], model: str | None) -> Row | None:
    return next((row for row in rows if row["model"] == model), None)


def sentences(rows: Sequence[Row]) -> list[str]:
    """What the comparison says: which models may be the best, which are worse, and by which test.

    A test that finds the other way round, or nothing, is said beside the one that finds.
    """
    lines = [f"{row['model']} was {row['verdict']}" for row in rows if row["missing"] is not None]
    run = [row for row in rows if row["missing"] is None]
    best = next((row for row in run if row["is_best"]), None)
    if best is not None and len(run) > 1:
        lines += [_candidates(best, run), *_worse(run)]
    if any(row["crops"] is not None for row in rows):
        lines.append("The small CNN has no folds: each would be a training of its own.")
    if any(str(row["model"]).endswith(":fine-tune") and row["folds_mean"] is None for row in run):
        lines.append("A fine-tuned model has folds with --folds N only: each is a training.")
    return lines


def _candidates(best: Row, run: Sequence[Row]) -> str:
    names = [row["model"] for row in run if row["is_candidate"]]
    others = [name for name in names if name != best["model"]]
    if not names:
        return "No model is the best in both tests."
    if not best["is_candidate"]:
        some = ", ".join(names)
        return f"{best['model']} comes out best over the folds only; candidates are {some}."
    if not others:
        return f"{best['model']} is the only candidate for the best."
    both = "both remain" if len(others) == 1 else "all of these remain"
    return (
        f"{best['model']} comes out best, but these data cannot tell it from "
        f"{', '.join(others)}: {both} candidates."
    )


def _worse(run: Sequence[Row]) -> list[str]:
    """A sentence for each model that a test finds worse than another; one for two that disagree."""
    lines: list[str] = []
    for row in run:
        for model in dict.fromkeys(row[f"{name}_ahead"] for name in _told(row)):
            other = _of(run, model)
            if other is None:
                continue
            names = [name for name in _told(row) if row[f"{name}_ahead"] == model]
            reverse = [name for name in _told(other) if other[f"{name}_ahead"] == row["model"]]
            if not reverse:
                lines.append(_finding(row, other, names))
            elif names == ["test"]:  # the other model's turn would say it again
                lines.append(
                    f"The two tests disagree: {_better(other, row, 'test')}, but "
                    f"{_better(row, other, 'folds')}."
                )
    return lines


def _told(row: Row) -> list[str]:
    return [name for name, _, _ in TESTS if _is_told(row, name)]


def _finding(row: Row, other: Row, names: Sequence[str]) -> str:
    """The figures of the tests that find `row` worse than `other`, and what another test says."""
    parts = []
    for name, figure, where in TESTS:
        if row[f"{name}_p"] is None or other[f"{name}_p"] is None:
            continue
        mine, its = row[figure], other[figure]
        if name in names:
            parts.append(f"{mine:.3f} against {its:.3f} {where}, {p_words(row[f'{name}_p'])}")
        elif mine > its:
            parts.append(f"{where} it is ahead, {mine:.3f} against {its:.3f}, but not for sure")
        else:
            parts.append(f"{mine:.3f} against {its:.3f} {where} cannot tell them apart")
    return f"{row['model']} is worse than {other['model']}: {'; '.join(parts)}."


def _better(row: Row, other: Row, name: str) -> str:
    """That a test finds `row` better than `other`, with its figures."""
    figure, where = next((figure, where) for key, figure, where in TESTS if key == name)
    return (
        f"{row['model']} is better than {other['model']} {where} ({row[figure]:.3f} against "
        f"{other[figure]:.3f}, {p_words(other[f'{name}_p'])})"
    )
