"""Weights in a file: safetensors, or a torch file that holds nothing but tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.weights.tensor_file import torch_tensors
from headstart.errors import WeightsError
from headstart.images.formats import SNIFFED_BYTES, looks_like

# torchvision describes its VGG16_Weights.IMAGENET1K_FEATURES (the original authors' network) by
# these inputs, which differ from those of its other VGG weights. The weights are known by their
# first layer, rounded to half precision.
VGG16_ORIGINAL_FIRST_LAYER = "b45cfdd6d2b58b62e381cb9a7e951577"
VGG16_ORIGINAL_MEAN = (0.48235, 0.45882, 0.40784)
VGG16_ORIGINAL_STD = (1 / 255, 1 / 255, 1 / 255)


def check_file(path: Path) -> None:
    """Raise WeightsError where there is no file."""
    if path.is_dir():
        raise WeightsError(f"weights file {path} is a folder; name the file in it")
    if not path.is_file():
        raise WeightsError(f"weights file {path} is not there")


def load_state(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name. Raises WeightsError for anything that is not plain tensors.

    Torch files are read with `weights_only`, so that no code in them can run.
    """
    check_file(path)
    try:
        if path.suffix == ".safetensors":
            return torch_tensors(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # each format's reader has errors of its own, torch's with unsafe advice
        raise WeightsError(
            f"weights file {path} cannot be read safely: {_what_is_wrong(path)}"
        ) from None
    return _tensors(content, path)


def _what_is_wrong(path: Path) -> str:
    """In our own words: torch's advise to switch the protection off."""
    with path.open("rb") as stream:
        head = stream.read(SNIFFED_BYTES)
    if path.suffix == ".safetensors":
        return "it is damaged, or no safetensors file"
    if head.startswith(b"PK") or "pickle" in looks_like(head):
        return "it holds more than plain tensors, and may run code; nothing in it was run"
    return f"no file with tensors; it looks like {looks_like(head)}"


def _tensors(content: Any, path: Path) -> dict[str, torch.Tensor]:
    """The state dict itself, also inside a checkpoint that names it."""
    if isinstance(content, Mapping):
        for key in ("state_dict", "model", "model_state_dict", "state_dict_ema"):
            if isinstance(content.get(key), Mapping):
                content = content[key]
                break
        tensors = {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor)}
        if tensors:
            return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    raise WeightsError(f"weights file {path} holds no tensors by name")


def adapt(
    preprocessing: Preprocessing, state: Mapping[str, torch.Tensor]
) -> tuple[Preprocessing, tuple[str, ...]]:
    """The preprocessing that these weights want, with a note when it is not timm's."""
    first = state.get("features.0.weight")
    if first is None or _half_digest(first) != VGG16_ORIGINAL_FIRST_LAYER:
        return preprocessing, ()
    values = {
        **preprocessing.to_json(),
        "mean": VGG16_ORIGINAL_MEAN,
        "std": VGG16_ORIGINAL_STD,
    }
    note = "these are VGG16's original weights: input with their own mean, standard deviation 1/255"
    return Preprocessing.from_json(values), (note,)


def _half_digest(tensor: torch.Tensor) -> str:
    return hashlib.sha256(tensor.detach().half().contiguous().numpy().tobytes()).hexdigest()[:32]
