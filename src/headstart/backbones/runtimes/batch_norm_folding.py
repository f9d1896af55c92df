"""Batch norms folded into the convolutions before them: the same function with fewer steps.

In eval mode a batch norm is a factor and a shift for each channel, which the convolution before it
can do as well. A layer less means one way less through memory for the largest maps. The pairs are
found by running one picture; that the folded network gives the same features is checked, and the
network stays as it was where it does not. Needs torch.

A change here that may change a feature raises `batch_norm_folding` in runtimes/runtime.py.
"""

from __future__ import annotations

import copy
from collections import Counter

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

TOLERANCE = 1e-4  # of the largest feature


def fold_batch_norms(network: nn.Module, size: int, *, only_frozen: bool = False) -> nn.Module:
    """A folded copy of a network in eval mode and fp32, or a plain copy where folding fails.

    `size` is the side of its input in pixels. With `only_frozen`, pairs of which something requires
    a gradient stay as they are.
    """
    folded = copy.deepcopy(network)
    picture = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    # No inference mode here: what it makes cannot be used in every kernel afterwards.
    with torch.no_grad():
        pairs, expected = _pairs(folded, picture)
        if only_frozen:
            pairs = [pair for pair in pairs if not any(map(_trains, pair))]
        _fold(folded, pairs)
        found = folded(picture)
    limit = TOLERANCE * float(expected.abs().max())
    same = float((found - expected).abs().max()) <= limit
    return folded if same else copy.deepcopy(network)


def _trains(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def _pairs(
    network: nn.Module, picture: Tensor
) -> tuple[list[tuple[nn.Conv2d, nn.BatchNorm2d]], Tensor]:
    """Convolutions whose result goes into a batch norm, each used once; and the features."""
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}  # keeps results alive, so that ids stay theirs
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []
    calls: Counter[nn.Module] = Counter()

    def after(module: nn.Module, _: object, result: Tensor) -> None:
        calls[module] += 1
        if isinstance(module, nn.Conv2d):
            made[id(result)] = (module, result)

    def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        calls[module] += 1
        if isinstance(module, nn.BatchNorm2d) and id(inputs[0]) in made:
            pairs.append((made[id(inputs[0])][0], module))

    hooks = [m.register_forward_hook(after) for m in network.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    hooks += [norm.register_forward_pre_hook(before) for norm in norms]
    features: Tensor = network(picture)
    for hook in hooks:
        hook.remove()
    once = [(conv, norm) for conv, norm in pairs if calls[conv] == calls[norm] == 1]
    return once, features


def _fold(network: nn.Module, pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]]) -> None:
    places = {module: name for name, module in network.named_modules()}
    for conv, norm in pairs:
        if norm.running_mean is None or norm.running_var is None:
            continue
        weight, bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight,
            norm.bias,
        )  # fmt: skip
        conv.weight = nn.Parameter(weight.detach(), requires_grad=False)
        conv.bias = nn.Parameter(bias.detach(), requires_grad=False)
        parent, _, name = places[norm].rpartition(".")
        # timm's batch norms carry their activation; the others have nothing left to do.
        rest = getattr(norm, "act", None) or nn.Identity()
        setattr(network.get_submodule(parent), name, rest)
