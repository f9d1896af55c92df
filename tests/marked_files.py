"""Files of the cache with this program's marks, of any size."""

from __future__ import annotations

import json
import os
from pathlib import Path

from headstart.cache_folder import APPLICATION_ID, APPLICATION_ID_AT, OWN_MARK, SQLITE_START


def put(path: Path, size: int, used: int) -> Path:
    """A file of some bytes, 200 or more for a JSON file, that was used at some second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_start(path.suffix).ljust(size, b" "))
    os.utime(path, (used, used))
    return path


def _start(suffix: str) -> bytes:
    if suffix == ".sqlite":
        return SQLITE_START.ljust(APPLICATION_ID_AT, b"\0") + APPLICATION_ID.to_bytes(4, "big")
    if suffix == ".safetensors":
        header = json.dumps({"__metadata__": OWN_MARK}).encode()
        return len(header).to_bytes(8, "little") + header
    if suffix == ".json":
        names = ("name", "layer", "precision", "preprocessing", "weights_id")
        return json.dumps({"info": dict.fromkeys(names, ""), "files": {}}).encode()
    return b""
