"""Texts, JSON and tables as new files; whoever puts them in their place does so when all is whole.

All are UTF-8 with a line feed alone at a line's end. Each function raises OSError that names the
file, and FileExistsError when it is there already.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from headstart.outputs import disk
from headstart.outputs.spreadsheet_cells import as_written

# `json.dumps` would make an encoder for each number.
_as_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def write_text(path: Path, text: str) -> None:
    """Write a text as it is."""
    with disk.create(path) as file:
        file.write(text.encode())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON; NaN is refused rather than written. A list of numbers is one line.

    Half of a surrogate pair, from a file name that is not UTF-8, becomes JSON's own \\udcff.
    """
    text = _in_lines(content, "\n") + "\n"
    with disk.create(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def _in_lines(content: Any, line: str) -> str:
    """JSON with a line for each item, but for a list of numbers: a matrix has a line for each row.

    `line` ends a line and indents the next.
    """
    inner = line + "  "
    if isinstance(content, Mapping) and content:
        items = [f"{_as_json(str(key))}: {_in_lines(content[key], inner)}" for key in content]
        return f"{{{inner}{f',{inner}'.join(items)}{line}}}"
    is_list = isinstance(content, list | tuple)
    if is_list and any(type(item) not in (int, float) for item in content):
        items = [_in_lines(item, inner) for item in content]
        return f"[{inner}{f',{inner}'.join(items)}{line}]"
    return _as_json(content)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write equal dictionaries as CSV; None becomes an empty cell."""
    header = list(rows[0]) if rows else []
    write_table(path, header, ([row[name] for name in header] for row in rows))


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write cells as CSV, safe for spreadsheets where that is asked for.

    A file name that is not UTF-8 goes out as the bytes it has on disk.
    """
    with disk.create(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        writer = csv.writer(_Lines(text))
        header, rows = as_written(header, rows)
        writer.writerow(header)
        writer.writerows(rows)
        text.flush()
        text.detach()


class _Lines:
    """Ends lines by a line feed alone.

    The writer itself must end them by both characters: it quotes only cells with a character of
    its line end, and a bare carriage return inside a name would break the row.
    """

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def write(self, line: str) -> int:
        return self.file.write(line.removesuffix("\r\n") + "\n")
