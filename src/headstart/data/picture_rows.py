"""The pictures to answer, one row each in the given order, read in blocks and never all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from headstart.data.cells import open_cells
from headstart.data.columns import find_columns
from headstart.data.image_table import ImageTable
from headstart.data.labels import trim
from headstart.data.read_table import (
    cut_to_width,
    find_images,
    picture_or_cause,
    repairs,
    wrong_width,
)
from headstart.errors import TableError
from headstart.images.address import Url
from headstart.images.source import ImageSource, Unavailable
from headstart.options import ReadOptions

Tell = Callable[[str], None]


class PictureRow(NamedTuple):
    """A picture with its name, and the line of its table."""

    name: str
    image: ImageSource
    line: int | None = None


class TablePictures:
    """The pictures of a table: every row, in the table's order, repeated and bad ones too.

    The picture of a row whose file is missing is the path where it should be, that of a row which
    cannot be used is `Unavailable`.

    Args:
        path: the table.
        options: how it is read.

    Raises what `read_table` raises of a table as a whole.
    """

    def __init__(self, path: Path | Url, options: ReadOptions) -> None:
        self.path = path
        self._cells = open_cells(path, separator=options.separator, encoding=options.encoding)
        self._columns = find_columns(path.name, self._cells.columns, options, label_needed=False)
        self._options = options
        find_images(path, options)  # that there is such a folder
        self.notes = [*self._columns.notes, *self._cells.notes]

    def __len__(self) -> int:
        """How many rows there are, for which all are read. Raises TableError for none."""
        count = sum(1 for _ in self._cells.rows(_nothing))
        if not count:
            raise TableError(f"{self.path.name} has no rows")
        return count

    def rows(self, tell: Tell) -> Iterator[PictureRow]:
        """The rows; `tell` gets notes at their end. Raises TableError where the table breaks."""
        finder = find_images(self.path, self._options)
        width, place = len(self._cells.columns), self._columns.image
        trimmed = padded = 0
        for line, raw in self._cells.rows(tell):
            cells = cut_to_width(raw, width)
            padded += len(cells) < len(raw)
            if cause := wrong_width(cells, width):
                name = "".join(map(trim, cells[place : place + 1]))
                yield PictureRow(name, Unavailable(name, cause), line)
                continue
            trimmed += sum(trim(cells[i]) != cells[i] for i in self._columns.used)
            name = trim(cells[place])
            yield PictureRow(name, picture_or_cause(name, finder), line)
        for note in (*repairs(trimmed, padded), *finder.notes):
            tell(note)


class PictureRows:
    """Pictures of several sources, one after the other.

    Attributes:
        parts: tables that are read as their rows are taken, and lists that are there.
        notes: one line for each thing left out or found before the rows are read.
    """

    def __init__(self, parts: Sequence[TablePictures | ImageTable]) -> None:
        self.parts = tuple(parts)
        self.bad = tuple(
            bad for part in self.parts if isinstance(part, ImageTable) for bad in part.bad
        )
        self.notes = tuple(note for part in self.parts for note in part.notes)

    def __len__(self) -> int:
        """How many rows there are; tables are read for it. Raises TableError where one breaks."""
        return sum(map(len, self.parts))

    def rows(self, tell: Tell) -> Iterator[PictureRow]:
        """All rows, read anew each time; `tell` gets what is known at a table's end."""
        for part in self.parts:
            if isinstance(part, TablePictures):
                yield from part.rows(tell)
            else:
                yield from map(PictureRow, part.ids, part.images)

    def blocks(
        self, rows: int, tell: Tell
    ) -> Iterator[tuple[tuple[ImageSource, ...], tuple[str, ...]]]:
        """Pictures and their names, so many at a time."""
        taken = self.rows(tell)
        while block := tuple(islice(taken, rows)):
            yield tuple(row.image for row in block), tuple(row.name for row in block)


def _nothing(note: str) -> None:
    """Take a note that is told another time."""
