"""What an evaluation leaves on disk: figures and answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.evaluate.predictions import Predictions
from headstart.outputs.permission import Inputs, OutputFolder
from headstart.outputs.text_files import write_json
from headstart.report.predictions_table import write_predictions

EVALUATION_FILES = ("metrics.json", "predictions.csv")


def evaluation_outputs(out: Path, inputs: Inputs) -> OutputFolder:
    """The folder of an evaluation, asked for before anything is read. Raises UsageError."""
    return OutputFolder(out, "evaluate", files=EVALUATION_FILES, inputs=inputs)


def write_evaluation(figures: Mapping[str, Any], answers: Predictions, folder: Path) -> None:
    """Write `metrics.json` and `predictions.csv` into a new folder. Raises OSError."""
    write_json(folder / "metrics.json", {"test": figures})
    write_predictions(folder / "predictions.csv", answers)
