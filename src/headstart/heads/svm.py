"""A linear support vector machine with Platt's probabilities."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from headstart.arrays import FloatArray, IntArray
from headstart.heads.head import Arrays, Head
from headstart.heads.linear_fit import fit_linear
from headstart.heads.logistic import softmax
from headstart.heads.platt import fit_sigmoid, log_sigmoid
from headstart.heads.standardise import blocks
from headstart.heads.training import ClassWeight, read_rows, read_training


class SquaredHinge:
    """max(0, 1 - margin)^2, one class against the rest; one output for two classes, else k."""

    def __init__(self, codes: IntArray, k: int) -> None:
        self.codes = codes
        self.k = k
        ones = np.array([[1]]) if k == 2 else np.arange(k)[:, None]
        self.outputs = len(ones)
        self.sign = np.where(codes == ones, 1.0, -1.0)  # (o, n)

    def __call__(self, logits: FloatArray) -> tuple[FloatArray, FloatArray]:
        missing = np.maximum(1.0 - self.sign * logits, 0.0)
        return np.einsum("pkn,pkn->pn", missing, missing), -2.0 * self.sign * missing

    def curvature(self, logits: FloatArray) -> FloatArray:
        return np.asarray(2.0 * (self.sign * logits < 1.0).mean(axis=1))

    def score(self, logits: FloatArray, row_weights: FloatArray) -> float:
        """Log loss of the probabilities that Platt's sigmoid makes of them."""
        sigmoids = fit_sigmoids(logits, self.codes, row_weights)
        true = probabilities(logits.T, sigmoids)[np.arange(len(self.codes)), self.codes]
        return float(np.average(-np.log(true), weights=row_weights))


class SvmHead(Head):
    """Linear support vector machine on standardised features, as used on activations of fc7.

    The L2 form (squared hinge loss), LIBLINEAR's own, solved to its optimum: it minimises
    C * sum_i w_i max(0, 1 - margin_i)^2 + 0.5 * ||w||^2, one class against the rest, the intercept
    unpenalised. A row's weight is that of its own class in all of these problems. Probabilities
    come from Platt's sigmoid on decision values of rows that a fold held out, normalised over the
    classes; the likeliest class is the answer.

    Args:
        C: strength; None chooses it by five stratified folds of the given rows (of 10,000 of them
            when there are more), in half decades from 1e-5 to 10, by the log loss of the held-out
            rows' probabilities. C is 1 when no row can be held out, and the sigmoid is then
            fitted on the training rows themselves.
        class_weight: None, "balanced" for the same total weight of every class, or a dict of
            classes to weights.
        random_state: seed of the folds.

    Attributes:
        classes_: (k,).
        C_: the C that was used.
        coef_, intercept_: on the standardised features, (o, d) and (o,); o is 1 for two classes.
        mean_, scale_: of the training rows' columns, (d,).
        sigmoid_: slope and offset of each decision value, (o, 2).
        n_features_in_: d.
    """

    name = "svm"

    def __init__(
        self, C: float | None = None, class_weight: ClassWeight = None, random_state: Any = 13
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Self:
        """Learn from features (n, d) and labels (n,); `groups` (n,) stay together in the folds.

        Raises:
            ValueError: one class only, a value that is not finite, lengths that differ, a bad C.
        """
        rows = read_training(self, X, y, groups, self.class_weight)
        random = check_random_state(self.random_state)
        found = fit_linear(rows, SquaredHinge, self.C, random, hold_out=True)
        self.classes_ = rows.classes
        self.coef_, self.intercept_ = found.weights, found.intercepts
        self.mean_, self.scale_ = found.mean, found.scale
        self.C_ = found.C
        self.sigmoid_ = fit_sigmoids(found.judged_logits, found.judged_codes, found.judged_weights)
        return self

    def decisions(self, X: npt.ArrayLike) -> FloatArray:
        """Decision values (n, o) of features (n, d): above 0 for the class, below for the rest."""
        check_is_fitted(self)
        rows = read_rows(self, X)
        parts = [block @ self.coef_.T for block in blocks(rows, self.mean_, self.scale_)]
        return np.asarray(np.concatenate(parts) + self.intercept_)

    def predict_proba(self, X: npt.ArrayLike) -> FloatArray:
        return probabilities(self.decisions(X), self.sigmoid_)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        check_is_fitted(self)
        return {
            "coef": self.coef_,
            "intercept": self.intercept_,
            "mean": self.mean_,
            "scale": self.scale_,
            "sigmoid": self.sigmoid_,
            "C": np.array([self.C_]),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, classes: npt.ArrayLike) -> Self:
        head = cls(C=float(arrays["C"][0]))
        head.classes_ = np.asarray(classes)
        head.coef_ = np.asarray(arrays["coef"])
        head.intercept_ = np.asarray(arrays["intercept"])
        head.mean_ = np.asarray(arrays["mean"])
        head.scale_ = np.asarray(arrays["scale"])
        head.sigmoid_ = np.asarray(arrays["sigmoid"])
        head.C_ = float(arrays["C"][0])
        head.n_features_in_ = head.coef_.shape[1]
        return head


def fit_sigmoids(logits: FloatArray, codes: IntArray, row_weights: FloatArray) -> FloatArray:
    """Platt's sigmoid of each decision value: logits (o, n), codes (n,) to (o, 2)."""
    first = 1 if len(logits) == 1 else 0
    fits = [fit_sigmoid(row, codes == first + i, row_weights) for i, row in enumerate(logits)]
    return np.array(fits)


def probabilities(decisions: FloatArray, sigmoids: FloatArray) -> FloatArray:
    """Decision values (n, o) to probabilities (n, k)."""
    z = decisions * sigmoids[:, 0] + sigmoids[:, 1]  # (n, o)
    if z.shape[1] == 1:
        return softmax(np.concatenate([log_sigmoid(z), log_sigmoid(-z)], axis=1))
    return softmax(log_sigmoid(-z))
