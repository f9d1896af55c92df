"""Labels are classes, whatever their number."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from headstart.heads.catalogue import make_head
from headstart.heads.training import many_classes
from headstart.options import HeadOptions


@pytest.mark.parametrize("head", ["linear", "svm", "knn", "mlp"])
def test_many_classes_raise_no_warning_of_regression(head: str) -> None:
    """21 classes of 32 rows, which scikit-learn takes for numbers; warnings are errors here."""
    y = np.arange(32) % 21
    X = np.random.default_rng(1).normal(size=(32, 4)) + 5 * y[:, None]
    options = HeadOptions(head=head, class_weight="balanced")  # type: ignore[arg-type]
    assert make_head(options, 1).fit(X, y).predict_proba(X).shape == (32, 21)


def test_all_other_warnings_come_through() -> None:
    with pytest.warns(UserWarning, match="another"), many_classes():
        warnings.warn("another", UserWarning, stacklevel=1)
