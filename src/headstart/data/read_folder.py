"""A folder with one folder a class, or with parts of a split above them, to an ImageTable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headstart.data.class_names import renamed
from headstart.data.folder_parts import ClassFolders, find_class_folders
from headstart.data.folder_scan import Scan, natural_key, scan_folder
from headstart.data.image_table import ImageTable
from headstart.data.labels import composed, kept_rows, merge_spellings, trim
from headstart.errors import BadInput, TableError
from headstart.images.source import LocalFile
from headstart.options import ReadOptions
from headstart.options.checks import refuse_for_tables
from headstart.wording import plural, some_of


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
    where = find_class_folders(scan, options.class_level)
    notes = list(where.notes)
    found, classes, loose = _classes(scan, where)
    if not found:
        raise TableError(f"{path}: {_nothing(scan, loose)}")
    labels, spelling_notes = merge_spellings([row.label for row in found])
    kept, excluded = kept_rows(labels, options.exclude, [name for name, _ in classes.values()])
    names, renaming_notes = renamed([labels[i] for i in kept], options)
    if where.has_parts:
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
        images=tuple(LocalFile.at(path / row.name) for row in rows),
        labels=tuple(row.label for row in rows),
        source=path,
        splits=tuple(row.split or "" for row in rows) if where.has_parts else None,
        notes=tuple(notes),
        bad=tuple(sorted((*bad, *conflicts), key=lambda item: natural_key(item.where))),
    )


def _classes(
    scan: Scan, where: ClassFolders
) -> tuple[list[_Found], dict[str, tuple[str, str | None]], list[str]]:
    """Pictures with their class, class folders with (label, split), and loose pictures."""
    classes: dict[str, tuple[str, str | None]] = {}
    for folder in scan.folders:
        above, _, name = folder.rpartition("/")
        if above in where.above:
            classes[folder] = (composed(trim(name)), where.above[above])
    depths = {len(folder.split("/")) for folder in classes}
    found, loose = [], []
    for picture, real in scan.pictures.items():
        steps = picture.split("/")
        heads = ("/".join(steps[:depth]) for depth in sorted(depths) if depth < len(steps))
        folder = next((head for head in heads if head in classes), "")
        if folder:
            found.append(_Found(picture, *classes[folder], real))
        elif steps[0] not in where.left_out:
            loose.append(picture)
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
