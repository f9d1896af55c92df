"""A table file as text cells: encoding, separator, quotes and true line numbers."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from headstart.data.labels import trim
from headstart.errors import ImageError, MissingExtraError, TableError, UsageError
from headstart.images.address import Url
from headstart.images.formats import SNIFFED_BYTES, looks_like
from headstart.images.source import open_regular, read_bytes
from headstart.outputs.spreadsheet_cells import is_safe, restored
from headstart.wording import plural

_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_NAMES = {"\t": "tab"}
_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig", "UTF-8"),
    (b"\xff\xfe\x00\x00", "utf-32", "UTF-32"),
    (b"\x00\x00\xfe\xff", "utf-32", "UTF-32"),
    (b"\xff\xfe", "utf-16", "UTF-16"),
    (b"\xfe\xff", "utf-16", "UTF-16"),
)
_SAMPLE_ROWS = 50
_PARQUET_ROWS = 10_000  # at once


@dataclass(frozen=True)
class Cells:
    """A table's text: trimmed column names, and untrimmed rows of any length.

    Attributes:
        columns: the header's cells, trimmed.
        rows: line of the row's beginning, counted from 1, and its cells.
        notes: what was found or repaired.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]
    notes: tuple[str, ...]


Rows = Iterator[tuple[int, list[str]]]


@dataclass(frozen=True)
class CellStream:
    """A table whose rows are read anew each time, none of them kept.

    Attributes:
        columns: the header's cells, trimmed.
        notes: what was found or repaired before the rows.
        rows: gives line and cells of each row as in `Cells`, and calls its argument with notes that
            are known at their end. Raises TableError at the row where the table breaks.
    """

    columns: tuple[str, ...]
    notes: tuple[str, ...]
    rows: Callable[[Callable[[str], None]], Rows]


def read_cells(
    path: Path | Url,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    data: bytes | None = None,
) -> Cells:
    """Read a CSV, TSV or Parquet table as text; `data` are its bytes, where they are there.

    Raises:
        TableError: the file is no table, is empty, is not in its encoding, or its quotes break.
        UsageError: a separator or an encoding of a Parquet file, which has none.
        MissingExtraError: a Parquet file, and pyarrow is not installed.
    """
    if data is None:
        data = read_table_bytes(path)
    stream = open_cells(path, separator=separator, encoding=encoding, data=data)
    notes = list(stream.notes)
    rows = tuple(stream.rows(notes.append))
    return Cells(stream.columns, rows, tuple(notes))


def open_cells(
    path: Path | Url,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    data: bytes | None = None,
) -> CellStream:
    """The header of a table, and its rows for whoever takes them one by one.

    The bytes of an address, and those given, are in memory; a file is read as its rows are taken.
    Raises as `read_cells`, of what the first rows show.
    """
    table = _Table(path, data)
    if not table.head:
        raise TableError(f"{path.name} is empty")
    if table.head.startswith(b"PAR1"):
        if separator is not None or encoding is not None:
            raise UsageError(
                f"--separator and --encoding are for text tables, and {path.name} is Parquet; "
                "leave them out"
            )
        return _parquet(table)
    notes = table.find_encoding(encoding)
    given = "\t" if separator in ("tab", r"\t") else separator
    return _parsed(table, given, notes)


def read_table_bytes(path: Path | Url) -> bytes:
    """A table's bytes. Raises TableError with the cause."""
    try:
        return path.read() if isinstance(path, Url) else read_bytes(path)
    except ImageError as error:
        raise TableError(f"{path}: {error}") from error


