"""A table file as text cells: encoding, separator, quotes and true line numbers."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headstart.data.labels import trim
from headstart.errors import ImageError, MissingExtraError, TableError, UsageError
from headstart.images.address import Url
from headstart.images.formats import looks_like
from headstart.images.source import read_bytes
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
    if not data:
        raise TableError(f"{path.name} is empty")
    if data.startswith(b"PAR1"):
        if separator is not None or encoding is not None:
            raise UsageError(
                f"--separator and --encoding are for text tables, and {path.name} is Parquet; "
                "leave them out"
            )
        return _parquet(path, data)
    text, notes = _decoded(path.name, data, encoding)
    if not text.strip():
        raise TableError(f"{path.name} is empty")
    given = "\t" if separator in ("tab", r"\t") else separator
    return _parsed(path.name, text, given, notes)


def read_table_bytes(path: Path | Url) -> bytes:
    """A table's bytes. Raises TableError with the cause."""
    try:
        return path.read() if isinstance(path, Url) else read_bytes(path)
    except ImageError as error:
        raise TableError(f"{path}: {error}") from error


def _decoded(name: str, data: bytes, encoding: str | None) -> tuple[str, list[str]]:
    notes = []
    if encoding is None:
        for mark, codec, words in _MARKS:
            if data.startswith(mark):
                encoding, note = codec, f"byte-order mark of {words} taken off"
                notes.append(note)
                break
        else:
            _refuse_binary(name, data)
            encoding = "utf-8"
    try:
        return data.decode(encoding).removeprefix("\ufeff"), notes
    except UnicodeDecodeError as error:
        line = _line_of(data, error.start)
        words = "UTF-8" if encoding == "utf-8" else encoding
        raise TableError(
            f"{name}, line {line}: not {words} (byte 0x{data[error.start]:02x}); save the table "
            "as UTF-8, or name its encoding, for example --encoding latin-1"
        ) from error
    except UnicodeError as error:
        raise TableError(f"{name}: not {encoding}: {error}; save the table as UTF-8") from error


def _line_of(data: bytes, position: int) -> int:
    before = data[:position]
    return max(before.count(b"\n"), before.count(b"\r")) + 1


def _refuse_binary(name: str, data: bytes) -> None:
    sample = data[:4096]
    for start, words in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = sample[start::2].count(0)
        if len(sample) > 3 and zeros > 0.4 * len(sample) / 2 and 0 not in sample[1 - start :: 2]:
            raise TableError(
                f"{name}: looks like UTF-16 without a byte-order mark; save it as UTF-8, "
                f"or name its encoding: --encoding {words}"
            )
    if sample.count(0) * 10 < len(sample) and looks_like(sample.replace(b"\x00", b"")) == "text":
        _refuse_nul(name, data)
    if b"\x00" in sample or sample.startswith((b"PK\x03\x04", b"\x1f\x8b", b"%PDF")):
        kind = looks_like(sample)
        if kind == "a zip archive" and b"xl/" in data:
            kind = "an Excel workbook; save it as CSV"
        raise TableError(f"{name}: not a table; it looks like {kind}")


def _refuse_nul(name: str, data: bytes) -> None:
    """One stray byte hides in a text that is a table otherwise."""
    position = data.find(b"\x00")
    if position >= 0:
        line = _line_of(data, position)
        raise TableError(f"{name}, line {line}: has a NUL byte, which no text has; take it out")


def _parsed(name: str, text: str, separator: str | None, notes: list[str]) -> Cells:
    first, rest = text.split("\n", 1) if "\n" in text else (text, "")
    skipped = 0
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's own hint
        separator, text, skipped = separator or first.strip()[4], rest, 1
    chosen = separator or _find_separator(text)
    records = list(_records(name, text, chosen, skipped))
    filled = [(line, cells) for line, cells in records if any(trim(cell) for cell in cells)]
    if not filled:
        raise TableError(f"{name} is empty")
    blank = sum(len(cells) > 1 for _, cells in records) - sum(len(c) > 1 for _, c in filled)
    header = filled[0][1]
    columns = tuple(trim(cell) for cell in header)
    if len(columns) == 1:
        _refuse_other_separator(name, columns[0], chosen, given=separator is not None)
    if chosen != ",":
        notes.append(f"cells separated by {_SEPARATOR_NAMES.get(chosen, repr(chosen))}")
    if list(columns) != header:
        notes.append("blanks trimmed in the header")
    if blank:
        notes.append(f"{plural(blank, 'row')} with empty cells only left out")
    return Cells(columns, tuple(filled[1:]), tuple(notes))


def _records(
    name: str, text: str, separator: str, skipped: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line that each begins on; a quoted cell may span several lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
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


def _find_separator(text: str) -> str:
    """The separator under which most rows have as many cells as the header, two or more."""

    def score(separator: str) -> tuple[float, int]:
        widths = []
        try:
            for _, cells in _records("", text, separator):
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


def _parquet(path: Path | Url, data: bytes) -> Cells:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(
            f'{path.name} is a Parquet table, which needs pyarrow: pip install "headstart[parquet]"'
        ) from error
    try:
        table = pyarrow.parquet.read_table(io.BytesIO(data))
    except (pyarrow.ArrowException, OSError) as error:
        raise TableError(f"{path.name}: a damaged Parquet table: {error}") from error
    values = [[_text(value) for value in column.to_pylist()] for column in table.columns]
    rows = enumerate((list(cells) for cells in zip(*values, strict=True)), start=1)
    columns = tuple(trim(column) for column in table.column_names)
    return Cells(columns, tuple(rows), ("a Parquet table: lines are its rows, counted from 1",))


def _text(value: object) -> str:
    """A Parquet value as text, unchanged; nothing, and a float that is no number, are empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)
