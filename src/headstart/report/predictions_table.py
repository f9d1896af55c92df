"""Predictions as a table: one row a picture, numbers at full precision."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from headstart.evaluate.predictions import Predictions


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
    """Write the table as CSV in UTF-8, whole or not at all. Raises OSError."""
    write_table(path, *predictions_rows(predictions))


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write cells as CSV in UTF-8, whole or not at all.

    The rows go into a file beside `path` that then takes its place; a link is followed, and what
    is no regular file, such as a pipe, is written to as it is. Raises OSError.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        _write_rows(path, header, rows)
        return
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _write_rows(unfinished, header, rows)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    # A file name that is not UTF-8 goes out as the bytes that it has on disk.
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(_Lines(file))
        writer.writerow(header)
        writer.writerows(rows)


class _Lines:
    """Ends lines by a line feed alone.

    The writer itself must end them by both characters: it quotes only cells with a character of
    its line end, and a bare carriage return inside a name would break the row.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def write(self, line: str) -> int:
        return self.file.write(line.removesuffix("\r\n") + "\n")
