"""Whether gradient steps are faster in bf16 here, by the clock. Importing it loads torch."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from headstart.recipes.batches import Batches

CHOSEN = "precision of a step"  # among what is measured
MARGIN = 1.2  # times as fast as fp32 it must be, so that two runs choose alike


@dataclass(frozen=True)
class StepSeconds:
    """Seconds a picture of forward and backward pass, in fp32 and in bf16."""

    fp32: float
    bf16: float

    @property
    def precision(self) -> Literal["fp32", "bf16"]:
        """What the steps are made in; the weights are fp32 in both."""
        return "bf16" if self.fp32 > MARGIN * self.bf16 else "fp32"

    @property
    def sentence(self) -> str:
        """What was measured and is done, in one line."""
        both = f"{1 / self.fp32:.0f} in fp32, {1 / self.bf16:.0f} in bf16"
        return f"pictures/s of a training step: {both}; it is done in {self.precision}"


def measure_steps(network: nn.Module, inputs: Tensor, targets: Tensor) -> StepSeconds:
    """Time a step of a copy of the network on a batch, after one that warms up, in each."""
    trial = copy.deepcopy(network).eval()
    return StepSeconds(*(_seconds(trial, inputs, targets, bf16) for bf16 in (False, True)))


def _seconds(network: nn.Module, inputs: Tensor, targets: Tensor, bf16: bool) -> float:
    began = 0.0
    for _ in range(2):
        began = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = network(inputs).float()
        torch.autograd.backward(cross_entropy(logits, targets))
    return (time.perf_counter() - began) / len(inputs)


def choose_step_precision(
    network: nn.Module,
    training: Batches,
    wanted: str,
    device: str,
    *,
    alone: bool,
    measured: dict[str, Any],
    note: Callable[[str], None],
) -> Literal["fp32", "bf16"]:
    """Of the steps: fp32 where that is wanted; on a processor bf16 only where it is faster.

    What is measured is noted in a line, and kept in `measured`. One of several processes, which
    would each measure for itself, takes fp32.
    """
    if wanted != "bf16" or device != "cpu":
        return "bf16" if wanted == "bf16" else "fp32"
    if not alone:
        return "fp32"
    if CHOSEN not in measured:
        found = measure_steps(network, *next(iter(training.epoch(1))))
        note(found.sentence)
        measured[CHOSEN] = found.precision
    return "bf16" if measured[CHOSEN] == "bf16" else "fp32"
