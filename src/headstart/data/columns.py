"""Which column of a table holds what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headstart.data.labels import trim
from headstart.errors import TableError, UsageError
from headstart.images.formats import has_picture_suffix
from headstart.options import ReadOptions
from headstart.wording import some_of

_IMAGE = frozenset(
    (
        *("image", "images", "image_name", "image_names", "image_path", "image_file", "imagename"),
        *("img_name", "img_path", "path", "paths", "filepath", "file_path", "filename"),
        *("filenames", "file_name", "file_names", "file", "files"),
    )
)
_IMAGE_SECOND = frozenset(("image_id",))  # only where no column above is there
_LABEL = frozenset(
    ("label", "labels", "class", "classes", "class_name", "target", "targets", "category")
)
_SPLIT = frozenset(("split", "fold", "part", "subset", "set"))
_GROUP = frozenset(("group", "patient", "patient_id", "subject", "camera", "series"))
LABEL = "label"  # what a column of labels that this program makes is called
SHOWN_COLUMNS = 20
LONGEST_SHOWN = 100  # characters of a column's name
_NEVER_LABEL = frozenset((*_SPLIT, *_GROUP, "id", "index"))


@dataclass(frozen=True)
class Columns:
    """Positions of a table's columns; None for a column that is not there."""

    image: int
    label: int | None
    split: int | None
    group: int | None
    notes: tuple[str, ...]

    @property
    def used(self) -> tuple[int, ...]:
        """The positions that are read."""
        every = (self.image, self.label, self.split, self.group)
        return tuple(position for position in every if position is not None)


def find_columns(
    name: str, columns: Sequence[str], options: ReadOptions, *, label_needed: bool
) -> Columns:
    """Choose the columns: those named by options, else by their usual names, case aside.

    Args:
        name: the table's name, for messages.
        columns: the trimmed header.
        options: image_column, label_column, split_column, group_column are used.
        label_needed: False when a table with other columns may go without a label.

    Raises:
        UsageError: a column named by an option is not there, or is named by two options.
        TableError: no column or several columns could hold pictures or labels.
    """
    split = _named(columns, options.split_column, "--split-column")
    group = _named(columns, options.group_column, "--group-column")
    label = _named(columns, options.label_column, "--label-column")
    image = _named(columns, options.image_column, "--image-column")
    _check_different(
        columns,
        {
            "--image-column": image,
            "--label-column": label,
            "--split-column": split,
            "--group-column": group,
        },
    )
    for names in (_IMAGE, _IMAGE_SECOND):
        if image is None:
            image = _found(columns, names, (split, group, label), "pictures", "--image-column")
    if image is None:
        raise TableError(f"{name}: {_no_image(columns)}")
    taken = (image, split, group)
    if label is None:
        labels = _LABEL if label_needed or _count(columns, _LABEL) == 1 else frozenset[str]()
        label = _found(columns, labels, taken, "labels", "--label-column")
    if label is None:
        label = _only_other(name, columns, taken, needed=label_needed)
    notes = [_taken(columns, image, label, split, group)]
    if label_needed:  # only what learns or measures has options for the others
        notes += _unused(columns, (image, label), split, group)
    return Columns(image, label, split, group, tuple(notes))


def is_label_name(column: str) -> bool:
    """Whether a column is called as one of labels usually is."""
    return _plain(column) in _LABEL


def may_hold_labels(column: str) -> bool:
    """Whether a column is not called as one of splits, groups or numbers of rows usually is."""
    return _plain(column) not in _NEVER_LABEL


def _plain(column: str) -> str:
    return trim(column).casefold().replace(" ", "_").replace("-", "_")


def _count(columns: Sequence[str], names: frozenset[str]) -> int:
    return sum(_plain(column) in names for column in columns)


def _listed(columns: Sequence[str]) -> str:
    return "[" + some_of([_shown(column) for column in columns], SHOWN_COLUMNS) + "]"


def _shown(column: str) -> str:
    whole = repr(column)
    return whole if len(whole) <= LONGEST_SHOWN else f"{whole[:LONGEST_SHOWN]}..."


def _named(columns: Sequence[str], wanted: str | None, flag: str) -> int | None:
    if wanted is None:
        return None
    exact = [i for i, column in enumerate(columns) if column == trim(wanted)]
    close = [i for i, column in enumerate(columns) if _plain(column) == _plain(wanted)]
    hits = exact or close
    if not hits:
        raise UsageError(f"{flag} {wanted}: no such column; the columns are {_listed(columns)}")
    if len(hits) > 1:
        raise UsageError(f"{flag} {wanted}: several columns have this name: {_listed(columns)}")
    return hits[0]


def _check_different(columns: Sequence[str], named: Mapping[str, int | None]) -> None:
    """A column holds one thing. Raises UsageError with the two flags that name the same column."""
    for flag, position in named.items():
        others = [other for other in named if other != flag and named[other] == position]
        if position is not None and others:
            raise UsageError(
                f"column {columns[position]!r} is named for two things: {flag} and {others[0]}"
            )


def _found(
    columns: Sequence[str],
    names: frozenset[str],
    taken: Sequence[int | None],
    what: str,
    flag: str,
) -> int | None:
    hits = [i for i, c in enumerate(columns) if _plain(c) in names and i not in taken]
    if len(hits) > 1:
        both = " and ".join(_shown(columns[i]) for i in hits[:SHOWN_COLUMNS])
        raise TableError(f"columns {both} could both hold the {what}; name one with {flag}")
    return hits[0] if hits else None


def _no_image(columns: Sequence[str]) -> str:
    if any(has_picture_suffix(column) for column in columns):
        names = " and ".join(_shown(column) for column in columns[:SHOWN_COLUMNS])
        return (
            f"columns are called {names}: is the header missing? "
            "Put a first line such as image,label there"
        )
    return (
        f"no column for the pictures among {_listed(columns)}; "
        "name it with --image-column, and the labels' with --label-column"
    )


def _only_other(
    name: str, columns: Sequence[str], taken: Sequence[int | None], *, needed: bool
) -> int | None:
    others = [i for i in range(len(columns)) if i not in taken]
    likely = [i for i in others if columns[i] and _plain(columns[i]) not in _NEVER_LABEL]
    if len(likely) == 1:
        return likely[0]
    if not likely or not needed:
        return None
    raise TableError(
        f"{name}: no column for the labels among {_listed(columns)}; name it with --label-column"
    )


def _taken(
    columns: Sequence[str], image: int, label: int | None, split: int | None, group: int | None
) -> str:
    taken = f"images from column {columns[image]!r}"
    for what, position in (("labels", label), ("split", split), ("groups", group)):
        if position is not None:
            taken += f", {what} from {columns[position]!r}"
    return taken if label is not None else taken + ", no labels"


def _unused(
    columns: Sequence[str], taken: Sequence[int | None], split: int | None, group: int | None
) -> list[str]:
    notes = []
    for flag, names, position in (
        ("--split-column", _SPLIT, split),
        ("--group-column", _GROUP, group),
    ):
        unused = [c for i, c in enumerate(columns) if _plain(c) in names and i not in taken]
        if position is None and unused:
            notes.append(f"column {unused[0]!r} is not used; to use it: {flag} {unused[0]}")
    return notes
