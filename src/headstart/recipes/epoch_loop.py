"""The epoch loop: gradient steps over batches, a record an epoch, the kept epoch's weights.

Importing this module loads torch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import clip_grad_norm_

from headstart.arrays import Float32Array
from headstart.errors import DataError, UsageError
from headstart.options import LoopOptions
from headstart.recipes.batches import Batches
from headstart.recipes.processes import ALONE, Processes
from headstart.recipes.rates import Schedule
from headstart.recipes.training_history import EpochRecord, History
from headstart.recipes.training_state import TrainingState, restore

if TYPE_CHECKING:
    from torch.optim import Optimizer


MOMENTUM = 0.9  # of SGD
TEMPERATURES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)  # of which the best judges an epoch
HEAD_RATE = 1e-3
NETWORK_RATE = 1e-4


def step_size(options: LoopOptions) -> float:
    """The learning rate; a recipe that trains a network sets its own where none is given."""
    return HEAD_RATE if options.learning_rate is None else options.learning_rate


def make_optimizer(parameters: list[nn.Parameter], options: LoopOptions) -> Optimizer:
    """The optimizer; weight decay falls on matrices and kernels, not on biases and norms.

    Adam and SGD add the decay to the gradient, so that the loss has the term `decay / 2 * |W|^2`;
    AdamW (Loshchilov and Hutter 2019) shrinks the weights beside the step. SGD has momentum 0.9.
    """
    groups = [
        {
            "params": [p for p in parameters if p.ndim > 1],
            "weight_decay": options.weight_decay or 0.0,
        },
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


class NonFiniteError(DataError):
    """The loss or a weight is no longer a number."""


@dataclass(frozen=True, kw_only=True)
class EpochLoop:
    """Gradient steps over batches, epoch by epoch; `run` trains a module in place.

    Attributes:
        options: epochs, learning rate, optimizer, weight decay, label smoothing, `keep`.
        seed: of what is random in the module, such as dropout; the batches have their own.
        class_weights: weight of each class in the loss, (k,); None for equal weights.
        precision: fp32, or bf16 for autocast; weights, losses and counts are fp32 in both.
        device: where it computes, as torch names it; the module is moved there and back.
        on_epoch: called with each epoch's record.
        on_batch: called with the number of pictures of each step.
        schedule: how fine-tuning steps; None for a constant rate.
        groups: the optimizer's groups, for AdamW; None for those of the options.
        on_state: called with the state after each epoch.
        taken_up: called with the state before the first epoch, to put an earlier one in.
        processes: which of several processes this is; each has its part of every batch.
    """

    options: LoopOptions
    seed: int
    class_weights: Float32Array | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    device: str = "cpu"
    on_epoch: Callable[[EpochRecord], None] | None = None
    on_batch: Callable[[int], None] | None = None
    schedule: Schedule | None = None
    groups: list[dict[str, Any]] | None = None
    on_state: Callable[[TrainingState], None] | None = None
    taken_up: Callable[[TrainingState], None] | None = None
    processes: Processes = ALONE

    def run(
        self, module: nn.Module, training: Batches, validation: Batches | None = None
    ) -> History:
        """Train the parameters that require a gradient; the module maps (b, ...) to logits (b, k).

        The module ends on the processor in eval mode, with the weights of the epoch with the least
        validation loss for `keep="best"` (the first of equals), else of the last epoch; so too
        without validation rows. With a schedule the start counts as epoch 0: it is kept where no
        epoch has a smaller validation loss. When an error or a key stops the run, it has the
        weights kept so far: those of the start when no epoch was completed.

        Raises UsageError without a number of epochs, and NonFiniteError with epoch and step.
        """
        epochs = self.options.epochs
        if epochs is None:
            raise UsageError("--epochs is None; training by epochs needs their number")
        by_loss = self.options.keep != "last" and validation is not None
        steps = _Steps(
            self, module.to(self.device), math.ceil(training.rows / self.options.batch_size)
        )
        state = steps.state
        if self.taken_up is not None:
            self.taken_up(state)
        draws = _draws(module)
        try:
            if self.schedule is not None and by_loss and not state.records:
                state.least = steps.validated(0, validation).loss or math.inf
            while len(state.records) < epochs and not self._is_over(state, by_loss):
                number = len(state.records) + 1
                with _seeded(self.seed, number, steps.device) if draws else nullcontext():
                    steps.epoch(number, training, validation, by_loss=by_loss)
                if self.on_epoch is not None:
                    self.on_epoch(state.records[-1])
                if self.on_state is not None:
                    self.on_state(state)
        finally:
            restore(module, state.kept)
            module.eval().to("cpu")
        return History(tuple(state.records), state.kept_epoch)

    def _is_over(self, state: TrainingState, by_loss: bool) -> bool:
        """Whether so many epochs have brought nothing that it stops early."""
        if self.schedule is None or not by_loss:
            return False
        return len(state.records) - state.kept_epoch >= self.schedule.patience


class _Steps:
    """Module, optimizer and loss of one run."""

    def __init__(self, loop: EpochLoop, module: nn.Module, steps_an_epoch: int) -> None:
        self.module = module
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        if not self.parameters:
            raise ValueError("no parameter of the module requires a gradient: nothing to train")
        self.device = self.parameters[0].device
        if loop.groups is None:
            self.optimizer = make_optimizer(self.parameters, loop.options)
        else:
            fused = self.device.type in ("cpu", "cuda")
            self.optimizer = torch.optim.AdamW(loop.groups, fused=fused)
        average = loop.schedule.average if loop.schedule is not None else 0.0
        self.state = TrainingState(module, self.optimizer, average)
        self.loop = loop
        self.all_steps = steps_an_epoch * (loop.options.epochs or 0)
        self.bf16 = loop.precision == "bf16"
        self.weights: Tensor | None = None
        if loop.class_weights is not None:
            self.weights = torch.tensor(loop.class_weights, dtype=torch.float32).to(self.device)

    def epoch(
        self, number: int, training: Batches, validation: Batches | None, *, by_loss: bool
    ) -> None:
        """Train for an epoch, validate, and enter both into the state."""
        start = time.perf_counter()
        train_mode(self.module)
        if self.loop.schedule is not None and self.loop.schedule.keeps_statistics:
            for layer in self.module.modules():
                if isinstance(layer, _BatchNorm):
                    layer.eval()
        sums, rate = _Sums(self.device), None
        for step, (inputs, targets) in enumerate(training.epoch(number), start=1):
            rate = self.set_rates()
            self.step(inputs, targets, sums, f"the training loss at epoch {number}, step {step},")
            self.state.after_step()
            if self.loop.on_batch is not None:
                self.loop.on_batch(len(targets) * self.loop.processes.count)
        trained = sums.read(self.loop.processes)
        self.check_finite(trained.total, f"the training loss at epoch {number}")
        for parameter in self.parameters:
            total = float(parameter.detach().sum())
            self.check_finite(total, f"the weights' sum at epoch {number}")
        with self.state.averaged():
            checked = self.validated(number, validation)
            record = EpochRecord(
                epoch=number,
                training_loss=trained.loss or 0.0,
                training_accuracy=trained.accuracy or 0.0,
                validation_loss=checked.loss,
                validation_accuracy=checked.accuracy,
                seconds=time.perf_counter() - start,
                learning_rate=rate,
            )
            self.state.take(record, by_loss=by_loss)

    def set_rates(self) -> float | None:
        """The rates of the next step; returns the largest, or None where they are constant."""
        schedule = self.loop.schedule
        if schedule is None:
            return None
        factor = schedule.factor(self.state.steps, self.all_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["full_rate"] * factor
        return max(float(group["lr"]) for group in self.optimizer.param_groups)

    def step(self, inputs: Tensor, targets: Tensor, sums: _Sums, what: str) -> None:
        """One gradient step on a batch, or on this process's part of it."""
        processes = self.loop.processes
        logits, targets = self.logits(inputs), targets.to(self.device)
        loss, weight = self.loss(logits, targets, sums, self.loop.options.label_smoothing)
        if self.device.type == "cpu":  # elsewhere it would wait for the device
            self.check_finite(loss.item(), what)
        self.optimizer.zero_grad(set_to_none=True)
        if processes.count == 1:
            torch.autograd.backward(loss)
        else:
            torch.autograd.backward(loss * weight)
            for parameter in self.parameters:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
            grads = [p.grad for p in self.parameters if p.grad is not None]
            whole = torch.as_tensor(weight, dtype=torch.float32, device=self.device).clone()
            processes.add([*grads, whole])
            torch._foreach_div_(grads, whole)
        if self.loop.schedule is not None:
            clip_grad_norm_(self.parameters, self.loop.schedule.clip)
        self.optimizer.step()

    def validated(self, number: int, validation: Batches | None) -> _Read:
        """Loss and accuracy on the validation rows; without them there are none.

        With a schedule, the loss is that of the best of some temperatures, since one is fitted
        afterwards: answers that are right more often are not passed over for being too sure.
        """
        sums = _Sums(self.device)
        powers = [] if self.loop.schedule is None else [1 / t for t in TEMPERATURES]
        losses = torch.zeros(len(powers), dtype=torch.float64)
        processes = self.loop.processes if validation is not None else ALONE
        if validation is not None:
            self.module.eval()
            with torch.no_grad():
                for inputs, targets in validation.epoch(number):
                    logits, goals = self.logits(inputs), targets.to(self.device)
                    _, weight = self.loss(logits, goals, sums, 0.0)
                    found = [cross_entropy(logits * power, goals, self.weights) for power in powers]
                    if found and len(targets):
                        losses += float(weight) * torch.stack(found).double().cpu()
        read = sums.read(processes)
        if powers and read.weight:
            processes.add([losses])
            read = replace(read, total=float(losses.min()))
        self.check_finite(read.loss or 0.0, f"the validation loss at epoch {number}")
        return read

    def logits(self, inputs: Tensor) -> Tensor:
        """The module's answers (b, k) in fp32, on the device."""
        inputs = inputs.to(self.device)
        made: Tensor
        if not self.bf16:
            made = self.module(inputs)
            return made
        with torch.autocast(self.device.type, torch.bfloat16):
            made = self.module(inputs)
        return made.float()

    def loss(
        self, logits: Tensor, targets: Tensor, sums: _Sums, smoothing: float
    ) -> tuple[Tensor, Tensor | float]:
        """Mean cross-entropy of a batch's logits and its weight, added to `sums`.

        Targets are classes (b,) or shares of them (b, k). An empty batch has the loss 0.
        """
        loss = cross_entropy(logits, targets, self.weights, label_smoothing=smoothing)
        if not len(targets):
            loss = logits.sum()
        goals = targets if targets.ndim == 1 else targets.argmax(dim=1)
        weight: Tensor | float = float(len(targets))
        if self.weights is not None and targets.ndim == 1:
            weight = self.weights[targets].sum()
        right = (logits.detach().argmax(dim=1) == goals).sum()
        sums.add(loss.detach(), weight, right, len(targets))
        return loss, weight

    def check_finite(self, value: float, what: str) -> None:
        if not math.isfinite(value):
            advice = ", or --precision fp32" if self.bf16 else ""
            raise NonFiniteError(f"{what} is {value}: try a smaller --learning-rate{advice}")


