"""What every head does first: check the rows, number the classes, weigh the rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from headstart.arrays import FloatArray, IntArray

ClassWeight = Literal["balanced"] | dict[Any, float] | None


@dataclass(frozen=True)
class Training:
    """Checked rows.

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


def read_training(
    head: BaseEstimator,
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    class_weight: ClassWeight,
) -> Training:
    """Check X (n, d) and y (n,), and set `head.n_features_in_`.

    Raises:
        ValueError: X has NaN or infinite values, y is no list of classes or has one class only,
            the lengths differ, or `class_weight` is of no known kind.
    """
    if not (class_weight is None or isinstance(class_weight, dict) or class_weight == "balanced"):
        raise ValueError(
            f'class_weight is {class_weight!r}; allowed are None, "balanced" and a dict of classes '
            "to weights"
        )
    rows, labels = validate_data(head, X, y, dtype=[np.float64, np.float32])
    with many_classes():
        check_classification_targets(labels)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"only one class in y: {str(classes[0])!r} in all {len(labels)} rows; a classifier "
            "needs two"
        )
    if groups is not None:
        groups = np.asarray(groups)
        check_consistent_length(rows, groups)
    codes = np.asarray(codes, dtype=np.int64)
    of_class: FloatArray = compute_class_weight(class_weight, classes=classes, y=labels)
    return Training(rows, codes, classes, of_class[codes], groups)


@contextmanager
def many_classes() -> Iterator[None]:
    """Inside, scikit-learn does not take labels for numbers where classes have a row or two each.

    Labels are classes here, whatever their number. All other warnings come through.
    """
    with warnings.catch_warnings():
        message = "The number of unique classes is greater than 50%"
        warnings.filterwarnings("ignore", message=message, category=UserWarning)
        yield


def read_rows(head: BaseEstimator, X: npt.ArrayLike) -> npt.NDArray[Any]:
    """Check rows (n, d) to predict. Raises ValueError when d differs or a value is not finite."""
    rows: npt.NDArray[Any] = validate_data(head, X, dtype=[np.float64, np.float32], reset=False)
    return rows
