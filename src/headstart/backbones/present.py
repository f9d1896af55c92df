"""Which trunks' weights are on this machine, found without torch or a network."""

from __future__ import annotations

import os
from pathlib import Path

from headstart.backbones import from_wheel
from headstart.backbones.catalogue import KNOWN, KnownBackbone


def where_from(entry: KnownBackbone) -> tuple[bool, str]:
    """Whether the weights are here, and in words where they come from or how to get them."""
    if entry.package:
        if from_wheel.locate(entry) is not None:
            return True, "package"
        return False, from_wheel.how_to_install(entry)
    if _hub_folder(entry.name).is_dir():
        return True, "download"
    return False, "download"


def _hub_folder(name: str) -> Path:
    """Where the model hub's client keeps a timm model of that name, whatever its tag."""
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    hub = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    if "." in name:
        return hub / f"models--timm--{name}"
    found = sorted(hub.glob(f"models--timm--{name}.*"))
    return found[0] if found else hub / f"models--timm--{name}"


def whats_here() -> str:
    """A line that names the trunks whose weights are on this machine."""
    here = [entry.name for entry in KNOWN if where_from(entry)[0]]
    return f"Trunks whose weights are here: {', '.join(here) or 'none'}."
