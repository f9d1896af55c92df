"""What a comparison leaves on disk: models, answers, figures, and a page with all side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from headstart.compare.comparison import Comparison
from headstart.compare.model_spec import ModelSpec
from headstart.compare.verdicts import comparison_rows, sentences
from headstart.errors import UsageError
from headstart.model_card import short_figures
from headstart.model_dir import write_model
from headstart.outputs import disk
from headstart.outputs.permission import Inputs, OutputFolder
from headstart.outputs.text_files import write_json, write_rows
from headstart.report.model_differences import (
    SameRows,
    cost_drawing,
    roc_drawing,
    same_rows,
    told_apart,
)
from headstart.report.number_formats import count, interval, number
from headstart.report.plots import interval_plot
from headstart.report.predictions_table import write_predictions
from headstart.report.record import record_tables
from headstart.report.render import write_page
from headstart.report.run_folder import MODEL_FOLDER, run_metrics, write_optional, write_split

COMPARISON_FILES = ("report.html", "comparison.json", "comparison.csv", "split.csv")
MODELS_FOLDER = "models"


def comparison_outputs(out: Path, specs: Sequence[ModelSpec], inputs: Inputs) -> OutputFolder:
    """The folder of a comparison, asked for before anything is read.

    Raises UsageError, also for two models whose folders would have one name.
    """
    homes = [f"{MODELS_FOLDER}/{file_name(spec.text)}" for spec in specs]
    for home, spec in zip(homes, specs, strict=True):
        if homes.count(home) > 1:
            raise UsageError(f"--models: {spec.text} and another would both lie in {out / home}")
    return OutputFolder(out, "compare", files=COMPARISON_FILES, folders=homes, inputs=inputs)


def write_comparison_folder(
    comparison: Comparison, folder: Path, *, title: str
) -> list[dict[str, Any]]:
    """Write models, answers, split, figures and `report.html` into a new folder.

    Returns the rows of `comparison.json`. Raises OSError.
    """
    rows = comparison_rows(comparison)
    for row, entry in zip(rows, comparison.entries, strict=True):
        if entry.result is None:
            continue
        home = folder / MODELS_FOLDER / file_name(entry.spec.text)
        disk.make_folder(home)
        figures = short_figures(run_metrics(entry.result), entry.result.record.data_digest)
        write_model(entry.result.model, home / MODEL_FOLDER, figures)
        row["bytes_on_disk"] = sum(
            path.stat().st_size for path in (home / MODEL_FOLDER).rglob("*") if path.is_file()
        )
        write_predictions(home / "predictions.csv", entry.result.test)
        write_optional(entry.result, home)
    write_split(folder / "split.csv", comparison.data, comparison.split)
    told, record = sentences(rows), comparison.record.to_json()
    content = {
        "rows": rows,
        "sentences": told,
        "n_train": len(comparison.split.train),
        "n_test": len(comparison.split.test),
        "record": record,
    }
    write_json(folder / "comparison.json", content)
    write_rows(folder / "comparison.csv", [_flat(row) for row in rows])
    page = folder / "report.html"
    same = same_rows(comparison)
    write_comparison(rows, page, title=title, sentences=told, record=record, same=same)
    return rows


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
        path: the HTML file, a new one.
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
