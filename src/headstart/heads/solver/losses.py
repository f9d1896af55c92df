"""The losses of rows with known classes, as functions of their logits."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from headstart.arrays import FloatArray, IntArray
from headstart.heads.solver.scaling import Numbers


class Loss(Protocol):
    """The losses of n rows with known classes, as a function of k logits each.

    Everything has the precision of the logits.
    """

    outputs: int

    def __call__(self, logits: Numbers) -> tuple[Numbers, Numbers]:
        """Logits (p, k, n), which may be overwritten, to losses (p, n) and slopes (p, k, n)."""

    def curvature(self, logits: Numbers) -> Numbers:
        """Second derivative of each row's loss, averaged over its logits, (p, n)."""

    def take(self, chosen: IntArray | slice) -> Loss:
        """The losses of some rows."""

    def score(self, logits: FloatArray, row_weights: FloatArray) -> float:
        """How bad the logits (k, n) of held-out rows are; rows of weight 0 do not count."""


def log_loss(codes: IntArray, k: int) -> Loss:
    """The loss of logistic regression for classes 0 to k - 1: one logit for two, else k."""
    return BinaryLogLoss(codes) if k == 2 else LogLoss(codes, k)


class BinaryLogLoss:
    """-log of the probability of the true class, for one logit: that of class 1."""

    outputs = 1

    def __init__(self, codes: IntArray) -> None:
        self.codes = codes
        self.sign = np.where(codes == 1, np.float32(1), np.float32(-1))  # (n,)

    def __call__(self, logits: Numbers) -> tuple[Numbers, Numbers]:
        margins = self.sign * logits
        powers = np.exp(-np.abs(margins))
        losses = np.log1p(powers) - np.minimum(margins, 0)
        wrong = np.where(margins >= 0, powers, 1) / (1 + powers)
        return losses[:, 0], -self.sign * wrong

    def curvature(self, logits: Numbers) -> Numbers:
        powers = np.exp(-np.abs(logits))
        return np.asarray(powers / (1 + powers) ** 2)[:, 0]

    def take(self, chosen: IntArray | slice) -> BinaryLogLoss:
        return BinaryLogLoss(self.codes[chosen])

    def score(self, logits: FloatArray, row_weights: FloatArray) -> float:
        return float(np.average(self(logits[None])[0][0], weights=row_weights))


class LogLoss:
    """-log of the probability of the true class, for k logits under softmax."""

    def __init__(self, codes: IntArray, k: int) -> None:
        self.outputs = k
        self.codes = codes
        self.rows = np.arange(len(codes))

    def __call__(self, logits: Numbers) -> tuple[Numbers, Numbers]:
        logits -= logits.max(axis=1, keepdims=True)
        true = logits[:, self.codes, self.rows]  # (p, n)
        slopes = np.exp(logits, out=logits)
        # The other classes are summed without the true one: of a row that is nearly certain, 1
        # less its probability would keep few digits, and in float32 none that counts.
        own = slopes[:, self.codes, self.rows]
        slopes[:, self.codes, self.rows] = 0
        others = slopes.sum(axis=1)
        total = others + own
        slopes /= total[:, None]
        slopes[:, self.codes, self.rows] = -others / total
        return np.where(true == 0, np.log1p(others), np.log(total) - true), slopes

    def bent(self, slopes: Numbers, moves: Numbers) -> Numbers:
        """How the slopes (k, n) change as the logits move (k, n); `moves` is overwritten."""
        moves -= moves[self.codes, self.rows]
        mean = np.einsum("kn,kn->n", slopes, moves)  # the true class moves by 0
        moves -= mean
        moves *= slopes
        moves[self.codes, self.rows] = -(1 + slopes[self.codes, self.rows]) * mean
        return moves

    def curvature(self, logits: Numbers) -> Numbers:
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return np.asarray((shares * (1 - shares)).mean(axis=1))

    def take(self, chosen: IntArray | slice) -> LogLoss:
        return LogLoss(self.codes[chosen], self.outputs)

    def score(self, logits: FloatArray, row_weights: FloatArray) -> float:
        return float(np.average(self(logits[None].copy())[0][0], weights=row_weights))
