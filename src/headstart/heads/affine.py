"""A head that is one linear layer on standardised features, however its weights were found."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from headstart.arrays import FloatArray
from headstart.heads.head import Arrays, Head
from headstart.heads.logistic import softmax
from headstart.heads.standardise import blocks
from headstart.heads.training import read_rows


class AffineHead(Head):
    """Abstract: `fit` sets the attributes, all else follows from them.

    Attributes:
        coef_, intercept_: weights (k, d) and (k,) for standardised features.
        mean_, scale_: of the features, (d,).
        C_: the inverse strength of the penalty that was used; infinite without one.
        n_iter_: steps of the solution.
    """

    name = "linear"

    coef_: FloatArray
    intercept_: FloatArray
    mean_: FloatArray
    scale_: FloatArray
    C_: float
    n_iter_: int

    def logits(self, X: npt.ArrayLike) -> FloatArray:
        """Logits (n, k) of features (n, d)."""
        check_is_fitted(self)
        rows = read_rows(self, X)
        parts = [block @ self.coef_.T for block in blocks(rows, self.mean_, self.scale_)]
        return np.asarray(np.concatenate(parts) + self.intercept_)

    def predict_proba(self, X: npt.ArrayLike) -> FloatArray:
        """Probabilities (n, k), columns in the order of `classes_`."""
        return softmax(self.logits(X))

    def folded(self) -> tuple[FloatArray, FloatArray]:
        """Weights (k, d) and biases (k,) on the raw features: X @ weight.T + bias is the logits."""
        check_is_fitted(self)
        weight = self.coef_ / self.scale_
        return weight, self.intercept_ - weight @ self.mean_

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The attributes above, as arrays."""
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
        """The fitted head that `to_arrays` came from. Raises KeyError for a missing array."""
        head = cls()
        head.classes_ = np.asarray(classes)
        head.coef_ = np.asarray(arrays["coef"])
        head.intercept_ = np.asarray(arrays["intercept"])
        head.mean_ = np.asarray(arrays["mean"])
        head.scale_ = np.asarray(arrays["scale"])
        head.C_ = float(arrays["C"][0])
        head.n_iter_ = int(arrays["n_iter"][0])
        head.n_features_in_ = head.coef_.shape[1]
        return head
