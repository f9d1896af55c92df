"""Predictions as a table: one row a picture, numbers at full precision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from headstart.evaluate.predictions import Predictions
from headstart.outputs.text_files import write_table


def predictions_header(predictions: Predictions) -> tuple[str, ...]:
    """image, label (when known), predicted, probability, p(CLASS)..., error, warning (when known).

    The classes come in stored order.
    """
    return (
        "image",
        *(("label",) if predictions.truth is not None else ()),
        "predicted",
        "probability",
        *(f"p({name})" for name in predictions.classes),
        "error",
        *(("warning",) if predictions.warnings is not None else ()),
    )


def predictions_rows(predictions: Predictions) -> Iterator[tuple[str, ...]]:
    """Cells under `predictions_header`. A row without an answer has blanks and its error."""
    best = predictions.predicted_index
    names = predictions.predicted
    truth, warnings = predictions.truth, predictions.warnings
    for i, image in enumerate(predictions.images):
        error = predictions.errors[i]
        if error:
            numbers = [""] * (1 + len(predictions.classes))
        else:
            shares = [repr(share) for share in predictions.probabilities[i].tolist()]
            numbers = [shares[best[i]], *shares]
        label = () if truth is None else (truth[i],)
        warning = () if warnings is None else (warnings[i],)
        yield (image, *label, names[i], *numbers, error, *warning)


def write_blocks(path: Path, blocks: Iterable[Predictions]) -> None:
    """Write answers of one model as they come, at least one block, as `write_predictions`."""
    blocks = iter(blocks)
    first = next(blocks)
    rows = (row for block in chain((first,), blocks) for row in predictions_rows(block))
    write_table(path, predictions_header(first), rows)


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write the table as a new CSV file in UTF-8. Raises OSError."""
    write_blocks(path, [predictions])
