"""Which folders of a folder are the classes, and which are parts of a split above them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headstart.data.folder_scan import Scan
from headstart.data.labels import composed, trim
from headstart.errors import TableError
from headstart.wording import plural, some_of

_PARTS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
_UNLABELLED = frozenset(("pred", "predict", "prediction", "predictions", "unlabeled", "unlabelled"))
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class ClassFolders:
    """Where the class folders are.

    Attributes:
        above: the folder that holds class folders, "" for the scanned one itself, with its part of
            a split: "train", "val", "test", or None where there is no split.
        left_out: first-level folders that hold no labelled pictures.
        notes: what was taken for what, where that is not plain.
    """

    above: Mapping[str, str | None]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def has_parts(self) -> bool:
        """Whether the folders give a split."""
        return any(part is not None for part in self.above.values())


@dataclass(frozen=True)
class _Child:
    """A first-level folder with pictures.

    Attributes:
        name: of the folder.
        inside: the folder below it that holds all, where it is a wrapper, else itself.
        classes: names of the folders in that one that hold pictures.
        loose: whether pictures lie in it beside them.
    """

    name: str
    inside: str
    classes: frozenset[str]
    loose: bool

    @property
    def part(self) -> str | None:
        """The part of a split that one of the words of its name says."""
        said = {_PARTS[word] for word in self._words if word in _PARTS}
        return said.pop() if len(said) == 1 else None

    @property
    def is_unlabelled(self) -> bool:
        """Whether its name says that it waits for answers, and it holds no folders."""
        return not self.classes and not _UNLABELLED.isdisjoint(self._words)

    @property
    def _words(self) -> list[str]:
        return _WORD.findall(self.name.lower())


def first_level(scan: Scan) -> dict[str, list[str]]:
    """First-level folders and the pictures below each, in the scan's order."""
    below: dict[str, list[str]] = {name: [] for name in scan.folders if "/" not in name}
    for name in scan.pictures:
        if "/" in name:
            below[name.split("/", 1)[0]].append(name)
    return below


def find_class_folders(scan: Scan, level: int | None = None) -> ClassFolders:
    """The class folders of a scanned folder.

    Folders called train, val, test and the like that hold folders, not pictures, are parts of a
    split: a class of pictures of trains is a class. So are folders whose names say it otherwise,
    such as training_set and test_set, when all hold the same class folders, directly or inside one
    folder more.

    Args:
        scan: of the folder.
        level: 1 for classes at the first level, 2 one below, None to find it.

    Raises:
        TableError: it cannot be told which are the classes, or one is a wrapper around all.
    """
    below = first_level(scan)
    if level == 1:
        return ClassFolders({"": None})
    children = [_child(name, pictures) for name, pictures in below.items() if pictures]
    if level == 2:
        return _at_second(children)
    plain = _plain_parts(scan, below)
    if plain:
        return ClassFolders(plain)
    filled = [child for child in children if not child.is_unlabelled]
    parts = [child.part for child in filled]
    are_named = None not in parts and len(set(parts)) > 1
    alike = (
        len(filled) > 1
        and not any(child.loose for child in filled)
        and len({child.classes for child in filled}) == 1
        and bool(filled[0].classes)
    )
    if are_named and alike and len(filled[0].classes) > 1:
        return _split(children, filled)
    if are_named or (alike and len(filled[0].classes) > 1):
        raise TableError(_both_readings(scan, filled, alike=alike))
    _refuse_wrapper(scan, below)
    return ClassFolders({"": None})


def _child(name: str, pictures: list[str]) -> _Child:
    inside = name
    while True:
        rest = [picture[len(inside) + 1 :] for picture in pictures]
        loose = any("/" not in picture for picture in rest)
        below = dict.fromkeys(picture.split("/", 1)[0] for picture in rest if "/" in picture)
        if loose or len(below) != 1 or inside != name:
            classes = frozenset(composed(trim(folder)).casefold() for folder in below)
            return _Child(name, inside, classes, loose)
        inside = f"{inside}/{next(iter(below))}"


