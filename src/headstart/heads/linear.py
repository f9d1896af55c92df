"""Multinomial logistic regression, solved to its optimum."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from headstart.heads.affine import AffineHead
from headstart.heads.linear_fit import fit_linear
from headstart.heads.logistic import log_loss
from headstart.heads.training import ClassWeight, read_training


class LinearHead(AffineHead):
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