class _Sums:
    """Sums of an epoch: Python's numbers on a processor, elsewhere on the device, whose steps
    nothing waits for. A count in bf16 would stop at 256.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.sums: list[Any] = [0.0, 0.0, 0, 0]  # loss, weight, right answers, rows

    def add(self, loss: Tensor, weight: Tensor | float, right: Tensor, rows: int) -> None:
        values: tuple[Any, ...] = (loss, weight, right)
        if self.device.type == "cpu":
            values = tuple(v.item() if isinstance(v, Tensor) else v for v in values)
        terms = (values[0] * values[1], *values[1:], rows)
        self.sums = [total + term for total, term in zip(self.sums, terms, strict=True)]

    def read(self, processes: Processes) -> _Read:
        values = torch.tensor([float(value) for value in self.sums], dtype=torch.float64)
        processes.add([values])
        return _Read(*values.tolist())


@dataclass(frozen=True)
class _Read:
    """Sums of an epoch as Python numbers."""

    total: float
    weight: float
    right: float
    rows: float

    @property
    def loss(self) -> float | None:
        return self.total / self.weight if self.weight else None

    @property
    def accuracy(self) -> float | None:
        return self.right / self.rows if self.rows else None


def train_mode(module: nn.Module) -> None:
    """Training mode for what trains, eval mode for each part whose parameters are all frozen.

    A frozen part keeps its batch statistics and drops nothing. A layer without parameters, such as
    dropout, goes with the part that holds it.
    """
    parameters = list(module.parameters())
    if parameters and not any(p.requires_grad for p in parameters):
        module.eval()
        return
    module.training = True
    for child in module.children():
        train_mode(child)


def _draws(module: nn.Module) -> bool:
    """Whether a layer draws while it trains, as dropout does; the small CNN and a head do not."""
    return any("drop" in type(layer).__name__.lower() for layer in module.modules())


@contextmanager
def _seeded(seed: int, epoch: int, device: torch.device) -> Iterator[None]:
    """Torch's random numbers from the seed and the epoch inside, and as they were afterwards.

    Meanwhile the generator of the whole process is ours, so this is for modules that draw only.
    """
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(int(np.random.default_rng([seed, epoch]).integers(2**62)))
        yield
