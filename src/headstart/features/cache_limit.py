"""How much the cache may take, and which of its files go first."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from headstart.backbones.description_cache import write_beside
from headstart.cache_folder import cache_folder, is_ours
from headstart.errors import UsageError
from headstart.outputs import disk

DEFAULT_LIMIT = 20_000_000_000  # bytes
LIMIT_FILE = "limit.txt"

# What may go when the limit is reached: it is made again from what is on this machine.
MADE_AGAIN = (
    "images.sqlite.damaged-*",
    "features/*.sqlite*",
    "backbones/*.safetensors",
    "backbones/*.graph",
)


def cache_limit() -> int:
    """The largest size in bytes of what can be made again, as `set_cache_limit` left it."""
    try:
        limit = int((cache_folder() / LIMIT_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):  # never set, or damaged
        return DEFAULT_LIMIT
    return limit if limit > 0 else DEFAULT_LIMIT


def set_cache_limit(limit: int) -> None:
    """Keep a limit of more than 0 bytes. Raises UsageError where that cannot be written."""
    if limit <= 0:
        raise UsageError(f"a limit of {limit} bytes; it must be above 0")
    write_beside(cache_folder() / LIMIT_FILE, f"{limit}\n".encode("ascii"))
    if cache_limit() != limit:
        raise UsageError(f"the limit cannot be kept in {cache_folder()}; is it writable?")


def mark_used(path: Path) -> None:
    """Let a file be the most recently used one."""
    with suppress(OSError):
        os.utime(path)


def keep_to_limit(in_use: Collection[Path] = ()) -> int:
    """Delete what was not used for longest until the rest fits; returns the bytes that were freed.

    A file goes as a whole, with those that SQLite has beside it. Those in use stay, whatever their
    size: deleted now, they would be computed again by the very next run.
    """
    files: dict[Path, list[tuple[Path, int, int]]] = {}
    for found in _found(cache_folder()):
        files.setdefault(_main(found[0]), []).append(found)
    excess = sum(size for parts in files.values() for _, size, _ in parts) - cache_limit()
    freed = 0
    for main in sorted(files, key=lambda main: max(time for _, _, time in files[main])):
        if freed >= excess:
            break
        if main in in_use:
            continue
        # The file itself goes last: by its mark the others are known as ours.
        for path, size, _ in sorted(files[main], reverse=True):
            with suppress(OSError):  # in use elsewhere, or gone
                disk.remove(path)
                freed += size
    return freed


def _main(path: Path) -> Path:
    """The file that one of SQLite's files beside it belongs to."""
    for ending in ("-wal", "-shm"):
        if path.name.endswith(ending):
            return path.with_name(path.name.removesuffix(ending))
    return path


def _found(folder: Path) -> list[tuple[Path, int, int]]:
    """Path, bytes and time of last use of each file of ours that may go."""
    found = {}
    for pattern in MADE_AGAIN:
        for path in folder.glob(pattern):
            with suppress(OSError):  # another process may have deleted it
                status = path.stat()
                if is_ours(path):
                    found[path] = (path, status.st_size, status.st_mtime_ns)
    return list(found.values())
