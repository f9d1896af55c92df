"""Predictions as a table: one row a picture, numbers at full precision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from headstart.evaluate.predictions import Predictions
from headstart.outputs.text_files import write_table


def predictions_header(predictions: Predictions) -> tuple[str, ...]:
    """The columns' names; label, familiar and warning only where they are known.

    image, label, predicted, probability, p(CLASS) in stored order, familiar, error, warning.
    """
    return (
        "image",
        *(("label",) if predictions.truth is not None else ()),
        "predicted",
        "probability",
        *(f"p({name})" for name in predictions.classes),
        *(("familiar",) if predictions.familiar is not None else ()),
        "error",
        *(("warning",) if predictions.warnings is not None else ()),
    )


def predictions_rows(predictions: Predictions) -> Iterator[tuple[str, ...]]:
    """Cells under `predictions_header`. A row without an answer has blanks and its error."""
    best = predictions.predicted_index
    names = predictions.predicted
    truth, warnings, familiar = predictions.truth, predictions.warnings, predictions.familiar
    for i, image in enumerate(predictions.images):
        error = predictions.errors[i]
        if error:
            numbers = [""] * (1 + len(predictions.classes) + (familiar is not None))
        else:
            shares = [repr(share) for share in predictions.probabilities[i].tolist()]
            numbers = [shares[best[i]], *shares]
            numbers += [] if familiar is None else [repr(float(familiar[i]))]
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
