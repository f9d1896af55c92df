"""headstart: a picture classifier with a head start.

A frozen pretrained backbone, a head that is solved exactly, and figures that say what they are
worth. The public names are loaded when they are first used, so that importing is quick and quiet.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headstart.classifier import ImageClassifier, ImageEmbedder, load
    from headstart.data.group_pattern import name_groups
    from headstart.errors import HeadstartError

__all__ = ["HeadstartError", "ImageClassifier", "ImageEmbedder", "load", "name_groups"]

_HOMES = {
    "HeadstartError": "headstart.errors",
    "ImageClassifier": "headstart.classifier",
    "ImageEmbedder": "headstart.classifier",
    "load": "headstart.classifier",
    "name_groups": "headstart.data.group_pattern",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("headstart")
    if name not in _HOMES:
        raise AttributeError(f"module 'headstart' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
