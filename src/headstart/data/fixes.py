"""A table of corrected labels that the user wrote, and its use on the table of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from headstart.data.cells import Cells, read_cells
from headstart.data.image_table import ImageTable
from headstart.data.labels import composed, trim
from headstart.errors import BadInput, BadInputsError, TableError
from headstart.outputs.own_files import FIXES_HEADER
from headstart.wording import plural, some_of

COLUMNS = FIXES_HEADER
DROP = "drop"
_ADVICE = "Mend the table of fixes; nothing was changed."


def read_fixes(path: Path, classes: Sequence[str] | None = None) -> dict[str, str | None]:
    """The fixes that the user wrote: image to its new label, or to None for "drop".

    The columns image and fix are needed, others may stand beside them; separator and encoding are
    found by looking, as in every table. Rows without a fix are passed over. Unless a class itself
    is called so, "drop" in any case leaves a picture out.

    Args:
        path: the edited table.
        classes: the classes there are. A fix must name one of them, in any case: a new class
            would more often be a slip of the pen. None accepts every word.

    Raises:
        TableError: the table cannot be read or lacks a column.
        BadInputsError: fixes that are no class, and images with two different fixes.
    """
    cells = read_cells(path, separator=None, encoding=None)
    image, fix = _places(path, cells)
    exact = set(classes or ())
    folded: dict[str, list[str]] = {}
    for name in classes or ():
        folded.setdefault(name.casefold(), []).append(name)
    fixes: dict[str, str | None] = {}
    bad = []
    for line, row in cells.rows:
        texts = [trim(cell) for cell in row] + [""] * len(cells.columns)
        name, word = texts[image], composed(texts[fix])
        if not word:
            continue
        where = f"{path.name}, line {line}: {name}"
        same = folded.get(word.casefold(), [])
        new: str | None = word
        if classes is not None and word not in exact and len(same) == 1:
            new = same[0]
        elif word.casefold() == DROP and word not in exact:
            new = None
        elif classes is not None and word not in exact:
            bad.append(BadInput(where, f"fix {word!r}: {_allowed(classes)}"))
            continue
        if not name:
            bad.append(BadInput(where, f"fix {word!r} without an image"))
        elif name in fixes and fixes[name] != new:
            bad.append(BadInput(where, f"two fixes: {fixes[name] or DROP!r} and {new or DROP!r}"))
        fixes[name] = new
    if bad:
        raise BadInputsError(bad, _ADVICE)
    return fixes


def _allowed(classes: Sequence[str]) -> str:
    return f"allowed are a class ({some_of(classes, 20)}), or {DROP!r}, or nothing"


def _places(path: Path, cells: Cells) -> tuple[int, int]:
    names = [trim(column).casefold() for column in cells.columns]
    missing = [name for name in ("image", "fix") if name not in names]
    if missing:
        raise TableError(
            f"{path.name} has no column {' and no column '.join(map(repr, missing))}; a table of "
            f"fixes has the columns {', '.join(COLUMNS)}: write one with check --write-fixes"
        )
    return names.index("image"), names.index("fix")


def apply_fixes(table: ImageTable, fixes: Mapping[str, str | None]) -> ImageTable:
    """The table with new labels and without the dropped rows; a note says how many.

    Raises:
        BadInputsError: a fix for an image that the table does not have.
        TableError: the table has no labels, or no row is left.
    """
    if table.labels is None:
        raise TableError(f"{table.source} has no labels to fix")
    known = set(table.ids)
    unknown = [name for name in fixes if name not in known]
    if unknown:
        cause = f"a fix for an image that {table.source.name} does not have"
        raise BadInputsError([BadInput(name, cause) for name in unknown], _ADVICE)
    labels = [fixes.get(name, label) for name, label in zip(table.ids, table.labels, strict=True)]
    kept = [row for row, label in enumerate(labels) if label is not None]
    if not kept:
        raise TableError(f"the fixes drop all {plural(len(labels), 'row')}")
    changed = sum(new not in (None, old) for new, old in zip(labels, table.labels, strict=True))
    dropped = len(labels) - len(kept)
    same = len(fixes) - changed - dropped
    note = f"fixes: {plural(changed, 'label')} changed, {plural(dropped, 'picture')} left out"
    if same:
        note += f", {same} of the fixes give the label that was there"
    fixed = replace(table, labels=tuple(label or "" for label in labels))
    return replace(fixed.take(kept), notes=(*table.notes, note))
