"""Tables with a column of 0 and 1 for each class, to tables with a column of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headstart.data.cells import Cells
from headstart.data.columns import LABEL, is_label_name, may_hold_labels
from headstart.data.labels import trim
from headstart.errors import TableError
from headstart.options import ReadOptions
from headstart.wording import plural, some_of

_ONES, _ZEROS = frozenset(("1", "1.0", "true")), frozenset(("0", "0.0", "false"))
_SHOWN = 5


def with_labels(name: str, cells: Cells, options: ReadOptions, *, needed: bool) -> Cells:
    """The table with its classes' names as labels, where it has a column for each class.

    It has so when no column is named or called as one of labels, and two or more others hold 0
    and 1 alone. The first of these becomes the label; rows of a wrong length are left as they are.

    Args:
        name: the table's name, for messages.
        cells: all of it.
        options: columns that are named hold something else.
        needed: whether to refuse what has no single label a row, or to leave it without labels.

    Raises TableError, which names the lines, for rows with several classes or none.
    """
    if options.label_column is not None or any(map(is_label_name, cells.columns)):
        return cells
    width = len(cells.columns)
    whole = [row for _, row in cells.rows if len(row) == width]
    named = {options.image_column, options.split_column, options.group_column}
    classes = [
        place
        for place, column in enumerate(cells.columns)
        if column and column not in named and may_hold_labels(column) and _is_flag(whole, place)
    ]
    if len(classes) < 2:
        return cells
    names = [cells.columns[place] for place in classes]
    several: list[int] = []
    none: list[int] = []
    rows = []
    for line, row in cells.rows:
        if len(row) != width:
            rows.append((line, row))
            continue
        found = [place for place in classes if _plain(row[place]) in _ONES]
        if len(found) != 1:
            (several if found else none).append(line)
            continue
        label = cells.columns[found[0]]
        rows.append((line, [*row[: classes[0]], label, *row[classes[0] + 1 :]]))
    if several or none:
        if not needed:
            return cells
        raise TableError(_refusal(name, names, several, none))
    shown = some_of([repr(column) for column in names], _SHOWN)
    columns = [*cells.columns[: classes[0]], LABEL, *cells.columns[classes[0] + 1 :]]
    note = f"each row's class is the one column with a 1 among {shown}"
    return replace(cells, columns=tuple(columns), rows=tuple(rows), notes=(*cells.notes, note))


def _plain(cell: str) -> str:
    return trim(cell).casefold()


def _is_flag(rows: Sequence[Sequence[str]], place: int) -> bool:
    """Whether a column holds 0 and 1 alone."""
    values = {_plain(row[place]) for row in rows}
    return bool(values) and values <= _ONES | _ZEROS


def _refusal(name: str, names: Sequence[str], several: Sequence[int], none: Sequence[int]) -> str:
    parts = []
    for lines, what in ((several, "more than one 1"), (none, "no 1")):
        if lines:
            listed = some_of([str(line) for line in lines], _SHOWN)
            parts.append(f"{plural(len(lines), 'row')} with {what} (line {listed})")
    columns = some_of([repr(column) for column in names], _SHOWN)
    return (
        f"{name}: the columns {columns} hold 0 and 1, but {' and '.join(parts)}: several classes "
        "for a picture (multi-label), or none, cannot be learnt. Leave such rows out, or name one "
        "of the columns with --label-column to learn it alone"
    )
