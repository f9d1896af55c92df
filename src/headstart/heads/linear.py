"""Multinomial logistic regression, solved to its optimum."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from headstart.heads.fitted_heads import FittedLinear
from headstart.heads.head import ClassWeight, Head
from headstart.heads.solver.linear_fit import fit_linear
from headstart.heads.solver.losses import log_loss
from headstart.progress import QUIET, Progress


class LinearHead(Head):
    """Logistic regression on standardised features, the intercept unpenalised.

    Minimises C * sum_i w_i loss_i + 0.5 * ||W||^2 as scikit-learn does, so that C means the same.
    Two classes have one weight vector w; it is kept as the rows -w/2 and w/2 of `fitted_.coef`,
    whose softmax is the sigmoid.

    Args:
        C: inverse of the regularization. None chooses it by folds within the given rows, by their
            held-out log loss: see `solver/choice_of_c.py`.
        class_weight: None, "balanced" for the same total weight of every class, or a dict of
            classes to weights.
        random_state: seed of the folds.

    Attributes:
        classes_: (k,).
        C_: the C that was used.
        tried_: each C that was tried with its held-out log loss, (m, 2); m is 0 for a given C.
        fitted_: the weights, and what else a `FittedLinear` has.
        held_out_: of a very long fit the rows with their logits from the folds that chose C and
            had not learnt from them; else None.
        n_features_in_: d.

    Example:
        >>> head = LinearHead(C=0.01).fit([[0.0], [1.0], [2.0], [3.0]], ["a", "a", "b", "b"])
        >>> head.predict([[0.5]]).tolist()
        ['a']
    """

    fitted_: FittedLinear

    def __init__(
        self, C: float | None = None, class_weight: ClassWeight = None, random_state: Any = 13
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        groups: npt.ArrayLike | None = None,
        progress: Progress = QUIET,
    ) -> Self:
        """Learn from features (n, d) and labels (n,); `groups` (n,) stay together in the folds.

        Raises:
            ValueError: one class only, a value that is not finite, lengths that differ, a bad C.
        """
        rows = self.training_rows(X, y, groups)
        found = fit_linear(rows, log_loss, self.C, self.random_state, progress=progress)
        weights, intercepts = found.weights, found.intercepts
        if len(rows.classes) == 2:
            weights = np.concatenate([-weights / 2, weights / 2])
            intercepts = np.concatenate([-intercepts / 2, intercepts / 2])
        self.C_, self.tried_, self.held_out_ = found.C, found.tried, found.held_out
        self.fitted_ = FittedLinear(
            classes=rows.classes,
            asked=self.asked(),
            coef=weights,
            intercept=intercepts,
            mean=found.mean,
            scale=found.scale,
            C=found.C,
            n_iter=found.iterations,
        )
        return self
