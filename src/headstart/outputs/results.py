"""Which files and folders among the user's pictures are results of this program."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from headstart.errors import UsageError
from headstart.outputs.earlier_runs import earlier_names
from headstart.outputs.manifest import MANIFEST, files_below, read_manifest

DRAWN = "demo"  # its pictures are there to be read
SIGNS = (
    MANIFEST,
    "run.json",
    "comparison.json",
    "check.json",
    "ranking.json",
    "headstart.json",
    "metrics.json",
)


def written_names(folder: Path, is_picture: Callable[[str], bool]) -> set[str]:
    """Names in a folder of what this program wrote there.

    A folder of results counts as long as the user has put no picture into it.
    """
    written = _written(folder)
    first = {name.partition("/")[0] for name in written}
    return {
        name
        for name in first
        if name in written or not _has_other_picture(folder / name, f"{name}/", written, is_picture)
    }


def is_result_folder(folder: Path, is_picture: Callable[[str], bool]) -> bool:
    """True for a folder of results into which the user has put no picture.

    A folder that holds nothing but such folders is one as well: "inside" after --out inside/run.
    """
    written = _written(folder)
    if written:
        return not _has_other_picture(folder, "", written, is_picture)
    is_empty = True
    try:
        for path in folder.iterdir():
            if not path.name.startswith("."):
                is_empty = False
                if path.is_symlink() or not path.is_dir() or not is_result_folder(path, is_picture):
                    return False
    except OSError:  # told by whoever reads it
        return False
    return not is_empty


def _written(folder: Path) -> set[str]:
    if not any(os.path.lexists(folder / sign) for sign in SIGNS):
        return set()
    try:
        manifest = read_manifest(folder)
    except UsageError:  # a file of that name which is none of ours
        return set()
    if manifest is None:
        return set(earlier_names(folder)[1])
    return {name for name, entry in manifest.files.items() if entry.by != DRAWN}


def _has_other_picture(
    folder: Path, prefix: str, written: set[str], is_picture: Callable[[str], bool]
) -> bool:
    if not folder.is_dir():
        return False
    names = (prefix + name for name, _ in files_below(folder))
    return any(is_picture(name) for name in names if name not in written)
