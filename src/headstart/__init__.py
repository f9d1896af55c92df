"""headstart: a picture classifier with a head start.

A frozen pretrained backbone, a head that is solved exactly, and figures that say what they are
worth. The public names are loaded when they are first used, so that importing is quick and quiet.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headstart.classifier import ImageClassifier, ImageEmbedder
    from headstart.data.group_pattern import name_groups
    from headstart.errors import HeadstartError
    from headstart.exported_classifier import load

__all__ = ["HeadstartError", "ImageClassifier", "ImageEmbedder", "load", "name_groups"]

_HOMES = {
    "HeadstartError": "headstart.errors",
    "ImageClassifier": "headstart.classifier",
    "ImageEmbedder": "headstart.classifier",
    "load": "headstart.exported_classifier",
    "name_groups": "headstart.data.group_pattern",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("headstart")
    if name not in _HOMES:
        raise AttributeError(f"module 'headstart' has no attribute {name!r}")
    try:
        return getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        from headstart.extras import explained

        raise explained(error) or error from error


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
