"""Predictions as a table: one row a picture, numbers at full precision."""

from __future__ import annotations

from pathlib import Path

from headstart.evaluate.predictions import Predictions
from headstart.outputs.text_files import write_table


def predictions_rows(predictions: Predictions) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows: image, label (when known), predicted, probability, p(CLASS)..., error.

    The classes come in stored order. A row without an answer has blanks and its error.
    """
    known = predictions.truth is not None
    header = (
        "image",
        *(("label",) if known else ()),
        "predicted",
        "probability",
        *(f"p({name})" for name in predictions.classes),
        "error",
    )
    best = predictions.predicted_index
    names = predictions.predicted
    rows = []
    for i, image in enumerate(predictions.images):
        label = (predictions.truth[i],) if predictions.truth is not None else ()
        error = predictions.errors[i]
        if error:
            numbers = [""] * (1 + len(predictions.classes))
        else:
            shares = [repr(share) for share in predictions.probabilities[i].tolist()]
            numbers = [shares[best[i]], *shares]
        rows.append((image, *label, names[i], *numbers, error))
    return header, rows


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write the table as a new CSV file in UTF-8. Raises OSError."""
    write_table(path, *predictions_rows(predictions))
