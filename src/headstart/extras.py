"""Which packages come with which extra, what is said without one, and a load that is spared."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headstart.errors import MissingExtraError

# Names that are imported, of the packages in the extra "train".
TRAINING = frozenset((
    "torch", "torchvision", "timm", "sklearn", "scipy", "safetensors", "matplotlib", "jinja2",
    "markupsafe", "huggingface_hub", "cleanlab", "threadpoolctl",
))  # fmt: skip


def explained(error: ModuleNotFoundError) -> MissingExtraError | None:
    """The error with the pip command, for a package of the extra "train"; None for another."""
    name = (error.name or "").partition(".")[0]
    if name not in TRAINING:
        return None
    return MissingExtraError(
        f"this needs {name}, which is not installed: only models that were exported (model.onnx) "
        f'are answered without the packages that train. Get them: pip install "headstart[train]"'
    )


@contextmanager
def without(package: str) -> Iterator[None]:
    """Inside, a package that is not loaded counts as not installed.

    For imports of another one that would load it for nothing. Not for use beside other threads.
    """
    modules: dict[str, Any] = sys.modules
    if package in modules:
        yield
        return
    modules[package] = None  # Python's own mark for a module that cannot be had
    try:
        yield
    finally:
        del modules[package]
