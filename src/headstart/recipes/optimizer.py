"""The epoch loop's options: checked, and turned into torch's optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart import option_rules
from headstart.errors import UsageError
from headstart.options import LoopOptions

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

MOMENTUM = 0.9  # of SGD
HEAD_RATE = 1e-3
NETWORK_RATE = 1e-4


def check_options(options: LoopOptions) -> None:
    """Raise UsageError for an option out of range, with its flag, the value and what is allowed."""
    option_rules.check_options(options)
    if options.epochs is None:
        raise UsageError("--epochs is None; it must be 1 or more")


def step_size(options: LoopOptions) -> float:
    """The learning rate; a recipe that trains a network sets its own where none is given."""
    return HEAD_RATE if options.learning_rate is None else options.learning_rate


def make_optimizer(parameters: list[nn.Parameter], options: LoopOptions) -> Optimizer:
    """The optimizer; weight decay falls on matrices and kernels, not on biases and norms.

    Adam and SGD add the decay to the gradient, so that the loss has the term `decay / 2 * |W|^2`;
    AdamW (Loshchilov and Hutter 2019) shrinks the weights beside the step. SGD has momentum 0.9.
    """
    import torch

    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    # One kernel for all tensors: a step on small layers costs a third.
    fused = parameters[0].device.type in ("cpu", "cuda")
    rate = step_size(options)
    if options.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, fused=fused)
    kind = torch.optim.AdamW if options.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=rate, fused=fused)
