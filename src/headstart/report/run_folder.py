"""What a run leaves on disk: figures, answers, the split, the record, the model."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from headstart.data.dataset import Dataset
from headstart.data.split import Split
from headstart.errors import UsageError
from headstart.evaluate.calibration import brier_score, expected_calibration_error
from headstart.evaluate.metrics import measure
from headstart.images.address import Url
from headstart.model_dir import check_replaceable, save_model
from headstart.recipes.frozen import FitResult
from headstart.report.predictions_table import write_predictions

RUN_FILES = (
    "report.html",
    "metrics.json",
    "predictions.csv",
    "fold_predictions.csv",
    "history.csv",
    "split.csv",
    "run.json",
)


def write_run(result: FitResult, folder: Path) -> dict[str, Any]:
    """Write everything a fit leaves in `folder`; returns what `metrics.json` holds."""
    folder.mkdir(parents=True, exist_ok=True)
    # What an earlier run left goes first: its figures beside this run's model would mislead.
    for name in RUN_FILES:
        (folder / name).unlink(missing_ok=True)
    save_model(result.model, folder / "model")
    metrics = run_metrics(result)
    write_optional(result, folder)
    write_predictions(folder / "predictions.csv", result.test)
    write_split(folder / "split.csv", result.data, result.split)
    write_json(folder / "run.json", result.record.to_json())
    write_json(folder / "metrics.json", metrics)
    return metrics


def write_optional(result: FitResult, folder: Path) -> None:
    """Write what only some runs have."""
    if result.folds is not None:
        write_predictions(folder / "fold_predictions.csv", result.folds.predictions)
    if result.history is not None:
        write_rows(folder / "history.csv", result.history.to_rows())


def check_writable(folder: Path, *, model: bool = False) -> None:
    """Find out before long work, not after, that nothing can be written.

    With `model`, a model will be written to its subfolder `model`. Raises UsageError and, where
    something else stands in the model's place, ModelFolderError.
    """
    if model:
        check_replaceable(folder / "model")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".headstart-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(f"{folder} cannot be written to: {error.strerror}") from error


def check_file(file: Path, sources: Sequence[Path | Url] = ()) -> None:
    """Find out before long work that a file cannot be written, or would destroy an input.

    Raises UsageError.
    """
    if not file.name or file.is_dir():
        raise UsageError(f"{str(file)!r} is a folder; name a file to write")
    here = [source for source in sources if isinstance(source, Path)]
    if any(source.exists() and file.exists() and source.samefile(file) for source in here):
        raise UsageError(f"{file} is an input too and would be overwritten; name another file")
    check_writable(file.parent)


def run_metrics(result: FitResult) -> dict[str, Any]:
    """The figures of a run as plain JSON values; undefined ones are null."""
    info = result.model.backbone.info
    test = measure(result.test).to_json()
    test["calibration"] = {
        "temperature": result.model.temperature,
        "expected_calibration_error": expected_calibration_error(result.test).error,
        "expected_calibration_error_before": expected_calibration_error(
            result.test_uncalibrated
        ).error,
        "brier_score": brier_score(result.test),
        "brier_score_before": brier_score(result.test_uncalibrated),
        "log_loss_before": measure(result.test_uncalibrated).log_loss,
    }
    return {
        "backbone": info.name,
        "layer": info.layer,
        "weights": info.source,
        "precision": info.precision,
        "feature_size": info.feature_size,
        "head": result.model.head.name,
        "strength": _strength(result),
        "classes": list(result.model.classes),
        "n_train": len(result.split.train),
        "n_test": len(result.split.test),
        "n_left_out": len(result.data.left_out),
        "train_accuracy": result.train_accuracy,
        "test": test,
        "folds": result.folds.to_json() if result.folds is not None else None,
        "seconds": result.record.seconds,
        "pictures_embedded": result.features.computed if result.features is not None else 0,
    }


def _strength(result: FitResult) -> float | None:
    """The head's C; None for a head without one, or without a penalty."""
    value = getattr(result.model.head, "C", None)
    return float(value) if value is not None and math.isfinite(value) else None


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole or not at all; NaN is refused rather than written."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    replace_text(path, text + "\n")


def replace_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text(text, encoding="utf-8", newline="")
    beside.replace(path)


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write equal dictionaries as CSV; None becomes an empty cell."""
    beside = path.with_name(f".{path.name}.tmp")
    with beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
    beside.replace(path)


def write_split(path: Path, data: Dataset, split: Split) -> None:
    """Which row trained and which tested, with its group."""
    part = dict.fromkeys(split.train.tolist(), "train") | dict.fromkeys(split.test.tolist(), "test")
    rows: Iterable[dict[str, Any]] = (
        {
            "image": name,
            "label": label,
            "split": part.get(row, ""),
            "group": int(data.groups[row]),
        }
        for row, (name, label) in enumerate(zip(data.table.ids, data.labels, strict=True))
    )
    write_rows(path, list(rows))
