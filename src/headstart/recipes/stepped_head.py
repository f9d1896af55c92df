"""The linear head trained by epochs: the walk towards the solution that `LinearHead` computes.

It stands among the recipes since it uses their epoch loop, which layers below may not import.
Importing this module loads torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import check_random_state
from torch import nn

from headstart.arrays import BoolArray, FloatArray
from headstart.heads.blas_threads import SMALL
from headstart.heads.fitted_heads import FittedLinear
from headstart.heads.head import ClassWeight, Head, TrainingRows
from headstart.heads.inner_folds import inner_folds
from headstart.heads.standardisation import column_scale, standardised
from headstart.options import DEFAULT_SEED, LoopOptions
from headstart.progress import QUIET, Progress
from headstart.recipes.batches import TensorBatches
from headstart.recipes.epoch_loop import EpochLoop
from headstart.recipes.training_history import EpochRecord, History
from headstart.thread_counts import one_torch_thread
from headstart.torch_random import OwnRandomNumbers

DEFAULT_LOOP = LoopOptions(epochs=50)


class SteppedHead(Head):
    """Multinomial logistic regression by gradient steps, epoch by epoch.

    With `weight_decay` w the loss is `mean cross-entropy + w / 2 * |W|^2` (for adam and sgd): that
    of `LinearHead` with `C = 1 / (w n)` for n rows to learn from (for two classes `C = 2 / (w n)`,
    as its one weight vector stands for the difference of two). Run long enough it comes to the
    same solution, from above. What it leaves behind is a linear head's.

    Args:
        loop: options of the epoch loop; default: 50 epochs of Adam. `augment` does not matter
            here.
        standardise: bring each feature to mean 0 and deviation 1 first.
        validation_fraction: share of the rows of `fit` that choose the epoch and are not learnt
            from; 0 for none. Every class keeps rows to learn from.
        class_weight: None, "balanced" for the same total weight of every class, or a dict of
            classes to weights.
        random_state: seed of the first weights, the order and the validation rows.
        on_epoch: called with each epoch's record.

    Attributes:
        classes_: classes in sorted order, (k,).
        C_: `LinearHead`'s C for the same loss; infinite without weight decay.
        fitted_: the weights; without standardising its mean is 0 and its scale 1.
        history_: the record of each epoch.
        n_features_in_: d.
    """

    fitted_: FittedLinear
    side_by_side: ClassVar[bool] = False  # torch has one random state for all threads

    def __init__(
        self,
        loop: LoopOptions | None = None,
        *,
        standardise: bool = True,
        validation_fraction: float = 0.1,
        class_weight: ClassWeight = None,
        random_state: Any = DEFAULT_SEED,
        on_epoch: Callable[[EpochRecord], None] | None = None,
    ) -> None:
        self.loop = loop
        self.standardise = standardise
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.random_state = random_state
        self.on_epoch = on_epoch

    @classmethod
    def from_options(
        cls,
        loop: LoopOptions,
        *,
        class_weight: Literal["none", "balanced"],
        seed: int,
        on_epoch: Callable[[EpochRecord], None] | None = None,
    ) -> Self:
        """The unfitted head that the options ask for."""
        weight: ClassWeight = "balanced" if class_weight == "balanced" else None
        return cls(loop, class_weight=weight, random_state=seed, on_epoch=on_epoch)

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        groups: npt.ArrayLike | None = None,
        progress: Progress = QUIET,  # noqa: ARG002 - each epoch is told to `on_epoch`
    ) -> Self:
        """Learn from features (n, d) and labels (n,); equal `groups` (n,) stay on one side.

        Raises:
            ValueError: one class only, a value that is not finite, lengths that differ.
            UsageError: the loop has no number of epochs.
            NonFiniteError: the loss grew without bounds.
        """
        rows = self.training_rows(X, y, groups)
        check = self._validation_rows(rows)
        d = rows.X.shape[1]
        mean, scale = np.zeros(d), np.ones(d)
        if self.standardise:
            mean, scale = column_scale(rows.X[~check])
        self._train(rows, check, mean, scale)
        return self

    def _validation_rows(self, rows: TrainingRows) -> BoolArray:
        """True for the rows that choose the epoch, (n,)."""
        if not 0 <= self.validation_fraction <= 0.5:
            value = self.validation_fraction
            raise ValueError(f"validation_fraction is {value}; it must be from 0 to 0.5")
        if self.validation_fraction == 0:
            return np.zeros(len(rows.codes), dtype=np.bool_)
        count = round(1 / self.validation_fraction)
        random = np.random.RandomState(self._seed())
        return np.asarray(inner_folds(rows.codes, rows.groups, random, count) == 0)

    def _seed(self) -> int:
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31))

    def _train(
        self, rows: TrainingRows, check: BoolArray, mean: FloatArray, scale: FloatArray
    ) -> None:
        options, seed = self.loop or DEFAULT_LOOP, self._seed()
        k, (n, d) = len(rows.classes), rows.X[~check].shape
        Z = standardised(rows.X, mean, scale, np.float32)

        def batches(part: BoolArray, order: int | None) -> TensorBatches:
            inputs, targets = torch.from_numpy(Z[part]), torch.from_numpy(rows.codes[part])
            return TensorBatches(inputs, targets, options.batch_size, seed=order)

        loop = EpochLoop(
            options=options,
            seed=seed,
            class_weights=None
            if self.class_weight is None
            else rows.class_weights.astype(np.float32),
            on_epoch=self.on_epoch,
        )
        # A step on a batch of features takes some hundred microseconds. Threads wait for each other
        # longer than that when the processor has other work.
        with one_torch_thread() if options.batch_size * d <= SMALL else nullcontext():
            module = first_layer(d, k, seed)
            validation = batches(check, None) if check.any() else None
            self.history_: History = loop.run(module, batches(~check, seed), validation)
        decay = (options.weight_decay or 0.0) * n / (2 if k == 2 else 1)
        self.C_ = 1 / decay if decay else math.inf
        self.fitted_ = FittedLinear(
            classes=rows.classes,
            asked=self.asked(),
            coef=module.weight.detach().double().numpy(),
            intercept=module.bias.detach().double().numpy(),
            mean=mean,
            scale=scale,
            C=self.C_,
            n_iter=self.history_.kept_epoch * math.ceil(n / options.batch_size),
        )


def first_layer(features: int, classes: int, seed: int) -> nn.Linear:
    """The linear layer before its first step, with torch's usual weights drawn from the seed."""
    with OwnRandomNumbers(seed):
        return torch.nn.Linear(features, classes)