class _Table:
    """A table's bytes and its text, opened as often as they are needed."""

    def __init__(self, path: Path | Url, data: bytes | None) -> None:
        self.name = path.name
        self.encoding = "utf-8"
        self._has_no_nul = False
        self._path = path
        if data is None and isinstance(path, Url):
            data = read_table_bytes(path)
        self._data = data
        with self.open() as file:
            self.head = file.read(SNIFFED_BYTES)

    def open(self) -> BinaryIO:
        """The bytes. Raises TableError with the cause."""
        if self._data is not None:
            return io.BytesIO(self._data)
        try:
            return open_regular(Path(str(self._path)))
        except ImageError as error:
            raise TableError(f"{self._path}: {error}") from error

    def whole(self) -> bytes:
        """All bytes, for a message that names a place among them."""
        with self.open() as file:
            return file.read()

    def find_encoding(self, given: str | None) -> list[str]:
        """Settle the encoding; returns notes. Raises TableError for what is no text."""
        if given is not None:
            self.encoding = given
            return []
        for mark, codec, words in _MARKS:
            if self.head.startswith(mark):
                self.encoding = codec
                return [f"byte-order mark of {words} taken off"]
        _refuse_binary(self.name, self.head, self.whole)
        self._has_no_nul = True
        return []

    def lines(self) -> Iterator[str]:
        """The text line by line, with the lines' ends. Raises TableError where it is no text."""
        with self.open() as file:
            text = io.TextIOWrapper(file, encoding=self.encoding, newline="")
            try:
                for number, line in enumerate(text, start=1):
                    if self._has_no_nul and "\0" in line:
                        raise TableError(_nul_words(self.name, number))
                    yield line.removeprefix("\ufeff") if number == 1 else line
            except UnicodeError as error:
                raise self._not_text(error) from error

    def _not_text(self, error: UnicodeError) -> TableError:
        """The error with its line: where decoding piece by piece stopped is not a place."""
        data = self.whole()
        try:
            data.decode(self.encoding)
        except UnicodeDecodeError as whole:
            words = "UTF-8" if self.encoding == "utf-8" else self.encoding
            return TableError(
                f"{self.name}, line {_line_of(data, whole.start)}: not {words} (byte "
                f"0x{data[whole.start]:02x}); save the table as UTF-8, or name its encoding, for "
                "example --encoding latin-1"
            )
        except UnicodeError as whole:
            error = whole
        return TableError(f"{self.name}: not {self.encoding}: {error}; save the table as UTF-8")


def _line_of(data: bytes, position: int) -> int:
    before = data[:position]
    return max(before.count(b"\n"), before.count(b"\r")) + 1


def _refuse_binary(name: str, sample: bytes, whole: Callable[[], bytes]) -> None:
    for start, words in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = sample[start::2].count(0)
        if len(sample) > 3 and zeros > 0.4 * len(sample) / 2 and 0 not in sample[1 - start :: 2]:
            raise TableError(
                f"{name}: looks like UTF-16 without a byte-order mark; save it as UTF-8, "
                f"or name its encoding: --encoding {words}"
            )
    if 0 < sample.count(0) * 10 < len(sample) and (
        looks_like(sample.replace(b"\x00", b"")) == "text"
    ):  # one stray byte hides in a text that is a table otherwise
        raise TableError(_nul_words(name, _line_of(sample, sample.index(0))))
    if b"\x00" in sample or sample.startswith((b"PK\x03\x04", b"\x1f\x8b", b"%PDF")):
        kind = looks_like(sample)
        if kind == "a zip archive" and b"xl/" in whole():
            kind = "an Excel workbook; save it as CSV"
        raise TableError(f"{name}: not a table; it looks like {kind}")


def _nul_words(name: str, line: int) -> str:
    return f"{name}, line {line}: has a NUL byte, which no text has; take it out"


def _parsed(table: _Table, separator: str | None, notes: list[str]) -> CellStream:
    name = table.name
    first = next(table.lines(), "").strip()
    skipped = 0
    if first.lower().startswith("sep=") and len(first) == 5:  # Excel's own hint
        separator, skipped = separator or first[4], 1

    def lines() -> Iterator[str]:
        return islice(table.lines(), skipped, None)

    chosen = separator or _find_separator(lines)

    def filled(tell: Callable[[str], None]) -> Rows:
        """The header and the rows that are not empty."""
        return _filled(_records(name, lines(), chosen, skipped), tell)

    header = next(filled(notes.append), (0, []))[1]
    if not header:
        raise TableError(f"{name} is empty")
    columns = tuple(trim(cell) for cell in header)
    if len(columns) == 1:
        _refuse_other_separator(name, columns[0], chosen, given=separator is not None)
    if chosen != ",":
        notes.append(f"cells separated by {_SEPARATOR_NAMES.get(chosen, repr(chosen))}")
    if list(columns) != header:
        notes.append("blanks trimmed in the header")
    whole = len(columns)
    if not is_safe(columns):
        return CellStream(columns, tuple(notes), lambda tell: islice(filled(tell), 1, None))
    notes.append("apostrophes of --safe-csv taken off")
    return CellStream(
        tuple(restored(columns)),
        tuple(notes),
        lambda tell: _restored(islice(filled(tell), 1, None), whole),
    )


