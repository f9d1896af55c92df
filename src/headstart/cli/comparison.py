"""A comparison as a table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headstart.cli.figures import mean_text
from headstart.cli.show import cell, console, say, share, table
from headstart.recipes.comparison_rows import sentences


def show_comparison(rows: Sequence[dict[str, Any]], n_test: int, out: Path) -> None:
    """Two tables, since one would be too wide: how good, and what it costs. Then words."""
    good = table("model", "training", f"test ({n_test}) [95 % interval]", "macro F1", "log loss", "folds", "p test", "p folds")
    cost = table("model", "weights trained", "of all", "features s", "training s", "pictures/s", "disk MB")
    good.columns[0].no_wrap = cost.columns[0].no_wrap = True
    for row in rows:
        if row["missing"] is not None:
            good.add_row(cell(row["model"]), "not run", "", "", "", "", "", "")
            continue
        good.add_row(
            cell(row["model"]),
            share(row["train_accuracy"]),
            share(row["accuracy"], row["accuracy_interval"]),
            share(row["macro_f1"]),
            share(row["log_loss"]),
            mean_text(row["folds_mean"], row["folds_standard_error"]) if row["folds_mean"] else "–",
            "best" if row["is_best"] else _p(row["mcnemar_p"]),
            "best" if row["is_best"] else _p(row["folds_p"]),
        )
        cost.add_row(
            cell(row["model"]),
            f"{row['trainable_parameters']:,}",
            f"{row['total_parameters']:,}",
            f"{row['seconds_embed']:.1f}",
            f"{row['seconds_train']:.2f}",
            f"{row['pictures_per_second']:.0f}" if row["pictures_per_second"] else "cached",
            f"{row['bytes_on_disk'] / 1e6:.1f}",
        )
    console().print(good)
    console().print(cost)
    for line in sentences(rows):
        say(line)
    say(f"report: {out / 'report.html'}    figures: {out / 'comparison.json'}")


def _p(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
