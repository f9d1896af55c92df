"""What a run leaves on disk: figures, answers, the split, the record, the model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from headstart.data.dataset import Dataset
from headstart.data.split import Split
from headstart.evaluate.calibration import brier_score, expected_calibration_error
from headstart.evaluate.metrics import measure
from headstart.heads.familiarity import is_unfamiliar, unfamiliar_in_words
from headstart.model_card import short_figures
from headstart.model_dir import write_model
from headstart.outputs.permission import Inputs, OutputFolder
from headstart.outputs.text_files import write_json, write_rows
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
MODEL_FOLDER = "model"


def run_outputs(out: Path, inputs: Inputs) -> OutputFolder:
    """The folder of a fit, asked for before anything is read. Raises UsageError."""
    return OutputFolder(out, "fit", files=RUN_FILES, folders=(MODEL_FOLDER,), inputs=inputs)


def write_run(result: FitResult, folder: Path) -> dict[str, Any]:
    """Write all of a fit but its page into a new folder; returns what `metrics.json` holds.

    Raises OSError.
    """
    metrics = run_metrics(result)
    figures = short_figures(metrics, result.record.data_digest)
    write_model(result.model, folder / MODEL_FOLDER, figures)
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
        "runtime": info.runtime,
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
        "unfamiliar": _unfamiliar(result),
        "tuning": result.tuning.to_json() if result.tuning is not None else None,
        "decision": list(result.decision),
        "seconds": result.record.seconds,
        "pictures_embedded": result.features.computed if result.features is not None else 0,
    }


def _unfamiliar(result: FitResult) -> dict[str, Any] | None:
    """How many test pictures are unlike what was learnt; None where the model cannot tell."""
    familiar = result.test.familiar
    if familiar is None:
        return None
    return {
        "n": len(familiar),
        "unfamiliar": int(is_unfamiliar(familiar).sum()),
        "words": unfamiliar_in_words(familiar, "test picture"),
    }


def _strength(result: FitResult) -> float | None:
    """The head's C; None for a head without one, or without a penalty."""
    value = getattr(result.model.head, "C", None)
    return float(value) if value is not None and math.isfinite(value) else None


def write_split(path: Path, data: Dataset, split: Split) -> None:
    """Which row trained and which tested, with its group."""
    part = dict.fromkeys(split.train.tolist(), "train") | dict.fromkeys(split.test.tolist(), "test")
    rows = [
        {
            "image": name,
            "label": label,
            "split": part.get(row, ""),
            "group": int(data.groups[row]),
        }
        for row, (name, label) in enumerate(zip(data.table.ids, data.labels, strict=True))
    ]
    write_rows(path, rows)