def _filled(records: Rows, tell: Callable[[str], None]) -> Rows:
    blank = 0
    for line, cells in records:
        if any(map(trim, cells)):
            yield line, cells
        else:
            blank += len(cells) > 1
    if blank:
        tell(f"{plural(blank, 'row')} with empty cells only left out")


def _restored(rows: Rows, columns: int) -> Rows:
    """Rows of a table that --safe-csv wrote, as they were before."""
    return ((line, restored(row) if len(row) == columns else row) for line, row in rows)


def _records(name: str, lines: Iterable[str], separator: str, skipped: int = 0) -> Rows:
    """Rows with the line that each begins on; a quoted cell may span several lines."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field limit" in str(error):
                raise TableError(
                    f"{name}, line {line}: a cell begins here that has more than "
                    f"{csv.field_size_limit():,} characters; shorten it, or close its quotes"
                ) from error
            raise TableError(
                f'{name}, line {line}: the quotes do not match ({error}); a " inside a quoted '
                "cell is written twice"
            ) from error
        yield line, cells


def _find_separator(lines: Callable[[], Iterator[str]]) -> str:
    """The separator under which most rows have as many cells as the header, two or more."""

    def score(separator: str) -> tuple[float, int]:
        widths = []
        try:
            for _, cells in _records("", lines(), separator):
                if cells:
                    widths.append(len(cells))
                if len(widths) > _SAMPLE_ROWS:
                    break
        except TableError:
            pass
        if not widths or widths[0] < 2:
            return 0.0, 0
        return sum(width == widths[0] for width in widths) / len(widths), widths[0]

    return max(_SEPARATORS, key=score)  # the first of equals: a comma


def _refuse_other_separator(name: str, column: str, chosen: str, *, given: bool) -> None:
    for other in _SEPARATORS:
        if given and other != chosen and other in column:
            used, seen = (_SEPARATOR_NAMES.get(mark, repr(mark)) for mark in (chosen, other))
            raise TableError(
                f"{name}: with the separator {used} there is one column, {column[:100]!r}; "
                f"its cells look separated by {seen}: --separator {seen}"
            )


def _parquet(table: _Table) -> CellStream:
    name = table.name
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(
            f'{name} is a Parquet table, which needs pyarrow: pip install "headstart[parquet]"'
        ) from error
    damage = (pyarrow.ArrowException, OSError)

    def rows(tell: Callable[[str], None]) -> Rows:  # noqa: ARG001 - nothing is left out
        line = 0
        try:
            with table.open() as file:
                for batch in pyarrow.parquet.ParquetFile(file).iter_batches(_PARQUET_ROWS):
                    columns = [[_text(value) for value in part.to_pylist()] for part in batch]
                    for cells in zip(*columns, strict=True):
                        line += 1
                        yield line, list(cells)
        except damage as error:
            raise TableError(f"{name}: a damaged Parquet table: {error}") from error

    try:
        with table.open() as file:
            names = pyarrow.parquet.ParquetFile(file).schema_arrow.names
    except damage as error:
        raise TableError(f"{name}: a damaged Parquet table: {error}") from error
    notes = ("a Parquet table: lines are its rows, counted from 1",)
    return CellStream(tuple(trim(column) for column in names), notes, rows)


def _text(value: object) -> str:
    """A Parquet value as text, unchanged; nothing, and a float that is no number, are empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)
