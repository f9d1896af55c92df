"""Where headstart keeps what it can compute again, and which of the files there are its own.

The folder may be any that the user named, with files of theirs in it. A file is ours only when it
carries our mark: a SQLite file its application number, weights a note in their header, a graph its
first line, a download a description beside it, a backbone's description its content. Files of
version 0.1 had no marks; they are known by their tables, and weights by a description that names
them.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.errors import UsageError
from headstart.outputs import disk
from headstart.outputs.manifest import Entry, read_json
from headstart.outputs.staging import abandoned, discard

VARIABLE = "HEADSTART_CACHE"
APPLICATION_ID = 0x68656164  # "head", in the header of every SQLite file of ours
OWN_MARK = {"program": "headstart"}  # in the header of weights, and beside a download
SQLITE_START = b"SQLite format 3\0"
APPLICATION_ID_AT = 68  # bytes from the start; see the SQLite file format, section 1.3
LARGEST_HEADER = 100_000_000  # bytes of a safetensors header, the format's own limit
SIDECAR = ".headstart.json"
GRAPH_SUFFIX = ".graph"
GRAPH_MARK = b"headstart graph 1\n"  # at the start of an exported network
SET_ASIDE = re.compile(r"\.damaged-\d{18,}$")
_FILES = ("files", ("path", "size", "mtime", "ctime", "sha256"))
TABLES_OF_0_1 = (
    {("features", ("sha256", "view", "vector"))},
    {_FILES, ("statistics", ("sha256", "version", "statistics"))},
    {_FILES, ("facts", ("sha256", "version", "facts"))},
)


def cache_folder() -> Path:
    """The user's cache folder for headstart; the variable HEADSTART_CACHE names another one."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("headstart", appauthor=False))


@dataclass(frozen=True)
class CacheFile:
    """One line of `headstart cache`: a file of ours and its bytes."""

    path: Path
    size: int


def cache_files() -> tuple[CacheFile, ...]:
    """This program's files in the cache folder, largest first.

    Raises UsageError when the folder is a file.
    """
    found = [CacheFile(path, path.lstat().st_size) for path in _candidates() if is_ours(path)]
    return tuple(sorted(found, key=lambda file: (-file.size, file.path)))


def other_files() -> tuple[Path, ...]:
    """What lies among them and is not ours."""
    return tuple(path for path in _candidates() if not is_ours(path))


def clear_cache() -> int:
    """Delete this program's files in the cache folder; returns the bytes that were freed.

    Raises UsageError for one that may not be deleted.
    """
    freed = 0
    for folder in _rooms():
        for left in abandoned(folder):
            discard(left)
    for file in sorted(cache_files(), key=lambda file: _order(file.path)):
        try:
            disk.remove(file.path)
        except OSError as error:
            raise UsageError(f"{file.path} cannot be deleted: {error.strerror}") from error
        freed += file.size
    return freed


def _order(path: Path) -> int:
    """Files that tell of others that they are ours go last, in case of a stop in between."""
    return 1 if path.suffix in (".json", ".sqlite") else 0


def _rooms() -> list[Path]:
    folder = cache_folder()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"the cache folder {folder} is a file; name a folder with {VARIABLE}")
    rooms = [
        folder,
        *(folder / name for name in ("features", "backbones", "trunks", "downloads", "cluster")),
    ]
    return [room for room in rooms if room.is_dir() and not room.is_symlink()]


def _candidates() -> Iterator[Path]:
    """The files in our rooms; in the folder itself those that are named as ours."""
    for room in _rooms():
        for path in sorted(room.iterdir()):
            is_file = path.is_file() or path.is_symlink()
            if is_file and (room != cache_folder() or ".sqlite" in path.name):
                yield path


def is_ours(path: Path) -> bool:
    """True for a file of the cache that this program wrote; a link is never ours."""
    if path.is_symlink() or not path.is_file():
        return False
    name = path.name
    for ending in ("-wal", "-shm"):
        if name.endswith(ending):
            main = path.with_name(name.removesuffix(ending))
            return main.is_file() and is_ours(main)
    if ".sqlite" in name:
        return _is_own_store(path)
    if name.endswith(SIDECAR):
        return read_json(path).get("program") == OWN_MARK["program"]
    if path.parent.name == "downloads":
        return _is_own_download(path)
    if path.suffix == GRAPH_SUFFIX:
        return _is_own_graph(path)
    if path.suffix == ".json":
        return _is_description(read_json(path))
    return path.suffix == ".safetensors" and _are_own_weights(path)


def _is_own_store(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        start = file.read(100)
        mark = start[APPLICATION_ID_AT : APPLICATION_ID_AT + 4]
        if start.startswith(SQLITE_START) and mark == APPLICATION_ID.to_bytes(4, "big"):
            return True
        # A damaged file was put aside under this name by the program itself.
        if SET_ASIDE.search(path.name):
            return True
        return start.startswith(SQLITE_START) and not any(mark) and _has_tables_of_0_1(path)
    return False


def _has_tables_of_0_1(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as store:
            rows = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            columns = "SELECT name FROM pragma_table_info(?) ORDER BY cid"
            tables = {
                (name, tuple(column for (column,) in store.execute(columns, (name,))))
                for (name,) in rows
            }
    except sqlite3.Error:
        return False
    return tables in TABLES_OF_0_1


def _is_own_download(path: Path) -> bool:
    told = read_json(path.with_name(path.name + SIDECAR))
    try:
        return told["program"] == OWN_MARK["program"] and Entry(**told["file"]).fits(path)
    except (LookupError, TypeError):
        return False


def _is_own_graph(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return file.read(len(GRAPH_MARK)) == GRAPH_MARK
    return False


def _is_description(content: dict[str, Any]) -> bool:
    info = content.get("info")
    return (
        content.keys() >= {"info", "files"}
        and isinstance(info, dict)
        and info.keys() >= {"name", "layer", "precision", "preprocessing", "weights_id"}
    )


def _are_own_weights(path: Path) -> bool:
    with suppress(OSError, ValueError), path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length)) if length <= LARGEST_HEADER else {}
        notes = header.get("__metadata__") if isinstance(header, dict) else None
        if isinstance(notes, dict) and notes.get("program") == OWN_MARK["program"]:
            return True
    return path.name in {
        f"{info['weights_id']}-{info['layer']}.safetensors"
        for content in map(read_json, path.parent.glob("*.json"))
        if _is_description(content)
        for info in (content["info"],)
    }
