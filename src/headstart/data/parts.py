"""What a folder's first level means: classes, parts of a split, or a wrapper around them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headstart.data.label_text import plural
from headstart.data.scan import Scan
from headstart.errors import TableError

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
