"""The k nearest neighbours by cosine."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from headstart.heads.fitted_heads import FittedKnn, centred_to_length_one
from headstart.heads.head import ClassWeight, Head
from headstart.heads.standardisation import column_scale
from headstart.progress import QUIET, Progress


class KnnHead(Head):
    """Weighted vote of the nearest training rows by cosine, after centring.

    A neighbour of similarity s votes with exp((s - s_nearest) / 0.07), the weight of Wu, Xiong, Yu
    and Lin 2018 (Unsupervised feature learning via non-parametric instance discrimination). One
    more vote of weight 1 is spread over the classes in proportion to their class weights, so that
    no probability is 0. `FittedKnn` counts the votes.

    Args:
        n_neighbors: neighbours that vote; all rows when there are fewer.
        class_weight: None, "balanced" for votes that count inversely to their class's size, or
            a dict of classes to weights.
        random_state: unused; nothing here is random.

    Attributes:
        classes_: (k,).
        fitted_: the rows that vote.
        n_features_in_: d.
    """

    fitted_: FittedKnn

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
        progress: Progress = QUIET,  # noqa: ARG002 - there is no long step
    ) -> Self:
        """Keep features (n, d) and labels (n,). There are no folds inside for `groups`.

        Raises:
            ValueError: one class only, a value that is not finite, `n_neighbors` below 1.
        """
        if self.n_neighbors < 1:
            raise ValueError(f"n_neighbors is {self.n_neighbors}; it must be 1 or more")
        rows = self.training_rows(X, y, groups)
        mean = column_scale(rows.X)[0]
        self.fitted_ = FittedKnn(
            classes=rows.classes,
            asked=self.asked(),
            rows=centred_to_length_one(rows.X, mean).astype(np.float32),
            codes=rows.codes,
            mean=mean,
            class_weights=rows.class_weights,
            n_neighbors=self.n_neighbors,
        )
        return self
