"""Drawings that any page can use: intervals, lines with bands, histograms, bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from markupsafe import Markup

from headstart.evaluate.intervals import Interval
from headstart.report.number_formats import interval, number, seconds
from headstart.report.svg import ACCENT, LINE, MUTED, SECOND, labelled_axes, shortened, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 46  # units of height for a row of an interval plot
LONGEST_NAME = 30  # characters beside a row's figures
COLOURS = (ACCENT, SECOND, MUTED)
DASHES: tuple[str | tuple[int, tuple[int, ...]], ...] = ("-", (0, (5, 2)), (0, (1, 2)))
# The first lines differ in colour and dashes, so that either is enough to tell them apart.
STYLES = tuple(
    (colour, DASHES[(place + turn) % len(DASHES)])
    for turn in range(len(DASHES))
    for place, colour in enumerate(COLOURS)
)
LEGEND_ROW = 20  # units of height for a line's name under a plot


def interval_plot(
    rows: Sequence[tuple[str, float | None, Interval | None]],
    *,
    name: str,
    alt: str,
    reference: float | None = None,
    label: str = "accuracy",
) -> Markup:
    """A dot with its interval for each row, named above it, and an upright tick at `reference`."""
    known = [v for _, value, ends in rows for v in (value, *(ends or ())) if v is not None]
    known += [reference] if reference is not None else []
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    room = max(0.04 * (high - low), 0.01)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_xlim(low - room, high + room)
        axes.set_ylim(len(rows) - 0.55, -0.7)
        axes.set_xlabel(label)
        axes.locator_params(axis="x", nbins=5, steps=[1, 2, 5, 10])
        axes.tick_params(length=3)
        axes.set_yticks([])
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        for place, (title, value, ends) in enumerate(rows):
            _named_row(axes, place, title, f"{number(value)} {interval(ends)}".strip())
            axes.axhline(place, color=LINE, linewidth=1)
            if reference is not None:
                upright = [place - 0.14, place + 0.14]
                axes.plot([reference] * 2, upright, color=MUTED, linewidth=2)
            if ends is not None:
                axes.plot(ends, [place, place], color=ACCENT, linewidth=6, alpha=0.4,
                          solid_capstyle="butt")  # fmt: skip
            if value is not None:
                axes.plot([value], [place], "o", color=ACCENT, markersize=9)

    return svg(draw, name=name, alt=alt, height=40 + ROW * len(rows))


def _named_row(axes: Axes, place: int, title: str, figures: str) -> None:
    """A row's name on the left and its figures on the right, above the row's line."""
    across = axes.get_yaxis_transform()
    name = shortened(title, LONGEST_NAME)
    axes.text(0, place - 0.2, name, ha="left", va="bottom", transform=across)
    axes.text(1, place - 0.2, figures, ha="right", va="bottom", color=MUTED, transform=across)


@dataclass(frozen=True)
class Line:
    """One line of a plot: x and y (m,), and where there is one, a band from `low` to `high`."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    steps: Literal["default", "steps-pre", "steps-post"] = "default"


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What stands around a plot; a limit of None is found by the data."""

    x_label: str
    y_label: str
    x_limits: tuple[float, float] | None = None
    y_limits: tuple[float, float] | None = None
    height: int = 280


def line_plot(
    lines: Sequence[Line],
    frame: Frame,
    *,
    name: str,
    alt: str,
    marked_x: float | None = None,
    diagonal: bool = False,
) -> Markup:
    """Up to nine lines with their bands; `marked_x` gets an upright line.

    More than three are named under the plot, which gets higher for it.
    """
    below = len(lines) > len(COLOURS)
    longest = LONGEST_NAME + 12 if below else LONGEST_NAME

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        labelled_axes(axes, frame.x_label, frame.y_label)
        if diagonal:
            axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=DASHES[2])
        if marked_x is not None:
            axes.axvline(marked_x, color=MUTED, linewidth=1.2, linestyle=DASHES[2])
        for line, (colour, dashes) in zip(lines, STYLES, strict=False):
            dot = "o" if len(line.x) == 1 else None
            axes.plot(line.x, line.y, color=colour, linewidth=2, linestyle=dashes, marker=dot,
                      label=shortened(line.label, longest), drawstyle=line.steps)  # fmt: skip
            if line.low is not None and line.high is not None:
                axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.18, lw=0)
        if all(isinstance(x, int) for line in lines for x in line.x):  # epochs: there is no half
            axes.locator_params(axis="x", integer=True)
        _limits(axes, frame)
        if below:
            figure.legend(loc="lower left", ncols=1)
        elif len(lines) > 1:
            axes.legend()

    if len(lines) > len(STYLES):
        raise ValueError(f"{len(lines)} lines, at most {len(STYLES)} can be told apart")
    named = LEGEND_ROW * len(lines) if below else 0
    return svg(draw, name=name, alt=alt, height=frame.height + named, below=named)


@dataclass(frozen=True)
class Dot:
    """One named dot of a plot, with its interval upright; a hollow one lacks a part of its x."""

    label: str
    x: float
    y: float
    interval: Interval | None = None
    hollow: bool = False


def dot_plot(
    dots: Sequence[Dot],
    frame: Frame,
    *,
    name: str,
    alt: str,
    x_text: Callable[[float], str] = seconds,
) -> Markup:
    """Dots against a logarithmic x, each with its number; the names stand under the plot.

    `x_text` writes an x beside its name.
    """
    named = ROW // 2 * len(dots)

    def draw(figure: Figure) -> None:
        from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

        axes, names = figure.subplots(2, height_ratios=(frame.height, named))
        labelled_axes(axes, frame.x_label, frame.y_label)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.margins(x=0.12, y=0.12)
        for number_, dot in enumerate(dots, 1):
            if dot.interval is not None:
                axes.plot([dot.x] * 2, dot.interval, color=ACCENT, linewidth=5, alpha=0.3,
                          solid_capstyle="butt")  # fmt: skip
            face = "none" if dot.hollow else ACCENT
            axes.plot([dot.x], [dot.y], "o", markersize=8, markerfacecolor=face,
                      markeredgecolor=ACCENT, markeredgewidth=1.5)  # fmt: skip
            axes.annotate(str(number_), (dot.x, dot.y), xytext=(8, 0), va="center",
                          textcoords="offset points", size=11)  # fmt: skip
        names.axis("off")
        names.set_ylim(len(dots) - 0.5, -0.5)
        for place, dot in enumerate(dots):
            title = f"{place + 1}  {shortened(dot.label, LONGEST_NAME)}"
            figures = f"{number(dot.y)}, {x_text(dot.x)}"
            across = names.get_yaxis_transform()
            names.text(0, place, title, ha="left", va="center", transform=across)
            names.text(1, place, figures, ha="right", va="center", color=MUTED, transform=across)

    return svg(draw, name=name, alt=alt, height=frame.height + named)


def histogram(
    values: Sequence[float], frame: Frame, *, name: str, alt: str, bins: int = 20
) -> Markup:
    """How often each range of values occurs."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        labelled_axes(axes, frame.x_label, frame.y_label)
        axes.hist(values, bins=bins, range=frame.x_limits, color=ACCENT, rwidth=0.88)
        _limits(axes, frame)

    return svg(draw, name=name, alt=alt, height=frame.height)


def bars(
    rows: Sequence[tuple[str, float]], *, name: str, alt: str, label: str, digits: int = 0
) -> Markup:
    """A lying bar for each named value, with its name above it and its value beside."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        labelled_axes(axes, label, "")
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        for place, (title, value) in enumerate(rows):
            axes.barh(place, value, height=0.3, color=ACCENT)
            _named_row(axes, place, title, f"{value:,.{digits}f}")
        axes.set_ylim(len(rows) - 0.5, -0.8)
        axes.grid(False, axis="y")

    return svg(draw, name=name, alt=alt, height=44 + ROW * len(rows))


def _limits(axes: Axes, frame: Frame) -> None:
    if frame.x_limits is not None:
        axes.set_xlim(*frame.x_limits)
    if frame.y_limits is not None:
        axes.set_ylim(*frame.y_limits)