def _at_second(children: list[_Child]) -> ClassFolders:
    """Every first-level folder holds classes; a split where all their names say one."""
    parts = [child.part for child in children]
    is_split = None not in parts and len(set(parts)) > 1
    return ClassFolders({child.name: child.part if is_split else None for child in children})


def _split(children: list[_Child], filled: list[_Child]) -> ClassFolders:
    told = " and ".join(f"{child.name!r} ({child.part})" for child in filled)
    left_out = tuple(child.name for child in children if child not in filled)
    notes = [f"{told} hold the same class folders: taken as parts of a split"]
    if left_out:
        notes.append(f"left out, since its pictures have no class: {some_of(left_out)}")
    return ClassFolders({child.inside: child.part for child in filled}, left_out, tuple(notes))


def _both_readings(scan: Scan, filled: list[_Child], *, alike: bool) -> str:
    names = some_of([repr(child.name) for child in filled])
    if alike:
        inner = some_of(sorted(filled[0].classes))
        found = f"all of {names} hold the folders {inner}"
        way = f"if {inner} are the classes, give --class-level 2"
        if all(word in _PARTS for word in filled[0].classes):
            way = f"if {inner} are parts of a split, put the class folders into them"
    else:
        found = f"the names of {names} say parts of a split, but they do not hold the same folders"
        first = next((child for child in filled if child.part == "train"), filled[0])
        way = (
            f"if they are parts, give the part with classes alone, such as {scan.root / first.name}"
            ", or put the same class folders into each"
        )
    return f"{scan.root}: {found}; {way}; if {names} are the classes, give --class-level 1"


def _plain_parts(scan: Scan, below: Mapping[str, list[str]]) -> dict[str, str | None]:
    """The folders that are called like parts and hold folders, with their parts."""
    named = {name: _PARTS[name.lower()] for name in below if name.lower() in _PARTS}
    parts: dict[str, str | None] = {
        name: part
        for name, part in named.items()
        if below[name] and not any(picture.count("/") == 1 for picture in below[name])
    }
    shown = " and ".join(repr(name) for name in parts)
    others = [repr(name) for name in below if name not in parts and below[name]]
    if len(parts) > 1 and others:
        raise TableError(
            f"{scan.root}: {shown} look like parts of a split, {', '.join(others)} not; give one "
            f"part, such as {scan.root / next(iter(parts))}, or move the others away"
        )
    if len(named) > 1 and not parts and len(named) == len(below):
        raise TableError(
            f"{scan.root}: {' and '.join(map(repr, named))} look like parts of a split, not like "
            "classes, but hold no class folders"
        )
    return parts if not others else {}


def _refuse_wrapper(scan: Scan, below: Mapping[str, list[str]]) -> None:
    """Raise TableError when the only class is a wrapper around a folder of classes."""
    filled = [name for name, pictures in below.items() if pictures]
    if len(filled) != 1:
        return
    prefix, pictures = filled[0], below[filled[0]]
    while True:
        deeper = [name[len(prefix) + 1 :] for name in pictures]
        children = list(dict.fromkeys(name.split("/", 1)[0] for name in deeper if "/" in name))
        if any("/" not in name for name in deeper):
            return
        if len(children) > 1:
            break
        prefix = f"{prefix}/{children[0]}"
    suggestion: Path = scan.root / prefix
    raise TableError(
        f"{scan.root}: one class only ({filled[0]!r}); did you mean {suggestion} "
        f"({_counted(children)}, {plural(len(pictures), 'picture')})?"
    )


def _counted(children: list[str]) -> str:
    if all(not _PARTS.keys().isdisjoint(_WORD.findall(name.lower())) for name in children):
        return plural(len(children), "part")
    return f"{len(children)} classes"
