"""What was run: enough to run it again and to see what differs."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("headstart", "torch", "torchvision", "timm", "scikit-learn", "numpy", "scipy", "pillow")


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
        machine: system, processor and number of cores.
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


def data_digest(sha256: Sequence[str], labels: Sequence[str]) -> str:
    """One digest for pictures and labels, in their order."""
    total = hashlib.sha256()
    for picture, label in zip(sha256, labels, strict=True):
        total.update(f"{picture}\t{label}\n".encode())
    return total.hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """What computed it."""
    return {
        "system": platform.system(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
    }


def now() -> str:
    """The time in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
