"""What was learnt about a backbone when it was first opened, so that the next run need not load it.

Importing torch and timm takes seconds. A run whose features are all in the cache needs only a
backbone's description (a small JSON file) and, to save the model, its weights (a safetensors file).
Both are believed only while the weights file they came from is unchanged.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy.typing as npt

from headstart.backbones.backbone import BackboneInfo
from headstart.cache_folder import OWN_MARK
from headstart.options import BackboneOptions, as_json
from headstart.outputs import disk
from headstart.outputs.permission import replacing

LARGEST_KEPT_WEIGHTS = 200_000_000  # bytes; larger backbones are loaded again instead


@dataclass(frozen=True)
class KeptBackbones:
    """A folder of descriptions and weights."""

    folder: Path

    def find(self, options: BackboneOptions, precision: str) -> BackboneInfo | None:
        """The description made by the same options from the same, unchanged files.

        All but the arithmetic is the same in each precision, and kept once.
        """
        path = self._entry(options)
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            if entry.pop("checksum") != _checksum(path.stem, entry):
                return None  # one damaged digit would describe another backbone
            files = {Path(name): stamp for name, stamp in entry["files"].items()}
            if any(_stamp(file) != stamp for file, stamp in files.items()):
                return None
            return replace(BackboneInfo.from_json(entry["info"]), precision=precision)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # absent, or damaged: it is made anew

    def keep(self, options: BackboneOptions, info: BackboneInfo, files: Iterable[Path]) -> None:
        """Write the description down. A folder that cannot be written is no error."""
        path = self._entry(options)
        entry = {"info": info.to_json(), "files": {str(file): _stamp(file) for file in files}}
        text = json.dumps({**entry, "checksum": _checksum(path.stem, entry)}, indent=1)
        write_beside(path, text.encode())

    def weights(self, info: BackboneInfo) -> Path | None:
        """The kept weights, if they are there."""
        path = self._weights(info.weights_id, info.layer)
        try:
            os.utime(path)  # what was not used for longest is deleted first
        except OSError:
            return path if path.exists() else None
        return path

    def keep_weights(self, info: BackboneInfo, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
        """Keep the backbone's tensors, unless they are large."""
        from safetensors.numpy import save

        if sum(tensor.nbytes for tensor in tensors.values()) <= LARGEST_KEPT_WEIGHTS:
            content = save(dict(tensors), OWN_MARK)
            write_beside(self._weights(info.weights_id, info.layer), content)

    def _weights(self, weights_id: str, layer: str) -> Path:
        return self.folder / f"{weights_id}-{layer}.safetensors"

    def _entry(self, options: BackboneOptions) -> Path:
        parts = {
            **as_json(options),
            "precision": "any",
            "weights": str(options.weights.resolve()) if options.weights else None,
            "timm": version("timm"),
            "headstart": version("headstart"),
        }
        name = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
        return self.folder / f"{name}.json"


def _checksum(name: str, entry: Mapping[str, Any]) -> str:
    """Of a description and the name that it is found by."""
    return hashlib.sha256(json.dumps([name, entry], sort_keys=True).encode()).hexdigest()


def _stamp(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def write_beside(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; failures of the disk are passed over in the cache."""
    with suppress(OSError), replacing(path) as new, disk.create(new) as file:
        file.write(content)
