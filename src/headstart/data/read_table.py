"""A table of names and labels to an ImageTable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from headstart.data.cells import Cells, read_cells
from headstart.data.class_names import renamed
from headstart.data.collector_pause import collector_paused
from headstart.data.columns import Columns, find_columns
from headstart.data.image_paths import ImageFinder, UnresolvedError
from headstart.data.image_table import ImageTable
from headstart.data.labels import kept_rows, merge_spellings, trim
from headstart.data.one_hot import with_labels
from headstart.errors import BadInput, TableError, UsageError
from headstart.images.address import Url, location
from headstart.images.source import ImageSource, Unavailable
from headstart.options import ReadOptions
from headstart.wording import plural


class _Row(NamedTuple):
    """One line of the table, its cells trimmed; None for a column that is not there."""

    line: int
    name: str
    label: str | None
    split: str | None
    group: str | None
    image: ImageSource | None = None


class _Reading:
    """What gathers while a table is read: bad rows by line, and notes."""

    def __init__(self, path: Path | Url) -> None:
        self.table = path.name
        self.bad: list[tuple[int, BadInput]] = []
        self.notes: list[str] = []

    def refuse(self, line: int, name: str, cause: str, where: str = "") -> None:
        named = f": {name}" if name else ""
        self.bad.append((line, BadInput(f"{self.table}, {where or f'line {line}'}{named}", cause)))


def read_table(
    path: Path | Url,
    options: ReadOptions,
    *,
    keep_missing: bool = False,
    needs_labels: bool = True,
    data: bytes | None = None,
) -> ImageTable:
    """Read a CSV, TSV or Parquet table of pictures.

    All cells are text and stay what they are, but for blanks at their ends. Names are relative
    to `options.images`, else to the table's folder.

    Args:
        path: the table.
        options: how to read it.
        keep_missing: for predicting: every row stays, in the table's order, also repeated ones and
            those without a label (""). The picture of a row whose file is missing is the path
            where it should be, that of a row which cannot be used is `Unavailable`.
        needs_labels: False where a table of names alone will do.
        data: the table's bytes, where somebody has read them.

    Returns:
        the good rows; rows that cannot be used stand in `bad`, repairs in `notes`.

    Raises:
        TableError: the table cannot be read as a whole, or none of its pictures is there.
        UsageError: an option names a column, class, folder or encoding that is not there.
        MissingExtraError: a Parquet table, and pyarrow is not installed.
    """
    with collector_paused():
        cells = read_cells(path, separator=options.separator, encoding=options.encoding, data=data)
        needs_labels = needs_labels and not keep_missing
        cells = with_labels(path.name, cells, options, needed=needs_labels)
        columns = find_columns(path.name, cells.columns, options, label_needed=needs_labels)
        if not cells.rows:
            raise TableError(f"{path.name} has no rows")
        finder = find_images(path, options)
        reading = _Reading(path)
        reading.notes += [*columns.notes, *cells.notes]
        rows = _rows(cells, columns, reading, keep_all=keep_missing)
        rows = _labelled(rows, options, reading)
        rows = _placed(rows, finder, reading, keep_missing)
        if not keep_missing:
            rows = _once(rows, reading)
        return _table(path, rows, columns, reading)


def find_images(path: Path | Url, options: ReadOptions) -> ImageFinder:
    """What finds the pictures of a table's names. Raises UsageError for a folder that is not."""
    root = location(options.images) if options.images is not None else path.parent
    if isinstance(root, Path) and not root.is_dir():
        raise UsageError(f"--images {root}: no such folder")
    return ImageFinder(root, allow_outside=options.allow_outside)


def cut_to_width(cells: list[str], width: int) -> list[str]:
    """A row without empty cells beyond the header."""
    return cells[:width] if not any(map(trim, cells[width:])) else cells


def wrong_width(cells: Sequence[str], width: int) -> str:
    """Why a row has too few or too many cells; "" for the right number."""
    return "" if len(cells) == width else f"has {plural(len(cells), 'field')}, expected {width}"


def repairs(trimmed: int, padded: int) -> list[str]:
    """Notes of what was mended in a table's rows."""
    notes = []
    if trimmed:
        notes.append(f"blanks trimmed in {plural(trimmed, 'cell')}")
    if padded:
        notes.append(f"empty cells beyond the header cut off in {plural(padded, 'row')}")
    return notes


def _rows(cells: Cells, columns: Columns, reading: _Reading, *, keep_all: bool) -> list[_Row]:
    """Rows with as many cells as the header and nothing empty; the others are refused, or kept."""
    width, trimmed, padded, rows = len(cells.columns), 0, 0, []
    used = columns.used
    places = (columns.label, columns.split, columns.group)
    names = ("label", "split", "group")
    needed = [(what, i) for what, i in zip(names, places, strict=True) if i is not None]
    for line, raw in cells.rows:
        found = raw if len(raw) == width else cut_to_width(raw, width)
        padded += len(found) < len(raw)
        if cause := wrong_width(found, width):
            if keep_all:
                name = "".join(map(trim, found[columns.image : columns.image + 1]))
                label = None if columns.label is None else ""
                rows.append(_Row(line, name, label, "", "", Unavailable(name, cause)))
            else:
                reading.refuse(line, "", cause)
            continue
        texts = [trim(cell) for cell in found]
        if texts != found:
            trimmed += sum(texts[i] != found[i] for i in used)
        name = texts[columns.image]
        empty = [what for what, i in needed if not texts[i]]
        if empty and not keep_all:
            reading.refuse(line, name, f"no {' and no '.join(empty)}")
            continue
        label, split, group = [None if i is None else texts[i] for i in places]
        rows.append(_Row(line, name, label, split, group))
    reading.notes += repairs(trimmed, padded)
    return rows


