"""The learning rate of fine-tuning: of each layer, and of each step. Importing it loads torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from headstart.recipes.stages import layers_of, undecayed


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How fine-tuning steps; without it the loop has one constant rate and nothing else.

    Attributes:
        warm_up: share of all steps in which the rate grows from 0; then it falls along a cosine
            to 0 (Loshchilov and Hutter, SGDR, ICLR 2017).
        clip: the largest norm of all gradients together.
        average: the most that the average of the weights keeps of itself at a step.
        patience: epochs without a smaller validation loss after which it stops early.
        keeps_statistics: batch norms keep their statistics.
    """

    warm_up: float = 0.1
    clip: float = 1.0
    average: float = 0.99
    patience: int = 10
    keeps_statistics: bool = True

    def factor(self, step: int, steps: int) -> float:
        """The share of the full rate at step `step` of `steps`, counted from 0."""
        rising = max(1, round(self.warm_up * steps))
        if step < rising:
            return (step + 1) / rising
        part = (step - rising) / max(1, steps - rising)
        return 0.5 * (1 + math.cos(math.pi * part))


def layered_groups(
    backbone: nn.Module, last: nn.Module, *, rate: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """The optimizer's groups of what is trained: `last` at the full rate, each layer below it at
    `layer_decay` times that of the layer above; no weight decay on norms and biases.

    Clark et al., ELECTRA (ICLR 2020), section 3.1, of layers as timm groups them.
    """
    named = dict(backbone.named_parameters())
    spared = undecayed(backbone)
    layers = [[(name, named[name]) for name in layer] for layer in layers_of(backbone)]
    layers.append([("", parameter) for parameter in last.parameters()])
    groups = []
    for depth, layer in enumerate(reversed(layers)):
        trained = [(name, p) for name, p in layer if p.requires_grad]
        decayed = [p for name, p in trained if p.ndim > 1 and name not in spared]
        rest = [p for name, p in trained if p.ndim <= 1 or name in spared]
        groups += _groups(decayed, rest, rate * layer_decay**depth, weight_decay)
    return groups


def _groups(
    decayed: Sequence[nn.Parameter], rest: Sequence[nn.Parameter], rate: float, decay: float
) -> list[dict[str, Any]]:
    pairs = ((decayed, decay), (rest, 0.0))
    return [
        {"params": list(parameters), "weight_decay": value, "lr": rate, "full_rate": rate}
        for parameters, value in pairs
        if parameters
    ]
