"""The epoch loop: gradient steps over batches, a record an epoch, the kept epoch's weights.

Importing this module loads torch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from headstart.arrays import Float32Array
from headstart.errors import DataError, UsageError
from headstart.options import LoopOptions
from headstart.recipes.batches import Batches
from headstart.recipes.training_history import EpochRecord, History

if TYPE_CHECKING:
    from torch.optim import Optimizer


MOMENTUM = 0.9  # of SGD
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
    """

    options: LoopOptions
    seed: int
    class_weights: Float32Array | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    device: str = "cpu"
    on_epoch: Callable[[EpochRecord], None] | None = None

    def run(
        self, module: nn.Module, training: Batches, validation: Batches | None = None
    ) -> History:
        """Train the parameters that require a gradient; the module maps (b, ...) to logits (b, k).

        The module ends on the processor in eval mode, with the weights of the epoch with the least
        validation loss for `keep="best"` (the first of equals), else of the last epoch; so too
        without validation rows. When an error or a key stops the run, it has the weights kept so
        far: those of the start when no epoch was completed.

        Raises UsageError without a number of epochs, and NonFiniteError with epoch and step.
        """
        epochs = self.options.epochs
        if epochs is None:
            raise UsageError("--epochs is None; training by epochs needs their number")
        by_loss = self.options.keep != "last" and validation is not None
        steps = _Steps(self, module.to(self.device))
        records: list[EpochRecord] = []
        kept, kept_epoch, least = _snapshot(module), 0, math.inf
        try:
            with _seeded(self.seed, steps.device) if _draws(module) else nullcontext():
                for number in range(1, epochs + 1):
                    record = steps.epoch(number, training, validation)
                    loss = record.validation_loss
                    if not by_loss or (loss is not None and loss < least):
                        kept, kept_epoch = _snapshot(module), number
                        least = math.inf if loss is None else loss
                    records.append(record)
                    if self.on_epoch is not None:
                        self.on_epoch(record)
        finally:
            _restore(module, kept)
            module.eval().to("cpu")
        return History(tuple(records), kept_epoch)


class _Steps:
    """Module, optimizer and loss of one run."""

    def __init__(self, loop: EpochLoop, module: nn.Module) -> None:
        self.module = module
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        if not self.parameters:
            raise ValueError("no parameter of the module requires a gradient: nothing to train")
        self.device = self.parameters[0].device
        self.optimizer = make_optimizer(self.parameters, loop.options)
        self.smoothing = loop.options.label_smoothing
        self.bf16 = loop.precision == "bf16"
        self.weights: Tensor | None = None
        if loop.class_weights is not None:
            self.weights = torch.tensor(loop.class_weights, dtype=torch.float32).to(self.device)

    def epoch(self, number: int, training: Batches, validation: Batches | None) -> EpochRecord:
        start = time.perf_counter()
        train_mode(self.module)
        sums = _Sums()
        for step, (inputs, targets) in enumerate(training.epoch(number), start=1):
            loss = self.loss(inputs, targets, sums, self.smoothing)
            self.check_finite(sums.last, f"the training loss at epoch {number}, step {step},")
            self.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            self.optimizer.step()
        for parameter in self.parameters:
            total = float(parameter.detach().sum())
            self.check_finite(total, f"the weights' sum at epoch {number}")
        checked = _Sums()
        if validation is not None:
            self.module.eval()
            with torch.no_grad():
                for inputs, targets in validation.epoch(number):
                    self.loss(inputs, targets, checked, 0.0)
            self.check_finite(checked.loss or 0.0, f"the validation loss at epoch {number}")
        seconds = time.perf_counter() - start
        return EpochRecord(
            epoch=number,
            training_loss=sums.loss or 0.0,
            training_accuracy=sums.accuracy or 0.0,
            validation_loss=checked.loss,
            validation_accuracy=checked.accuracy,
            seconds=seconds,
        )

    def loss(self, inputs: Tensor, targets: Tensor, sums: _Sums, smoothing: float) -> Tensor:
        """Mean cross-entropy of a batch in fp32, added to `sums`."""
        targets = targets.to(self.device)
        inputs = inputs.to(self.device)
        if self.bf16:
            with torch.autocast(self.device.type, torch.bfloat16):
                logits = self.module(inputs).float()
        else:
            logits = self.module(inputs)
        loss = cross_entropy(logits, targets, self.weights, label_smoothing=smoothing)
        weight = len(targets) if self.weights is None else float(self.weights[targets].sum())
        right = int((logits.detach().argmax(dim=1) == targets).sum())
        sums.add(loss.item(), weight, right, len(targets))
        return loss

    def check_finite(self, value: float, what: str) -> None:
        if not math.isfinite(value):
            advice = ", or --precision fp32" if self.bf16 else ""
            raise NonFiniteError(f"{what} is {value}: try a smaller --learning-rate{advice}")


@dataclass
class _Sums:
    """Sums of an epoch as Python numbers: a count in bf16 would stop at 256."""

    last: float = 0.0
    losses: float = 0.0
    weight: float = 0.0
    right: int = 0
    rows: int = 0

    def add(self, loss: float, weight: float, right: int, rows: int) -> None:
        self.last = loss
        self.losses += loss * weight
        self.weight += weight
        self.right += right
        self.rows += rows

    @property
    def loss(self) -> float | None:
        return self.losses / self.weight if self.weight else None

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
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Torch's random numbers from the seed inside, and as they were afterwards.

    Meanwhile the generator of the whole process is ours, so this is for modules that draw only.
    """
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _snapshot(module: nn.Module) -> dict[str, Tensor]:
    """Copies of all that training can change: trainable parameters and buffers."""
    trained = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    changing: list[tuple[str, Tensor]] = [*trained, *module.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in changing}


def _restore(module: nn.Module, kept: dict[str, Tensor]) -> None:
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    with torch.no_grad():
        for name, value in kept.items():
            tensors[name].copy_(value)
