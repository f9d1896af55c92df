"""The k nearest neighbours by cosine."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from headstart.arrays import Float32Array, FloatArray
from headstart.heads.head import Arrays, Head
from headstart.heads.standardise import column_scale
from headstart.heads.threads import threads_for
from headstart.heads.training import ClassWeight, read_rows, read_training

TEMPERATURE = 0.07
BLOCK_NUMBERS = 4_000_000  # numbers in one block of similarities or of gathered neighbours


class KnnHead(Head):
    """Weighted vote of the nearest training rows by cosine, after centring.

    A neighbour of similarity s votes with exp((s - s_nearest) / 0.07), the weight of Wu, Xiong, Yu
    and Lin 2018 (Unsupervised feature learning via non-parametric instance discrimination). One
    more vote of weight 1 is spread over the classes in proportion to their class weights, so that
    no probability is 0.

    Args:
        n_neighbors: neighbours that vote; all rows when there are fewer.
        class_weight: None, "balanced" for votes that count inversely to their class's size, or
            a dict of classes to weights.
        random_state: unused; nothing here is random.

    Attributes:
        classes_: (k,).
        rows_: the centred training rows at length 1, (n, d) float32.
        codes_: their classes as 0 to k - 1, (n,).
        mean_: what centring takes away, (d,).
        class_weights_: weight of each class's votes, (k,).
        n_features_in_: d.
    """

    name = "knn"

    def __init__(
        self, n_neighbors: int = 10, class_weight: ClassWeight = None, random_state: Any = 13
    ) -> None:
        self.n_neighbors = n_neighbors
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Keep features (n, d) and labels (n,). There are no folds inside for `groups`.

        Raises:
            ValueError: one class only, a value that is not finite, `n_neighbors` below 1.
        """
        if self.n_neighbors < 1:
            raise ValueError(f"n_neighbors is {self.n_neighbors}; it must be 1 or more")
        rows = read_training(self, X, y, groups, self.class_weight)
        self.classes_ = rows.classes
        self.mean_ = column_scale(rows.X)[0]
        self.rows_ = _unit(rows.X, self.mean_).astype(np.float32)
        self.codes_ = rows.codes
        first = np.unique(rows.codes, return_index=True)[1]
        self.class_weights_ = rows.weights[first]
        return self

    def predict_proba(self, X: npt.ArrayLike) -> FloatArray:
        check_is_fitted(self)
        rows = read_rows(self, X)
        count = min(self.n_neighbors, len(self.rows_))
        block = max(1, BLOCK_NUMBERS // max(len(self.rows_), count * rows.shape[1]))
        with threads_for(rows.size):
            parts = [
                self._votes(_unit(rows[start : start + block], self.mean_), count)
                for start in range(0, len(rows), block)
            ]
        return np.concatenate(parts)

    def _votes(self, unit: FloatArray, count: int) -> FloatArray:
        """Probabilities (b, k) of centred rows of length 1, (b, d)."""
        rough: Float32Array = unit.astype(np.float32) @ self.rows_.T
        nearest = np.argpartition(-rough, count - 1, axis=1)[:, :count]
        # Again one by one: a product of matrices rounds by the place of a row in its block.
        similarity = np.einsum("bd,bcd->bc", unit, self.rows_[nearest])
        weights = np.exp((similarity - similarity.max(axis=1, keepdims=True)) / TEMPERATURE)
        codes = self.codes_[nearest]
        weights *= self.class_weights_[codes]
        spread = self.class_weights_ / self.class_weights_.sum()
        votes = np.tile(spread, (len(unit), 1))
        np.add.at(votes, (np.arange(len(unit))[:, None], codes), weights)
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        check_is_fitted(self)
        return {
            "rows": self.rows_,
            "codes": self.codes_,
            "mean": self.mean_,
            "class_weights": self.class_weights_,
            "n_neighbors": np.array([self.n_neighbors], dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, classes: npt.ArrayLike) -> Self:
        head = cls(n_neighbors=int(arrays["n_neighbors"][0]))
        head.classes_ = np.asarray(classes)
        head.rows_ = np.asarray(arrays["rows"])
        head.codes_ = np.asarray(arrays["codes"])
        head.mean_ = np.asarray(arrays["mean"])
        head.class_weights_ = np.asarray(arrays["class_weights"])
        head.n_features_in_ = head.rows_.shape[1]
        return head


def _unit(X: npt.NDArray[Any], mean: FloatArray) -> FloatArray:
    """Rows minus the mean at length 1; a row at the mean stays 0."""
    centred = np.asarray(X - mean, dtype=np.float64)
    length = np.sqrt(np.einsum("nd,nd->n", centred, centred))[:, None]
    np.divide(centred, length, out=centred, where=length > 0)
    return centred
