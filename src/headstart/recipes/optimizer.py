"""The epoch loop's options: checked, and turned into torch's optimizer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from headstart.errors import UsageError
from headstart.options import LoopOptions

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

OPTIMIZERS = ("adam", "adamw", "sgd")
MOMENTUM = 0.9  # of SGD
HEAD_RATE = 1e-3
NETWORK_RATE = 1e-4


def check_options(options: LoopOptions) -> None:
    """Raise UsageError for an option out of range, with its flag, the value and what is allowed."""
    rate = step_size(options)
    rules = (
        ("--epochs", options.epochs, "1 or more", (options.epochs or 0) >= 1),
        ("--learning-rate", rate, "above 0", 0 < rate < math.inf),
        ("--batch-size", options.batch_size, "1 or more", options.batch_size >= 1),
        ("--weight-decay", options.weight_decay, "0 or more", 0 <= options.weight_decay < math.inf),
        (
            "--label-smoothing",
            options.label_smoothing,
            "from 0 to below 1",
            0 <= options.label_smoothing < 1,
        ),
        ("--optimizer", options.optimizer, "adam, adamw or sgd", options.optimizer in OPTIMIZERS),
        ("--keep", options.keep, "best or last", options.keep in ("best", "last", None)),
    )
    for flag, value, allowed, is_right in rules:
        if not is_right:
            raise UsageError(f"{flag} is {value!r}; it must be {allowed}")


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
