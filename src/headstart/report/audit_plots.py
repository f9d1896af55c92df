"""What an audit measured, as drawings: shortcuts, counts, intervals to expect, leak, curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from headstart.audit.class_counts import Overview
from headstart.audit.duplicate_leak import Leak
from headstart.audit.learning_curve import LearningCurve
from headstart.audit.shortcuts.search import ShortcutSearch
from headstart.evaluate.sample_size import expected_intervals
from headstart.report.number_formats import count, interval, number
from headstart.report.plots import Frame, Line, bars, interval_plot, line_plot

Drawing = tuple[Markup, str]  # with its caption

MOST_BARS = 12


def shortcut_drawing(search: ShortcutSearch) -> Drawing | None:
    """Accuracy of each kind of knowledge against the largest class's share."""
    if not search.kinds:
        return None
    rows = [(item.kind, item.accuracy, item.interval) for item in search.kinds]
    largest = max(search.kinds, key=lambda item: item.rows).largest
    alt = "; ".join(f"{kind}: {number(value)} {interval(ends)}" for kind, value, ends in rows)
    drawing = interval_plot(
        rows,
        name="shortcuts",
        alt=f"Accuracy without the content, against {number(largest)} for the largest class: {alt}",
        reference=largest,
        label="accuracy of a small model that knows this alone",
    )
    return drawing, (
        "Accuracy with its 95% interval on pictures that the small model has not seen. The "
        "upright tick is the largest class's share, which needs no knowledge."
    )


def overview_drawings(overview: Overview) -> list[Drawing]:
    """Pictures of each class, each format and each size; what does not vary is left out."""
    classes = [(name, n) for name, n in overview.class_counts.items()]
    if len(classes) > MOST_BARS:
        classes.sort(key=lambda item: -item[1])
    sizes = [(f"{width} × {height}", n) for (width, height), n in overview.sizes]
    parts = [
        ("class-counts", classes, "class", "classes"),
        ("formats", list(overview.formats), "format", "formats"),
        ("sizes", sizes, "size in pixels", "sizes"),
    ]
    return [_counts(*part) for part in parts if len(part[1]) > 1]


def _counts(name: str, rows: Sequence[tuple[str, int]], one: str, many: str) -> Drawing:
    shown = rows[:MOST_BARS]
    told = ", ".join(f"{title} {n}" for title, n in shown)
    drawing = bars(shown, name=name, alt=f"Pictures by {one}: {told}.", label="pictures")
    caption = f"Pictures by {one}."
    if len(rows) > MOST_BARS:
        caption += f" The {MOST_BARS} most frequent of {len(rows)} {many}; check.json has all."
    return drawing, caption


def expected_drawing(n_test: int) -> Drawing | None:
    """The interval that a perfect, a 95% and a 90% accurate model would get."""
    rows = [
        (f"{item.right} of {n_test} right", item.right / n_test, item.interval)
        for item in expected_intervals(n_test)
        if item.interval is not None
    ]
    if not rows:
        return None
    alt = "; ".join(f"{title}: {interval(ends)}" for title, _, ends in rows)
    drawing = interval_plot(
        rows, name="expected", alt=f"Intervals to expect with {n_test} test pictures: {alt}"
    )
    return drawing, f"What {count(n_test, 'test picture')} can say: 95% intervals."


def leak_drawing(leak: Leak) -> Drawing | None:
    """Accuracy with and without a duplicate in the training part; None without duplicates."""
    if not leak.n_with or not leak.n_without:
        return None
    rows = [
        (f"duplicate in training ({leak.n_with:,})", leak.accuracy_with, leak.interval_with),
        (f"none in training ({leak.n_without:,})", leak.accuracy_without, leak.interval_without),
    ]
    alt = "; ".join(f"{title}: {number(value)} {interval(ends)}" for title, value, ends in rows)
    drawing = interval_plot(rows, name="leak", alt=f"Accuracy by duplicates: {alt}")
    return drawing, "Accuracy with its 95% interval in a split that ignores duplicates."


def curve_drawing(curve: LearningCurve) -> Drawing:
    """Accuracy by number of training pictures, and the power law up to twice as many."""
    x = [float(point.n_train) for point in curve.points]
    y = [point.accuracy for point in curve.points]
    low, high = zip(*(point.interval for point in curve.points), strict=True)
    lines = [Line("measured", x, y, low, high)]
    words = ", ".join(f"{n:.0f}: {value:.3f}" for n, value in zip(x, y, strict=True))
    alt = f"Accuracy by training pictures: {words}."
    caption = "The band holds the 95% intervals."
    if curve.law is not None and curve.error_twice is not None:
        ahead = np.geomspace(x[0], curve.n_twice, 40).tolist()
        lines.append(Line("power law", ahead, [1 - curve.law.error(n) for n in ahead]))
        alt += f" With {curve.n_twice:,} the power law gives {1 - curve.error_twice:.3f}."
        caption += f" The power law goes on to {curve.n_twice:,}, twice the pictures."
    frame = Frame(x_label="training pictures", y_label="accuracy", height=300)
    return line_plot(lines, frame, name="learning-curve", alt=alt), caption
