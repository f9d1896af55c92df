"""report.html: a run on one page that opens without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headstart.audit.duplicate_leak import Leak
from headstart.audit.learning_curve import LearningCurve
from headstart.options import MAX_PIXELS
from headstart.recipes.frozen import FitResult
from headstart.report.audit_plots import curve_drawing, leak_drawing
from headstart.report.examples import (
    SHOWN,
    examples,
    uncertain_rows,
    with_nearest,
    with_reasons,
    wrong_rows,
)
from headstart.report.headline import headline
from headstart.report.record import record_tables
from headstart.report.render import write_page
from headstart.report.run_chapters import calibration, evidence, learning, two_class_curves
from headstart.report.typical_pictures import typical_pictures

MOST_IN_MATRIX = 16  # classes; with more, the most frequent confusions are listed instead
LETTERS_BESIDE = 40  # of the classes' names, up to which two matrices stand side by side;
MOST_ACROSS = 12  # of a longer name not more count, since it breaks
MOST_IN_TABLE = 60
MOST_LINES = 50


def write_report(
    result: FitResult,
    metrics: dict[str, Any],
    path: Path,
    *,
    title: str,
    leak: Leak | None = None,
    curve: LearningCurve | None = None,
) -> None:
    """Write the report of a fit.

    Args:
        result: what the recipe returned.
        metrics: what `run_metrics` (and `metrics.json`) holds for it.
        path: the HTML file, a new one.
        title: what the page is called.
        leak: what duplicates would feign, where it was measured.
        curve: the learning curve, where it was measured.

    Raises OSError. A picture that is gone since the run is named with its cause.
    """
    known = evidence(result)
    table = result.data.table
    images = [table.images[row] for row in known.rows]
    limit = result.record.options.get("read", {}).get("max_pixels", MAX_PIXELS)
    wrong, doubtful = wrong_rows(known.answers), uncertain_rows(known.answers)
    most_wrong = examples(known.answers, images, wrong[:SHOWN], limit)
    most_wrong = with_reasons(
        most_wrong, [images[row] for row in wrong[:SHOWN]], result.model, limit
    )
    at_fault = [known.rows[row] for row in wrong[:SHOWN]]
    context = {
        "title": title,
        "headline": headline(metrics, result.record, table.source.name or str(table.source)),
        "metrics": metrics,
        "matrices": _matrices(metrics),
        "wide_matrices": sum(min(len(name), MOST_ACROSS) for name in metrics["classes"])
        > LETTERS_BESIDE,
        "classes": _classes(metrics),
        "evidence": known.words,
        "wrong": with_nearest(most_wrong, at_fault, result, limit),
        "wrong_count": len(wrong),
        "uncertain": examples(known.answers, images, doubtful[:SHOWN], limit),
        "typical": typical_pictures(result, limit),
        "calibration": calibration(result, known),
        "two_classes": two_class_curves(known),
        "learning": learning(result.history, result.tuning) if result.history is not None else None,
        "leak": leak,
        "leak_drawing": leak_drawing(leak) if leak is not None else None,
        "curve": curve,
        "curve_drawing": curve_drawing(curve) if curve is not None else None,
        "notes": _notes(result, metrics),
        "record": record_tables(result.record.to_json()),
    }
    write_page("report.html", path, context)


def _matrices(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """Confusion matrices of the test and the folds, or their largest cells for many classes."""
    parts = [("Test pictures", metrics["test"])]
    if metrics["folds"] is not None:
        parts.append(("All pictures, out-of-fold", metrics["folds"]["pooled"]))
    return [
        {
            "title": f"{title} ({part['n']:,})",
            "classes": part["classes"],
            "rows": part["confusion_matrix"] if len(part["classes"]) <= MOST_IN_MATRIX else None,
            "pairs": _confusions(part),
        }
        for title, part in parts
    ]


def _confusions(part: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Given class, predicted class and count of the most frequent confusions."""
    names = part["classes"]
    cells = [
        (names[i], names[j], count)
        for i, row in enumerate(part["confusion_matrix"])
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(cells, key=lambda cell: -cell[2])[: 2 * MOST_IN_MATRIX]


def _classes(metrics: dict[str, Any]) -> dict[str, Any]:
    """A row for each class, its figures of the test and its recall over the folds."""
    rows = [dict(row) for row in metrics["test"]["per_class"]]
    if metrics["folds"] is not None:
        for row, pooled in zip(rows, metrics["folds"]["pooled"]["per_class"], strict=True):
            row["folds"] = pooled
    if len(rows) > MOST_IN_TABLE:
        rows.sort(key=lambda row: 2.0 if row["recall"] is None else row["recall"])
    return {
        "rows": rows[:MOST_IN_TABLE],
        "left_out": len(rows) - len(rows[:MOST_IN_TABLE]),
        "folds": metrics["folds"] is not None,
    }


def _notes(result: FitResult, metrics: dict[str, Any]) -> list[str]:
    """Lines told to the user, what the figures leave out, and the bad inputs by name."""
    notes = [*result.record.notes, *metrics["test"]["remarks"]]
    return notes + _some([f"left out: {bad}" for bad in result.data.left_out])


def _some(lines: Sequence[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], *([f"... and {more} more"] if more > 0 else [])]
