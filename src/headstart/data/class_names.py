"""Classes under other names: those that the user gives, and those that a model knows them by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from headstart.data.cells import read_cells
from headstart.data.labels import composed, merge_spellings, spelling, trim
from headstart.errors import BadInput, BadInputsError, TableError, UsageError
from headstart.options import ReadOptions
from headstart.wording import plural, some_of

RENAMES_HEADER = ("old", "new")
SHOWN_CLASSES = 20


def renamed(labels: Sequence[str], options: ReadOptions) -> tuple[list[str], list[str]]:
    """The labels (n,) under the names that the user gives, and what is worth knowing of it.

    All names change at once, so that two may change places; two classes under one new name become
    one. An old name may be in another spelling. Raises UsageError for an old name that no label
    has, unless it stands in the table, which may be for other data too; TableError and
    BadInputsError for a table that cannot be.
    """
    words: dict[str, str] = {}
    for word in options.rename:
        old, new = _parted(word)
        if words.setdefault(old, new) != new:
            raise UsageError(f"--rename gives {old!r} two names, {words[old]!r} and {new!r}")
    table = {} if options.rename_table is None else read_renames(options.rename_table)
    if not words and not table:
        return list(labels), []
    classes = sorted(set(labels))
    changes = {}
    for old, new in {**table, **words}.items():
        found = in_spelling_of(classes, old)
        if found is not None:
            changes[found] = new
        elif old in words:
            raise UsageError(
                f"--rename {old}={new}: there is no such class; the classes are "
                f"{some_of(classes, SHOWN_CLASSES)}"
            )
    absent = sum(in_spelling_of(classes, old) is None for old in table)
    counts = Counter(labels)
    notes = [f"class {old!r} is called {new!r} ({counts[old]})" for old, new in changes.items()]
    if absent and options.rename_table is not None:
        notes.append(f"{options.rename_table.name}: {plural(absent, 'class')} of it not here")
    merged, more = merge_spellings([changes.get(label, label) for label in labels])
    return merged, notes + more


def read_renames(path: Path) -> dict[str, str]:
    """Old name to new name, from a table with the columns old and new.

    Raises TableError for a table without these columns, BadInputsError for rows with an empty cell
    and for two new names of one class.
    """
    cells = read_cells(path)
    columns = [column.casefold() for column in cells.columns]
    if any(name not in columns for name in RENAMES_HEADER):
        raise TableError(
            f"{path.name} has the columns {', '.join(cells.columns)}; a table of new class names "
            f"has the columns {' and '.join(RENAMES_HEADER)}"
        )
    places = [columns.index(name) for name in RENAMES_HEADER]
    found: dict[str, str] = {}
    bad = []
    for line, row in cells.rows:
        texts = [composed(trim(cell)) for cell in row] + [""] * len(columns)
        old, new = (texts[place] for place in places)
        where = f"{path.name}, line {line}"
        if not old or not new:
            bad.append(BadInput(where, f"no {'new' if old else 'old'} name"))
        elif found.setdefault(old, new) != new:
            bad.append(BadInput(where, f"{old!r} has two new names, {found[old]!r} and {new!r}"))
    if bad:
        raise BadInputsError(bad, "Mend the table of class names; nothing was done.")
    return found


def to_classes(
    labels: Sequence[str], classes: Sequence[str]
) -> tuple[list[str], list[str], list[int]]:
    """Labels (n,) in a model's spelling, a note for each one changed, and the rows of no class."""
    counts = Counter(labels)
    same = {label: in_spelling_of(classes, label) for label in counts}
    notes = [
        f"label {label!r} ({counts[label]}) taken as the model's class {known!r}: only case or "
        "blanks differ"
        for label, known in same.items()
        if known is not None and known != label
    ]
    rows = [row for row, label in enumerate(labels) if same[label] is None]
    return [same[label] or label for label in labels], notes, rows


def in_spelling_of(classes: Sequence[str], name: str) -> str | None:
    """The class that a name is meant for: itself, else the only one of the same spelling."""
    if name in classes:
        return name
    alike = [known for known in classes if spelling(known) == spelling(name)]
    return alike[0] if len(alike) == 1 else None


def _parted(word: str) -> tuple[str, str]:
    old, _, new = word.partition("=")
    old, new = composed(trim(old)), composed(trim(new))
    if not (old and new) or "=" in new:
        wrong = "names with a = stand in a --rename-table" if "=" in new else "it is OLD=NEW"
        raise UsageError(f"--rename {word}: {wrong}, such as --rename 0=cat")
    return old, new
