"""Where a training stands between two epochs, as an object that can be put away and taken up again.

Importing this module loads torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from headstart.recipes.training_history import EpochRecord

Tensors = dict[str, Tensor]


class TrainingState:
    """Weights, optimizer, average of the weights, records, and the best epoch so far.

    Args:
        module: what is trained, in place.
        optimizer: over its parameters that require a gradient.
        average: the most that the average of the weights keeps of itself at a step; 0 for none.

    Attributes:
        steps: gradient steps so far.
        records: one for each epoch so far.
        kept: copies of all that training changes, as they were after the epoch `kept_epoch`.
        least: that epoch's validation loss.
    """

    def __init__(self, module: nn.Module, optimizer: Optimizer, average: float = 0.0) -> None:
        self.module = module
        self.optimizer = optimizer
        self.steps = 0
        self.records: list[EpochRecord] = []
        self.kept = snapshot(module)
        self.kept_epoch = 0
        self.least = math.inf
        self._most = average
        self._trained = {n: p for n, p in module.named_parameters() if p.requires_grad}
        self._average = {n: p.detach().clone() for n, p in self._trained.items()} if average else {}

    def after_step(self) -> None:
        """Count a step, and let the average of the weights follow.

        In the first steps it keeps less of itself, so that the start is soon forgotten.
        """
        self.steps += 1
        if not self._average:
            return
        keep = min(self._most, (1 + self.steps) / (10 + self.steps))
        weights = [parameter.detach() for parameter in self._trained.values()]
        torch._foreach_lerp_(list(self._average.values()), weights, 1 - keep)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the module has the average of the weights, where one is kept."""
        if not self._average:
            yield
            return
        now = {name: parameter.detach().clone() for name, parameter in self._trained.items()}
        restore(self.module, self._average)
        try:
            yield
        finally:
            restore(self.module, now)

    def take(self, record: EpochRecord, *, by_loss: bool) -> None:
        """An epoch is over; its weights, as they are in the module now, are kept if they are best.

        Without `by_loss` the last epoch's are.
        """
        loss = record.validation_loss
        if not by_loss or (loss is not None and loss < self.least):
            self.kept, self.kept_epoch = snapshot(self.module), record.epoch
            self.least = math.inf if loss is None else loss
        self.records.append(record)

    def tensors(self) -> Tensors:
        """All tensors of the state, by names that say what they are."""
        found = {f"now.{name}": tensor for name, tensor in snapshot(self.module).items()}
        found |= {f"kept.{name}": tensor for name, tensor in self.kept.items()}
        found |= {f"average.{name}": tensor for name, tensor in self._average.items()}
        for name, parameter in self._trained.items():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                found[f"optimizer.{key}.{name}"] = value
        return found

    def facts(self) -> dict[str, Any]:
        """The rest of the state as plain JSON values."""
        return {
            "steps": self.steps,
            "kept_epoch": self.kept_epoch,
            "least": None if math.isinf(self.least) else self.least,
            "records": [asdict(record) for record in self.records],
        }

    def take_up(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Go on where another training of the same module stood. Raises LookupError for others."""
        restore(self.module, {n: tensors[f"now.{n}"] for n in snapshot(self.module)})
        for name, value in self.kept.items():
            value.copy_(tensors[f"kept.{name}"])
        for name, value in self._average.items():
            value.copy_(tensors[f"average.{name}"])
        for name, parameter in self._trained.items():
            known = {
                key.split(".")[1]: value
                for key, value in tensors.items()
                if key.startswith("optimizer.") and key.split(".", 2)[2] == name
            }
            # In the parameter's own layout, which the optimizer's kernels take for granted.
            self.optimizer.state[parameter] = {
                key: torch.empty_like(parameter).copy_(value) if value.ndim else value.clone()
                for key, value in known.items()
            }
        self.steps, self.kept_epoch = int(facts["steps"]), int(facts["kept_epoch"])
        self.least = math.inf if facts["least"] is None else float(facts["least"])
        self.records = [EpochRecord(**record) for record in facts["records"]]


def snapshot(module: nn.Module) -> Tensors:
    """Copies of all that training can change: trainable parameters and buffers."""
    trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    changing: list[tuple[str, Tensor]] = [*trained, *module.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in changing}


def restore(module: nn.Module, kept: Mapping[str, Tensor]) -> None:
    """Put a snapshot's values back."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    with torch.no_grad():
        for name, value in kept.items():
            tensors[name].copy_(value)
