"""What every head is: a scikit-learn classifier that turns into arrays and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin

from headstart.arrays import FloatArray

Arrays = Mapping[str, npt.NDArray[Any]]


class Head(ClassifierMixin, BaseEstimator, ABC):
    """Abstract head: features (n, d) in, class probabilities (n, k) out.

    A head follows scikit-learn's contract: `__init__` only stores, `fit` learns attributes that
    end in "_". `fit` takes `groups`: rows of one group stay together in any folds inside.
    """

    name: ClassVar[str]
    side_by_side: ClassVar[bool] = True  # several may be fitted at once by threads
    classes_: npt.NDArray[Any]
    n_features_in_: int

    @abstractmethod
    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Self:
        """Learn from features (n, d) and labels (n,)."""

    @abstractmethod
    def predict_proba(self, X: npt.ArrayLike) -> FloatArray:
        """Probabilities (n, k), columns in the order of `classes_`."""

    @abstractmethod
    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that was learnt, without `classes_`, as numeric arrays."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Arrays, classes: npt.ArrayLike) -> Self:
        """The fitted head that `to_arrays` came from. Raises KeyError for a missing array."""

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The likeliest class of each row, (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])
