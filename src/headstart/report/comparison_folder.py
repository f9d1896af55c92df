"""What a comparison leaves on disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from headstart.compare.comparison import Comparison
from headstart.compare.verdicts import comparison_rows, sentences
from headstart.model_dir import DESCRIPTION, save_model
from headstart.report.comparison import write_comparison
from headstart.report.model_differences import same_rows
from headstart.report.predictions_table import write_predictions
from headstart.report.run_folder import write_json, write_optional, write_rows, write_split


def write_comparison_folder(comparison: Comparison, folder: Path) -> list[dict[str, Any]]:
    """Write models, answers, split, `comparison.json` and `comparison.csv`; returns the rows."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = comparison_rows(comparison)
    homes = folder / "models"
    for name in ("report.html", "comparison.json", "comparison.csv", "split.csv"):
        (folder / name).unlink(missing_ok=True)
    _remove_earlier(homes)
    for row, entry in zip(rows, comparison.entries, strict=True):
        if entry.result is None:
            continue
        home = homes / file_name(entry.spec.text)
        home.mkdir(parents=True, exist_ok=True)
        save_model(entry.result.model, home / "model")
        row["bytes_on_disk"] = sum(file.stat().st_size for file in (home / "model").iterdir())
        write_predictions(home / "predictions.csv", entry.result.test)
        write_optional(entry.result, home)
    write_split(folder / "split.csv", comparison.data, comparison.split)
    content = {
        "rows": rows,
        "sentences": sentences(rows),
        "n_train": len(comparison.split.train),
        "n_test": len(comparison.split.test),
        "record": comparison.record.to_json(),
    }
    write_json(folder / "comparison.json", content)
    write_rows(folder / "comparison.csv", [_flat(row) for row in rows])
    return rows


def _remove_earlier(homes: Path) -> None:
    """Remove the models of an earlier comparison, and nothing that is no such model."""
    for home in homes.iterdir() if homes.is_dir() else ():
        if (home / "model" / DESCRIPTION).is_file():
            shutil.rmtree(home)


def write_comparison_page(
    comparison: Comparison, rows: list[dict[str, Any]], folder: Path, *, title: str
) -> None:
    """Write `report.html` beside the figures."""
    write_comparison(
        rows,
        folder / "report.html",
        title=title,
        sentences=sentences(rows),
        record=comparison.record.to_json(),
        same=same_rows(comparison),
    )


def file_name(text: str) -> str:
    """A model's text as a folder's name: "vgg16_bn:fc7+svm" as "vgg16_bn-fc7-svm"."""
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in text)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """The row with each interval in two columns."""
    flat = {name: value for name, value in row.items() if not name.endswith("_interval")}
    for name in [name for name in row if name not in flat]:
        low, high = row[name] or (None, None)
        what = name.removesuffix("_interval")
        flat |= {f"{what}_low": low, f"{what}_high": high}
    return flat
