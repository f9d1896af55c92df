"""What was run: enough to run it again and to see what differs."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from headstart.backbones.backbone import Backbone
from headstart.data.dataset import Dataset
from headstart.data.image_table import ImageTable

PACKAGES = (
    "headstart", "torch", "torchvision", "timm", "scikit-learn", "numpy", "scipy", "pillow",
    "onnxruntime", "openvino",
)  # fmt: skip


@dataclass(frozen=True)
class RunRecord:
    """The record of one run.

    Attributes:
        recipe: "frozen", "scratch" or the like.
        source: the table or folder of pictures, as it was named.
        options: the options as plain JSON values.
        seed: seed of everything random.
        data_digest: digest over the pictures' contents and labels in their order.
        versions: of Python and the packages that compute.
        machine: system, processor, number of cores, and the runtimes that computed features.
        started: time in UTC, ISO 8601.
        seconds: how long the parts took, by name.
        notes: lines that were told to the user.
    """

    recipe: str
    source: str
    options: dict[str, Any]
    seed: int
    data_digest: str
    versions: dict[str, str]
    machine: dict[str, Any]
    started: str
    seconds: dict[str, float]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "notes": list(self.notes)}


class Stopwatch:
    """When a run began, and how long its parts took, in seconds by name."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.seconds: dict[str, float] = {}
        self._began = self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """The part since the last lap, or since the beginning, is called `name`."""
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now

    def restart(self) -> None:
        """The next lap begins now; what lies before it counts for the total only."""
        self._last = time.perf_counter()

    def total(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self._began


def make_record(
    recipe: str,
    options: Mapping[str, Any],
    data: Dataset | ImageTable,
    clock: Stopwatch,
    backbones: Iterable[Backbone] = (),
) -> RunRecord:
    """The record of a run on this data; `options` are plain JSON values with their room "split".

    `backbones` are those that the features came from.
    """
    table = data.table if isinstance(data, Dataset) else data
    digests = data.digests if isinstance(data, Dataset) else ("",) * len(data)
    return RunRecord(
        recipe=recipe,
        source=str(table.source),
        options=dict(options),
        seed=options["split"]["seed"],
        data_digest=data_digest(digests, table.labels or ()),
        versions=versions(),
        machine={**machine(), **_computed_by(backbones)},
        started=clock.started,
        seconds={**clock.seconds, "total": clock.total()},
        notes=data.notes,
    )


def _computed_by(backbones: Iterable[Backbone]) -> dict[str, str]:
    whole = [backbone.info for backbone in backbones]
    infos = [part for info in whole for part in info.parts or (info,)]
    found = dict.fromkeys(f"{info.runtime} in {info.precision}" for info in infos)
    return {"runtime": ", ".join(found)} if found else {}


def data_digest(sha256: Sequence[str], labels: Sequence[str]) -> str:
    """One digest for pictures and labels, in their order."""
    total = hashlib.sha256()
    for picture, label in zip(sha256, labels, strict=True):
        total.update(f"{picture}\t{label}\n".encode())
    return total.hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    found = {name: _version(name) for name in PACKAGES}
    here = {name: value for name, value in found.items() if value is not None}
    return {"python": platform.python_version(), **here}


@cache
def _version(package: str) -> str | None:
    """Read once: a package's description is parsed whole for it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def machine() -> dict[str, Any]:
    """What computed it."""
    return {
        "system": platform.system(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
    }
