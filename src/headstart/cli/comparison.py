"""A comparison as a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headstart.cli.show import cell, console, mean_text, say, share, table
from headstart.compare.verdicts import sentences
from headstart.evaluate.significance import p_text


def show_comparison(rows: Sequence[dict[str, Any]], n_test: int, out: Path) -> None:
    """Two tables, since one would be too wide: how good, and what it costs. Then words."""
    say(f"accuracy on {n_test} test pictures with its 95 % interval, and over the folds:")
    console().print(_good(rows))
    console().print(_cost(rows))
    if any(row["test_p"] is not None for row in rows):
        say("folds: mean ± corrected standard error; p: of no other model being better, adjusted")
        say("for picking the best of all models and for two tests where there are two")
    for line in sentences(rows):
        say(line)
    say(f"report: {out / 'report.html'}    figures: {out / 'comparison.json'}")


def _good(rows: Sequence[dict[str, Any]]) -> Any:
    shown = table("model", "training", "test", "interval", "folds", "p test", "p folds")
    for row in rows:
        if row["missing"] is not None:
            shown.add_row(cell(row["model"]), "not run", "", "", "", "", "")
            continue
        low, high = row["accuracy_interval"]
        shown.add_row(
            cell(row["model"]),
            share(row["train_accuracy"]),
            share(row["accuracy"]),
            f"{low:.3f}–{high:.3f}",
            "–"
            if row["folds_mean"] is None
            else mean_text(row["folds_mean"], row["folds_standard_error"]),
            _p(row, "test"),
            _p(row, "folds"),
        )
    for column in shown.columns[1:]:
        column.no_wrap = True
    return shown


def _cost(rows: Sequence[dict[str, Any]]) -> Any:
    columns = ("model", "macro F1", "log loss", "trained", "of weights", "features", "training")
    shown = table(*columns, "disk")
    for row in rows:
        if row["missing"] is not None:
            continue
        rate = row["pictures_per_second"]
        shown.add_row(
            cell(row["model"]),
            share(row["macro_f1"]),
            share(row["log_loss"]),
            _thousands(row["trainable_parameters"]),
            _thousands(row["total_parameters"]),
            f"{row['seconds_embed']:.1f} s" + (f", {rate:.0f}/s" if rate else ""),
            f"{row['seconds_train']:.2f} s",
            f"{row['bytes_on_disk'] / 1e6:.1f} MB",
        )
    for column in shown.columns[1:]:
        column.no_wrap = True
    return shown


def _thousands(count: int) -> str:
    """50,610 as "51 k", 3,373,570 as "3.4 M"."""
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.1f} k"


def _p(row: dict[str, Any], test: str) -> str:
    """The p of one test, or that no other model is ahead in it."""
    is_ahead = row[f"{test}_p"] is not None and row[f"{test}_ahead"] is None
    return "best" if is_ahead else p_text(row[f"{test}_p"])
