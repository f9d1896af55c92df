"""The comparison of several models as a page: intervals side by side, and all figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from headstart.report.model_differences import (
    SameRows,
    cost_drawing,
    roc_drawing,
    told_apart,
)
from headstart.report.plots import interval_plot
from headstart.report.record import record_tables
from headstart.report.render import write_page
from headstart.report.words import count, interval, number


def write_comparison(
    rows: Sequence[Mapping[str, Any]],
    path: Path,
    *,
    title: str,
    sentences: Sequence[str],
    record: Mapping[str, Any],
    same: SameRows | None = None,
) -> None:
    """Write the page of `compare`.

    Args:
        rows: one for each model, as in comparison.json, in the order to show them; one with a
            reason under `missing` was not run.
        path: the HTML file; written whole or not at all.
        title: what the page is called.
        sentences: which differences the data can carry, in words; a row's `verdict` that is in
            none of them gets a line of its own.
        record: as of `RunRecord.to_json`.
        same: answers of the models to the same pictures, to show where they differ.

    Raises OSError, and KeyError for a row without a figure.
    """
    run = [row for row in rows if row["missing"] is None]
    missing = [row for row in rows if row["missing"] is not None]
    # Why a model was not run stands there in full, with the remedy; once is enough.
    told = {f"{row['model']} was {row['verdict']}" for row in missing}
    context = {
        "title": title,
        "lead": _lead(len(run), len(missing)),
        "sentences": [line for line in sentences if line not in told],
        "run": run,
        "unsaid": [
            row
            for row in run
            if not row.get("is_best") and not any(row["verdict"] in line for line in sentences)
        ],
        "missing": missing,
        "name": model_name,
        "plot": _plot(run),
        "cost": cost_drawing([(model_name(row), row) for row in run]),
        "roc": roc_drawing(same) if same is not None else None,
        "alone": told_apart(same) if same is not None else [],
        "same": same,
        "notes": list(record.get("notes", ())),
        "record": record_tables(record),
    }
    write_page("comparison.html", path, context)


def _lead(run: int, missing: int) -> str:
    learnt = f"{count(run, 'model')} learnt from the same pictures and answered the same test."
    return learnt if not missing else f"{learnt} {count(missing, 'model')} could not be run."


def model_name(row: Mapping[str, Any]) -> str:
    """A model as the command names it: "vgg16_bn:fc7+svm", where layer and head are not usual."""
    name = str(row["model"])
    layer, head = row.get("layer"), row.get("head")
    if layer not in (None, "", "pooled") and ":" not in name:
        name += f":{layer}"
    if head not in (None, "", "linear") and "+" not in name:
        name += f"+{head}"
    return name


def _plot(run: Sequence[Mapping[str, Any]]) -> Markup | None:
    if not run:
        return None
    rows = [(model_name(row), row["accuracy"], row["accuracy_interval"]) for row in run]
    words = "; ".join(f"{name} {number(value)} {interval(ends)}" for name, value, ends in rows)
    return interval_plot(
        rows, name="models", alt=f"Accuracy with 95% interval: {words}.", label="test accuracy"
    )
