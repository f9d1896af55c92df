"""What a ranking leaves on disk: its table as JSON and CSV, and a page with accuracy and cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from headstart.outputs.permission import Inputs, OutputFolder
from headstart.outputs.text_files import write_json, write_rows
from headstart.rank.ranking import Ranking, Standing, absent_by_reason
from headstart.rank.recommendation import sentences
from headstart.report.number_formats import number
from headstart.report.plots import Dot, Frame, dot_plot
from headstart.report.record import record_tables
from headstart.report.render import write_page

RANKING_FILES = ("report.html", "ranking.json", "ranking.csv")


def ranking_outputs(out: Path, inputs: Inputs) -> OutputFolder:
    """The folder of a ranking, asked for before anything is read. Raises UsageError."""
    return OutputFolder(out, "rank", files=RANKING_FILES, inputs=inputs)


def write_ranking(ranking: Ranking, folder: Path, *, title: str) -> list[str]:
    """Write figures and page into a new folder; returns what was said in words. Raises OSError."""
    rows, told = [one.to_json() for one in ranking.standings], sentences(ranking)
    content = {
        "rows": rows,
        "sentences": told,
        "rounds": list(ranking.rounds),
        "saved_seconds": ranking.saved_seconds,
        "record": ranking.record.to_json(),
    }
    write_json(folder / "ranking.json", content)
    write_rows(folder / "ranking.csv", [_flat(row) for row in rows])
    run = [one for one in ranking.standings if one.accuracy is not None]
    context = {
        "title": title,
        "sentences": told,
        "run": run,
        "missing": absent_by_reason(ranking.standings),
        "plot": _plot([one for one in run if not one.dropped]),
        "rounds": ranking.rounds,
        "notes": list(ranking.record.notes),
        "record": record_tables(ranking.record.to_json()),
    }
    write_page("ranking.html", folder / "report.html", context)
    return told


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    low, high = row["interval"] or (None, None)
    return {k: v for k, v in row.items() if k != "interval"} | {"low": low, "high": high}


def _plot(run: Sequence[Standing]) -> Markup | None:
    """Accuracy against speed; filled where no other candidate is better in both."""
    dots = [
        Dot(
            one.candidate,
            one.pictures_per_second,
            one.accuracy,
            one.interval,
            hollow=not one.on_front,
        )
        for one in run
        if one.pictures_per_second and one.accuracy is not None and one.interval is not None
    ]
    if len(dots) < 2:
        return None
    frame = Frame(x_label="pictures per second", y_label="accuracy over the folds", height=280)
    words = "; ".join(f"{dot.label} {number(dot.y)} at {dot.x:.0f} a second" for dot in dots)
    return dot_plot(
        dots, frame, name="front", alt=f"Accuracy against speed: {words}.", x_text=_rate
    )


def _rate(rate: float) -> str:
    return f"{rate:.0f}/s"
