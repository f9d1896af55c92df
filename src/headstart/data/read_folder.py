"""A folder with one folder a class, or with parts of a split above them, to an ImageTable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headstart.data.class_names import renamed
from headstart.data.folder_scan import Scan, natural_key, scan_folder
from headstart.data.image_table import ImageTable
from headstart.data.labels import composed, kept_rows, merge_spellings, trim
from headstart.errors import BadInput, TableError
from headstart.images.source import LocalFile
from headstart.options import ReadOptions
from headstart.options.checks import refuse_for_tables
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


def first_level(scan: Scan) -> dict[str, list[str]]:
    """First-level folders and the pictures below each, in the scan's order."""
    below: dict[str, list[str]] = {name: [] for name in scan.folders if "/" not in name}
    for name in scan.pictures:
        if "/" in name:
            below[name.split("/", 1)[0]].append(name)
    return below


def find_parts(scan: Scan, below: Mapping[str, list[str]]) -> dict[str, str]:
    """The folders that are parts of a split, with "train", "val" or "test" for each.

    A part is called like one and holds folders, not pictures. So a class of pictures of trains
    is a class.

    Raises:
        TableError: some folders look like parts and some do not, or parts hold no class folders.
    """
    named = {name: _PARTS[name.lower()] for name in below if name.lower() in _PARTS}
    parts = {
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


def refuse_wrapper(scan: Scan, below: Mapping[str, list[str]]) -> None:
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
    if all(name.lower() in _PARTS for name in children):
        return plural(len(children), "part")
    return f"{len(children)} classes"


@dataclass(frozen=True)
class _Found:
    """A picture by its name relative to the root, with its class folder and part."""

    name: str
    label: str
    split: str | None
    real: str


def read_folder(path: Path, options: ReadOptions) -> ImageTable:
    """Read a folder of class folders, or of parts (train, val, test) that hold class folders.

    A picture belongs to the first-level folder that it lies under. Rows come in natural order,
    whatever the order of the directory.

    Args:
        path: the folder.
        options: `exclude` and the renaming are used; those for tables are refused.

    Returns:
        the pictures; `splits` is "train", "val" or "test" when there are parts.

    Raises:
        TableError: there are no class folders, or one class that is a wrapper around others.
        UsageError: an option for tables is given, or an excluded class does not exist.
    """
    refuse_for_tables(options, f"{path} is a folder")
    scan = scan_folder(path)
    below = first_level(scan)
    parts = find_parts(scan, below)
    notes: list[str] = []
    if not parts:
        refuse_wrapper(scan, below)
    found, classes, loose = _classes(scan, parts)
    if not found:
        raise TableError(f"{path}: {_nothing(scan, loose)}")
    labels, spelling_notes = merge_spellings([row.label for row in found])
    kept, excluded = kept_rows(labels, options.exclude, [name for name, _ in classes.values()])
    names, renaming_notes = renamed([labels[i] for i in kept], options)
    if parts:
        counts = Counter(row.split for row in found)
        notes.append("parts: " + ", ".join(f"{part} {n}" for part, n in counts.items()))
        notes += _not_in_train(found)
    notes += [*_same_names(classes), *spelling_notes, *excluded, *renaming_notes, *scan.notes]
    left_out = {composed(trim(name)) for name in options.exclude}
    bad = [*_empty(scan, classes, left_out), *_loose(path, loose), *scan.bad]
    rows = [replace(found[i], label=name) for i, name in zip(kept, names, strict=True)]
    rows, conflicts, repeated = _once(rows)
    if repeated:
        links = some_of(repeated)
        notes.append(f"{plural(len(repeated), 'link')} to pictures that count already: {links}")
    if len({row.label for row in rows}) == 1:
        notes.append(f"one class only: {rows[0].label!r}")
    return ImageTable(
        ids=tuple(row.name for row in rows),
        images=tuple(LocalFile(path / row.name) for row in rows),
        labels=tuple(row.label for row in rows),
        source=path,
        splits=tuple(row.split or "" for row in rows) if parts else None,
        notes=tuple(notes),
        bad=tuple(sorted((*bad, *conflicts), key=lambda item: natural_key(item.where))),
    )


def _classes(
    scan: Scan, parts: dict[str, str]
) -> tuple[list[_Found], dict[str, tuple[str, str | None]], list[str]]:
    """Pictures with their class, class folders with (label, split), and loose pictures."""
    depth = 1 if parts else 0  # folders above the class folder
    classes: dict[str, tuple[str, str | None]] = {}
    for folder in scan.folders:
        steps = folder.split("/")
        if len(steps) == depth + 1 and (not parts or steps[0] in parts):
            split = parts[steps[0]] if parts else None
            classes[folder] = (composed(trim(steps[depth])), split)
    found, loose = [], []
    for name, real in scan.pictures.items():
        folder = "/".join(name.split("/")[: depth + 1])
        if folder in classes:
            label, split = classes[folder]
            found.append(_Found(name, label, split, real))
        else:
            loose.append(name)
    return found, classes, loose


def _nothing(scan: Scan, loose: Sequence[str]) -> str:
    if loose:
        return (
            f"{plural(len(loose), 'picture')} without a class; put the pictures of each class "
            "into a folder with the class's name, or give a table"
        )
    others = scan.others_in()
    return f"no picture in it{f' ({others})' if others else ''}"


def _empty(
    scan: Scan, classes: dict[str, tuple[str, str | None]], left_out: set[str]
) -> list[BadInput]:
    bad = []
    for folder, (label, _) in classes.items():
        inside = folder + "/"
        if label in left_out or any(name.startswith(inside) for name in scan.pictures):
            continue
        kind = scan.others_in(inside) or "empty folder"
        bad.append(BadInput(folder, f"no picture in it ({kind})"))
    return bad


def _loose(path: Path, loose: Sequence[str]) -> list[BadInput]:
    if not loose:
        return []
    count = plural(len(loose), "picture")
    cause = f"{count} beside the class folders, without a class: {some_of(loose)}"
    return [BadInput(path.name or str(path), cause)]


def _same_names(classes: dict[str, tuple[str, str | None]]) -> list[str]:
    """A note when two folders of one part have the same class, once trimmed and composed."""
    counts = Counter(classes.values())
    return [f"{n} folders are class {label!r}" for (label, _), n in counts.items() if n > 1]


def _not_in_train(found: Sequence[_Found]) -> list[str]:
    by_split: dict[str | None, set[str]] = {}
    for row in found:
        by_split.setdefault(row.split, set()).add(row.label)
    train = by_split.get("train")
    if train is None:
        return []
    return [
        f"class {label!r} is in {split}, not in train"
        for split, labels in by_split.items()
        for label in sorted(labels - train)
    ]


def _once(rows: Sequence[_Found]) -> tuple[list[_Found], list[BadInput], list[str]]:
    """Each real file once; one file under two classes or in two parts is refused."""
    by_file: dict[str, list[_Found]] = {}
    for row in rows:
        by_file.setdefault(row.real, []).append(row)
    kept, bad, repeated = [], [], []
    for same in by_file.values():
        if len({(row.label, row.split) for row in same}) > 1:
            what = "classes" if len({row.label for row in same}) > 1 else "parts"
            others = ", ".join(row.name for row in same[1:])
            bad.append(BadInput(same[0].name, f"the same file in two {what}: also {others}"))
            continue
        kept.append(same[0])
        repeated += [row.name for row in same[1:]]
    return kept, bad, repeated
