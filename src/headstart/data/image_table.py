"""The table that everything starts from: one row a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from headstart.errors import BadInput, BadInputsError
from headstart.images.address import Url
from headstart.images.source import ImageSource

T = TypeVar("T")

ADVICE = "Mend them, or go on without them: --skip-bad."


@dataclass(frozen=True)
class ImageTable:
    """Pictures with their labels; all columns have the same length n.

    Attributes:
        ids: names as the table or folder writes them ("12.jpg", "cat/3.png"), (n,).
        images: where the pictures come from, (n,).
        labels: classes as trimmed text, (n,); None when the source has none.
        lines: line of the table for each row, counted from 1, (n,); None for a folder.
        splits: the value of --split-column or of a part folder ("train", "val", "test"), (n,).
        groups: the value of --group-column, (n,).
        source: the table or folder, a path or a URL.
        notes: one line for each thing taken, repaired or left out, for the user to read.
        bad: rows and files that cannot be used, with their causes; they are not among the rows.
    """

    ids: tuple[str, ...]
    images: tuple[ImageSource, ...]
    labels: tuple[str, ...] | None
    source: Path | Url
    lines: tuple[int, ...] | None = None
    splits: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    notes: tuple[str, ...] = field(default=())
    bad: tuple[BadInput, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels' classes in stored order."""
        return class_order(self.labels or ())

    def where(self, row: int) -> str:
        """Name a row for a message: "labels.csv, line 4: cat.jpg", or the id in a folder."""
        if self.lines is None:
            return self.ids[row]
        return f"{self.source.name}, line {self.lines[row]}: {self.ids[row]}"

    def take(self, rows: Sequence[int]) -> ImageTable:
        """The table of these rows, in this order."""

        def pick(column: tuple[T, ...] | None) -> tuple[T, ...] | None:
            return None if column is None else tuple(column[row] for row in rows)

        return replace(
            self,
            ids=pick(self.ids) or (),
            images=pick(self.images) or (),
            labels=pick(self.labels),
            lines=pick(self.lines),
            splits=pick(self.splits),
            groups=pick(self.groups),
        )

    def unread(self, errors: Sequence[str]) -> list[BadInput]:
        """The rows with an error, (n,) with "" for none, as bad inputs."""
        return [BadInput(self.where(row), error) for row, error in enumerate(errors) if error]

    def raise_if_bad(self, more: Iterable[BadInput] = ()) -> None:
        """Raise one BadInputsError that lists `bad` and `more`, if there are any."""
        bad = (*self.bad, *more)
        if bad:
            raise BadInputsError(bad, ADVICE)


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")


def class_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Distinct labels in the stored order: numeric when all are numbers, else sorted as text."""
    distinct = sorted(set(labels))
    if all(_NUMBER.fullmatch(label) for label in distinct):
        distinct.sort(key=float)
    return tuple(distinct)
