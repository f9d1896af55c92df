"""The small trees take labels for classes, whatever their number."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.audit.shortcuts.trial import _answer

Y = np.arange(32) % 21


def test_a_trial_raises_no_warning_of_regression() -> None:
    """scikit-learn takes 21 classes of 32 rows for numbers; warnings are errors here."""
    rows = np.arange(32)

    def tree() -> Any:
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(random_state=0)

    assert (_answer(tree, Y[:, None].astype(float), Y, rows, rows) == Y).all()
