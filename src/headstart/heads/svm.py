"""A linear support vector machine with Platt's probabilities.

Sources of the sigmoid: Platt 1999, Probabilistic outputs for support vector machines; targets and
Newton's method as in Lin, Lin and Weng 2007, A note on Platt's probabilistic outputs.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from headstart.arrays import BoolArray, Float32Array, FloatArray, IntArray
from headstart.heads.fitted_heads import FittedSvm
from headstart.heads.head import ClassWeight, Head
from headstart.heads.probabilities import log_sigmoid, platt_probabilities
from headstart.heads.solver.linear_fit import fit_linear
from headstart.progress import QUIET, Progress

NEWTON_STEPS = 100
RIDGE = 1e-12  # keeps the 2 x 2 Hessian positive
AT_REST = 1e-8  # slope for each unit of weight
HALVINGS = 30


class SvmHead(Head):
    """Linear support vector machine on standardised features, as used on activations of fc7.

    The L2 form (squared hinge loss), LIBLINEAR's own, solved to its optimum: it minimises
    C * sum_i w_i max(0, 1 - margin_i)^2 + 0.5 * ||w||^2, one class against the rest, the intercept
    unpenalised. A row's weight is that of its own class in all of these problems. Probabilities
    come from Platt's sigmoid on decision values of rows that a fold held out, normalised over the
    classes; the likeliest class is the answer. When no row can be held out, the sigmoid is fitted
    on the training rows themselves.

    Args:
        C: inverse of the regularization. None chooses it by folds within the given rows, by the
            log loss of the held-out rows' probabilities: see `solver/choice_of_c.py`.
        class_weight: None, "balanced" for the same total weight of every class, or a dict of
            classes to weights.
        random_state: seed of the folds.

    Attributes:
        classes_: (k,).
        C_: the C that was used.
        tried_: each C that was tried with its held-out log loss, (m, 2).
        fitted_: the weights and sigmoids, and what else a `FittedSvm` has.
        n_features_in_: d.
    """

    fitted_: FittedSvm

    def __init__(
        self, C: float | None = None, class_weight: ClassWeight = None, random_state: Any = 13
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        groups: npt.ArrayLike | None = None,
        progress: Progress = QUIET,
    ) -> Self:
        """Learn from features (n, d) and labels (n,); `groups` (n,) stay together in the folds.

        Raises:
            ValueError: one class only, a value that is not finite, lengths that differ, a bad C.
        """
        rows = self.training_rows(X, y, groups)
        found = fit_linear(
            rows, SquaredHinge, self.C, self.random_state, hold_out=True, progress=progress
        )
        judged = found.judged
        self.C_, self.tried_ = found.C, found.tried
        self.fitted_ = FittedSvm(
            classes=rows.classes,
            asked=self.asked(),
            coef=found.weights,
            intercept=found.intercepts,
            mean=found.mean,
            scale=found.scale,
            sigmoid=fit_sigmoids(judged.logits, judged.codes, judged.weights),
            C=found.C,
        )
        return self


class SquaredHinge:
    """max(0, 1 - margin)^2, one class against the rest; one output for two classes, else k."""

    def __init__(self, codes: IntArray, k: int) -> None:
        self.codes, self.classes = codes, k
        self.outputs = 1 if k == 2 else k

    @cached_property
    def sign(self) -> Float32Array:
        """1 for a row of the class and -1 for the rest, (o, n); not made for all of very many."""
        ones = np.array([[1]]) if self.outputs == 1 else np.arange(self.classes)[:, None]
        return np.where(self.codes == ones, np.float32(1), np.float32(-1))

    def __call__(self, logits: FloatArray) -> tuple[FloatArray, FloatArray]:
        missing = self.sign * logits
        np.subtract(1, missing, out=missing)
        np.maximum(missing, 0, out=missing)
        losses = np.einsum("pkn,pkn->pn", missing, missing)
        missing *= -2
        missing *= self.sign
        return losses, missing

    def curvature(self, logits: FloatArray) -> FloatArray:
        return np.asarray(2.0 * (self.sign * logits < 1).mean(axis=1))

    def take(self, chosen: IntArray | slice) -> SquaredHinge:
        return SquaredHinge(self.codes[chosen], self.classes)

    def score(self, logits: FloatArray, row_weights: FloatArray) -> float:
        """Log loss of the probabilities that Platt's sigmoid makes of them."""
        sigmoids = fit_sigmoids(logits, self.codes, row_weights)
        true = platt_probabilities(logits.T, sigmoids)[np.arange(len(self.codes)), self.codes]
        return float(np.average(-np.log(true), weights=row_weights))


def fit_sigmoids(logits: FloatArray, codes: IntArray, row_weights: FloatArray) -> FloatArray:
    """Platt's sigmoid of each decision value: logits (o, n), codes (n,) to (o, 2)."""
    first = 1 if len(logits) == 1 else 0
    fits = [fit_sigmoid(row, codes == first + i, row_weights) for i, row in enumerate(logits)]
    return np.array(fits)


def fit_sigmoid(
    decisions: FloatArray, positive: BoolArray, row_weights: FloatArray
) -> tuple[float, float]:
    """Slope a and offset b of p(positive) = 1 / (1 + exp(a * decision + b)).

    Args:
        decisions: decision values of rows that the decision was not fitted on, (n,).
        positive: which rows are of the class, (n,).
        row_weights: (n,); rows of weight 0 do not count.
    """
    n_positive = float(row_weights[positive].sum())
    n_negative = float(row_weights[~positive].sum())
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    ab = np.array([0.0, np.log((n_negative + 1) / (n_positive + 1))])
    inputs = np.stack([decisions, np.ones(len(decisions))])  # (2, n)
    value = _cross_entropy(ab @ inputs, target, row_weights)
    for _ in range(NEWTON_STEPS):
        p = np.exp(log_sigmoid(-(ab @ inputs)))
        slope = inputs @ (row_weights * (target - p))
        if np.abs(slope).max() <= AT_REST * (n_positive + n_negative):
            break
        hessian = (inputs * (row_weights * p * (1 - p))) @ inputs.T
        step = -np.linalg.solve(hessian + RIDGE * np.eye(2), slope)
        length = 1.0
        for _ in range(HALVINGS):
            new_value = _cross_entropy((ab + length * step) @ inputs, target, row_weights)
            if new_value < value + 1e-4 * length * float(slope @ step):
                break
            length /= 2
        else:
            break  # rounding hides any further decrease
        ab, value = ab + length * step, new_value
    return float(ab[0]), float(ab[1])


def _cross_entropy(z: FloatArray, target: FloatArray, row_weights: FloatArray) -> float:
    """Of the targets under p = 1 / (1 + exp(z))."""
    return float(row_weights @ (np.logaddexp(0.0, -z) + target * z))
