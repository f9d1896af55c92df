"""Cells that a spreadsheet would take for formulas, made harmless and read back.

A spreadsheet computes a cell that begins with =, +, -, @, a tab or a line's end, and a name or a
class may come from a stranger. With --safe-csv such a cell gets an apostrophe in front, as does one
that begins with an apostrophe, so that both can be told apart; a last column, empty but for its
name, says that the table is written so. Without that column nothing is taken off: an apostrophe may
be a name's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

MARK_COLUMN = "safe_csv"
APOSTROPHE = "'"
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", APOSTROPHE, "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")  # which is computed to itself

_is_on: ContextVar[bool] = ContextVar("safe_csv", default=False)


@contextmanager
def spreadsheet_cells(is_on: bool) -> Iterator[None]:
    """Tables that are written inside are safe to open in a spreadsheet, or verbatim."""
    before = _is_on.set(is_on)
    try:
        yield
    finally:
        _is_on.reset(before)


def as_written(
    header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
    """Header and rows as they go into a file."""
    if not _is_on.get():
        return header, rows
    return (*map(_safe, header), MARK_COLUMN), ([*map(_safe, row), ""] for row in rows)


def is_safe(header: Sequence[str]) -> bool:
    """Whether a table with this header was written with apostrophes."""
    return list(header[-1:]) == [MARK_COLUMN]


def restored(row: Sequence[str]) -> list[str]:
    """The cells of a row of such a table, the header too, without apostrophes and last column."""
    return [_bare(cell) for cell in row[:-1]]


def _safe(cell: Any) -> Any:
    is_risky = isinstance(cell, str) and cell.startswith(_STARTS) and not _NUMBER.fullmatch(cell)
    return APOSTROPHE + cell if is_risky else cell


def _bare(cell: str) -> str:
    rest = cell.removeprefix(APOSTROPHE)
    return rest if rest != cell and _safe(rest) != rest else cell