def _labelled(rows: list[_Row], options: ReadOptions, reading: _Reading) -> list[_Row]:
    """Labels in one spelling each, without the excluded classes, under the user's names."""
    exclude = options.exclude
    texts = [row.label for row in rows if row.label is not None]
    if len(texts) != len(rows):
        for flag, given in (("--exclude", exclude), ("--rename", options.rename)):
            if given:
                raise UsageError(f"{flag} {given[0]}: {reading.table} has no labels")
        return rows
    labels, notes = merge_spellings(texts)
    kept, excluded = kept_rows(labels, exclude)
    names, more = renamed([labels[i] for i in kept], options)
    reading.notes += notes + excluded + more
    return [
        rows[i] if rows[i].label == name else rows[i]._replace(label=name)
        for i, name in zip(kept, names, strict=True)
    ]


def _placed(
    rows: list[_Row], finder: ImageFinder, reading: _Reading, keep_missing: bool
) -> list[_Row]:
    """Rows with their files; rows without one are refused, or kept when asked."""
    if keep_missing:
        placed = [
            row if row.image is not None else row._replace(image=picture_or_cause(row.name, finder))
            for row in rows
        ]
        reading.notes += finder.notes
        return placed
    placed, missing = [], []
    for row in rows:
        try:
            placed.append(row._replace(image=finder.resolve(row.name)))
        except UnresolvedError as error:
            if error.missing:
                missing.append(row)
            reading.refuse(row.line, row.name, str(error))
    if missing and len(missing) == len(rows):
        raise TableError(
            f"{reading.table}: {len(missing)} of {plural(len(rows), 'picture')} not found under "
            f"{finder.root}, first: {missing[0].name}; name their folder with --images"
        )
    reading.notes += finder.notes
    return placed


def picture_or_cause(name: str, finder: ImageFinder) -> ImageSource:
    """The picture of a name.

    Of a good name without a file it is the place where that should be, whose reading says what is
    wrong; of another one, `Unavailable`.
    """
    try:
        return finder.resolve(name)
    except UnresolvedError as error:
        if error.missing and "\\" not in name:
            return finder.target(name)
        return Unavailable(name, str(error))


def _once(rows: list[_Row], reading: _Reading) -> list[_Row]:
    """Each picture once; a picture with two labels, splits or groups is refused."""
    names = [row.image.name if row.image is not None else "" for row in rows]
    if len(set(names)) == len(rows):  # as usual; and texts are compared faster than places
        return rows
    by_place: dict[str, list[_Row]] = {}
    for name, row in zip(names, rows, strict=True):
        by_place.setdefault(name, []).append(row)
    kept, repeated = [], []
    for same in by_place.values():
        first = same[0]
        if len(same) > 1 and (conflict := _conflict(same)):
            lines = ", ".join(str(row.line) for row in same)
            reading.refuse(first.line, first.name, conflict, where=f"lines {lines}")
            continue
        kept.append(first)
        repeated += [row.line for row in same[1:]]
    if repeated:
        lines = ", ".join(str(line) for line in sorted(repeated)[:10])
        more = ", ..." if len(repeated) > 10 else ""
        reading.notes.append(
            f"{plural(len(repeated), 'repeated row')} counted once (line {lines}{more})"
        )
    return kept


def _conflict(rows: Sequence[_Row]) -> str:
    for what, values in (
        ("labels", [row.label for row in rows]),
        ("splits", [row.split for row in rows]),
        ("groups", [row.group for row in rows]),
    ):
        distinct = list(dict.fromkeys(values))
        if len(distinct) > 1:
            names = " and ".join(repr(value) for value in distinct)
            return f"one picture with {len(distinct)} {what}: {names}"
    return ""


def _table(path: Path | Url, rows: list[_Row], columns: Columns, reading: _Reading) -> ImageTable:
    return ImageTable(
        ids=tuple(row.name for row in rows),
        images=tuple(row.image for row in rows if row.image is not None),
        labels=None if columns.label is None else tuple(row.label or "" for row in rows),
        source=path,
        lines=tuple(row.line for row in rows),
        splits=None if columns.split is None else tuple(row.split or "" for row in rows),
        groups=None if columns.group is None else tuple(row.group or "" for row in rows),
        notes=tuple(reading.notes),
        bad=tuple(bad for _, bad in sorted(reading.bad, key=lambda pair: pair[0])),
    )
