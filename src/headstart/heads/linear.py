"""Multinomial logistic regression, solved to its optimum."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from headstart.arrays import FloatArray
from headstart.heads.head import Arrays, Head
from headstart.heads.linear_fit import fit_linear
from headstart.heads.logistic import log_loss, softmax
from headstart.heads.standardise import blocks
from headstart.heads.training import ClassWeight, read_rows, read_training


class LinearHead(Head):
    """Logistic regression on standardised features, the intercept unpenalised.

    Minimises C * sum_i w_i loss_i + 0.5 * ||W||^2 as scikit-learn does, so that C means the same.
    Two classes have one weight vector w; it is kept as the rows -w/2 and w/2 of `coef_`, whose
    softmax is the sigmoid.

    Args:
        C: inverse strength of the penalty. None chooses it: five stratified folds of the given
            rows (of 10,000 of them when there are more), C from 1e-5 to 10 in half decades, the
            least mean held-out log loss, the smaller C of equals; the path is left when the loss
            has risen twice in a row. The folds share the rows' standardisation, which uses no
            label. C is 1 when no row can be held out.
        class_weight: None, "balanced" for the same total weight of every class, or a dict of
            classes to weights.
        random_state: seed of the folds.

    Attributes:
        classes_: (k,).
        C_: the C that was used.
        coef_: weights on the standardised features, (k, d).
        intercept_: (k,).
        mean_, scale_: of the training rows' columns, (d,); a constant column has scale 1.
        n_iter_: steps of the last solution.
        n_features_in_: d.

    Example:
        >>> head = LinearHead(C=0.01).fit([[0.0], [1.0], [2.0], [3.0]], ["a", "a", "b", "b"])
        >>> head.predict([[0.5]]).tolist()
        ['a']
    """

    name = "linear"

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
        found = fit_linear(rows, log_loss, self.C, check_random_state(self.random_state))
        weights, intercepts = found.weights, found.intercepts
        if len(rows.classes) == 2:
            weights = np.concatenate([-weights / 2, weights / 2])
            intercepts = np.concatenate([-intercepts / 2, intercepts / 2])
        self.classes_ = rows.classes
        self.coef_ = weights
        self.intercept_ = intercepts
        self.mean_, self.scale_ = found.mean, found.scale
        self.C_ = found.C
        self.n_iter_ = found.iterations
        return self

    def logits(self, X: npt.ArrayLike) -> FloatArray:
        """Logits (n, k) of features (n, d)."""
        check_is_fitted(self)
        rows = read_rows(self, X)
        parts = [block @ self.coef_.T for block in blocks(rows, self.mean_, self.scale_)]
        return np.asarray(np.concatenate(parts) + self.intercept_)

    def predict_proba(self, X: npt.ArrayLike) -> FloatArray:
        return softmax(self.logits(X))

    def folded(self) -> tuple[FloatArray, FloatArray]:
        """Weights (k, d) and biases (k,) on the raw features: X @ weight.T + bias is the logits."""
        check_is_fitted(self)
        weight = self.coef_ / self.scale_
        return weight, self.intercept_ - weight @ self.mean_

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        check_is_fitted(self)
        return {
            "coef": self.coef_,
            "intercept": self.intercept_,
            "mean": self.mean_,
            "scale": self.scale_,
            "C": np.array([self.C_]),
            "n_iter": np.array([self.n_iter_], dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, classes: npt.ArrayLike) -> Self:
        head = cls(C=float(arrays["C"][0]))
        head.classes_ = np.asarray(classes)
        head.coef_ = np.asarray(arrays["coef"])
        head.intercept_ = np.asarray(arrays["intercept"])
        head.mean_ = np.asarray(arrays["mean"])
        head.scale_ = np.asarray(arrays["scale"])
        head.C_ = float(arrays["C"][0])
        head.n_iter_ = int(arrays["n_iter"][0])
        head.n_features_in_ = head.coef_.shape[1]
        return head
