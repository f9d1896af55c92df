"""What every head is: a scikit-learn classifier whose fit leaves a `FittedHead` behind."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from headstart.arrays import FloatArray, IntArray
from headstart.extras import without
from headstart.heads.fitted_heads import Asked, FittedHead
from headstart.progress import QUIET, Progress

with without("pandas"):  # half a second, which scikit-learn has use for in reading ARFF files alone
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.class_weight import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

ClassWeight = Literal["balanced"] | dict[Any, float] | None


@dataclass(frozen=True)
class TrainingRows:
    """Checked rows to learn from.

    Attributes:
        X: features in float64 or float32, (n, d).
        codes: class of each row as 0 to k - 1, (n,).
        classes: the classes in order, (k,).
        weights: weight of each row, by its class, (n,).
        groups: rows of one group stay together in folds, (n,), or None.
    """

    X: npt.NDArray[Any]
    codes: IntArray
    classes: npt.NDArray[Any]
    weights: FloatArray
    groups: npt.NDArray[Any] | None

    @property
    def class_weights(self) -> FloatArray:
        """The weight of each class, (k,)."""
        return self.weights[np.unique(self.codes, return_index=True)[1]]


class Head(ClassifierMixin, BaseEstimator, ABC):
    """Abstract head: features (n, d) in, class probabilities (n, k) out.

    A head follows scikit-learn's contract: `__init__` only stores, `fit` learns attributes that
    end in "_". `fit` takes `groups`: rows of one group stay together in any folds inside.

    Attributes:
        classes_: (k,).
        fitted_: what was learnt; answers without scikit-learn and is what a model keeps.
        n_features_in_: d.
    """

    side_by_side: ClassVar[bool] = True  # several may be fitted at once by threads

    class_weight: ClassWeight
    random_state: Any
    classes_: npt.NDArray[Any]
    fitted_: FittedHead
    n_features_in_: int

    @abstractmethod
    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        groups: npt.ArrayLike | None = None,
        progress: Progress = QUIET,
    ) -> Self:
        """Learn from features (n, d) and labels (n,), telling `progress` of long steps."""

    def predict_proba(self, X: npt.ArrayLike) -> FloatArray:
        """Probabilities (n, k), columns in the order of `classes_`.

        Raises:
            ValueError: X is no matrix of finite numbers with d columns.
        """
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self.fitted_.answer(rows)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The likeliest class of each row, (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def asked(self) -> Asked:
        """The parameters that a saved model keeps."""
        C, seed = getattr(self, "C", None), self.random_state
        return Asked(
            C=None if C is None else float(C),
            class_weight="balanced" if self.class_weight == "balanced" else None,
            random_state=int(seed) if isinstance(seed, int | np.integer) else None,
        )

    def training_rows(
        self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None
    ) -> TrainingRows:
        """Check X (n, d), y (n,) and groups, and set `n_features_in_` and `classes_`.

        Raises:
            ValueError: X has NaN or infinite values, y is no list of classes or has one class
                only, the lengths differ, or `class_weight` is of no known kind.
        """
        weight = self.class_weight
        if not (weight is None or isinstance(weight, dict) or weight == "balanced"):
            raise ValueError(
                f'class_weight is {weight!r}; allowed are None, "balanced" and a dict of classes '
                "to weights"
            )
        rows, labels = validate_data(self, X, y, dtype=[np.float64, np.float32])
        with many_classes():
            check_classification_targets(labels)
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"only one class in y: {str(classes[0])!r} in all {len(labels)} rows; a "
                "classifier needs two"
            )
        if groups is not None:
            groups = np.asarray(groups)
            check_consistent_length(rows, groups)
        codes = np.asarray(codes, dtype=np.int64)
        of_class: FloatArray = compute_class_weight(weight, classes=classes, y=labels)
        self.classes_ = classes
        return TrainingRows(rows, codes, classes, of_class[codes], groups)


@contextmanager
def many_classes() -> Iterator[None]:
    """Inside, scikit-learn does not take labels for numbers where classes have a row or two each.

    Labels are classes here, whatever their number. All other warnings come through.
    """
    with warnings.catch_warnings():
        message = "The number of unique classes is greater than 50%"
        warnings.filterwarnings("ignore", message=message, category=UserWarning)
        yield
