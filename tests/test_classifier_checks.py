"""scikit-learn's own list of checks for estimators, gone through with drawn numbers.

The checks give tables of numbers, which are no pictures, so that scikit-learn skips them for an
estimator that takes none. Here each row of numbers is drawn as a small picture first. What then
cannot hold stands below with its reason; a check that holds after all fails here as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks
from tests.tiny_classifier import TINY

from headstart import ImageClassifier, ImageEmbedder
from headstart.arrays import FloatArray

SIDE, CELL = 32, 8
CELLS = (SIDE // CELL) ** 2


def draw(X: Any) -> Any:
    """A table of numbers (n, d) as pictures (n, 32, 32, 3): a coloured cell for each number.

    Anything else is left as it is.
    """
    if not isinstance(X, list) and not hasattr(X, "__array__"):
        return X
    table = np.asarray(X)
    if table.ndim != 2 or table.dtype.kind not in "iuf" or not np.isfinite(table).all():
        return X
    numbers = table.astype(np.float64)
    colours = np.stack([np.tanh(numbers / 2), np.sin(9 * numbers), np.sin(83 * numbers)], axis=-1)
    filled = [np.resize(row, (CELLS, 3)) for row in np.round(127.5 + 127.5 * colours)]
    cells = np.reshape(filled, (len(table), SIDE // CELL, SIDE // CELL, 3))
    return np.kron(cells, np.ones((1, CELL, CELL, 1))).astype(np.uint8)


def _takes_tables(tags: Any) -> Any:
    tags.input_tags.two_d_array = True
    tags.input_tags.one_d_array = False
    tags.input_tags.string = False
    return tags


class DrawnClassifier(ImageClassifier):
    """An ImageClassifier that draws its tables of numbers."""

    def fit(self, X: Any, y: Any, groups: Any = None) -> DrawnClassifier:
        return super().fit(draw(X), y, groups)

    def predict_proba(self, X: Any) -> FloatArray:
        return super().predict_proba(draw(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        return super().score(draw(X), y, sample_weight)

    def __sklearn_tags__(self) -> Any:
        return _takes_tables(super().__sklearn_tags__())


class DrawnEmbedder(ImageEmbedder):
    """An ImageEmbedder that draws its tables of numbers."""

    def fit(self, X: Any, y: Any = None) -> DrawnEmbedder:
        return super().fit(draw(X), y)

    def transform(self, X: Any) -> Any:
        return super().transform(draw(X))

    def __sklearn_tags__(self) -> Any:
        return _takes_tables(super().__sklearn_tags__())


NO_COLUMNS = "a picture has no columns to count: pictures of any size may follow each other"
OTHER_WORDS = "what is no picture is a TypeError that names its type, in other words than a table's"
BOTH = {
    "check_n_features_in": NO_COLUMNS,
    "check_n_features_in_after_fitting": NO_COLUMNS,
    "check_estimators_empty_data_messages": NO_COLUMNS,
    "check_complex_data": OTHER_WORDS,
    "check_dtype_object": OTHER_WORDS,
    "check_estimators_nan_inf": OTHER_WORDS,
    "check_estimator_sparse_tag": OTHER_WORDS,
    "check_fit1d": OTHER_WORDS,
    "check_fit2d_predict1d": OTHER_WORDS,
}
CANNOT_HOLD: dict[type[BaseEstimator], dict[str, str]] = {
    DrawnClassifier: {
        **BOTH,
        "check_estimator_sparse_array": OTHER_WORDS,
        "check_estimator_sparse_matrix": OTHER_WORDS,
        "check_classifiers_train": f"its last step: {NO_COLUMNS}",
        "check_supervised_y_2d": "a column of labels is as good as a row, and no warning is due",
        "check_class_weight_classifiers": "class_weight is None or 'balanced', as in the program",
    },
    # Its `fit` opens the backbone and looks at no picture, so that it refuses none either.
    DrawnEmbedder: {
        **BOTH,
        "check_transformer_preserve_dtypes": "features are float32, whatever a picture is made of",
    },
}


@parametrize_with_checks(
    [DrawnClassifier(**TINY, C=1.0), DrawnEmbedder(**TINY)],
    expected_failed_checks=lambda estimator: CANNOT_HOLD.get(type(estimator), {}),
    xfail_strict=True,
)
def test_scikit_learns_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
