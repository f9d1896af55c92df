"""A network with one hidden layer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.neural_network import MLPClassifier
from sklearn.utils import check_random_state

from headstart.arrays import Float32Array, FloatArray, IntArray
from headstart.heads.blas_threads import threads_for
from headstart.heads.fitted_heads import FittedMlp, MlpLayers, mlp_logits
from headstart.heads.head import ClassWeight, Head, TrainingRows, many_classes
from headstart.heads.inner_folds import inner_folds
from headstart.heads.probabilities import softmax
from headstart.heads.standardisation import column_scale, standardised
from headstart.progress import QUIET, Progress

LEARNING_RATE = 1e-3
STEPS = 5  # in an epoch, as far as the batch stays within its bounds
LEAST_BATCH, LARGEST_BATCH = 16, 256
PATIENCE = 8


class MlpHead(Head):
    """One hidden layer of rectified units on standardised features, trained by Adam.

    A tenth of the rows, stratified and with groups kept together, is held out; the epoch with the
    least log loss there is kept. When no row can be held out, the last epoch is.

    Args:
        hidden: units.
        weight_decay: strength of the penalty on the weights (scikit-learn's alpha).
        epochs: passes at most; training ends after eight without a better one.
        class_weight: None, "balanced" for the same total weight of every class, or a dict of
            classes to weights.
        random_state: seed of the first weights, the order of the rows and the held-out rows.

    Attributes:
        classes_: (k,).
        fitted_: the layers, and the epoch that was kept.
        n_features_in_: d.
    """

    fitted_: FittedMlp

    def __init__(
        self,
        hidden: int = 256,
        *,
        weight_decay: float = 1.0,
        epochs: int = 100,
        class_weight: ClassWeight = None,
        random_state: Any = 13,
    ) -> None:
        self.hidden = hidden
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.class_weight = class_weight
        self.random_state = random_state

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        groups: npt.ArrayLike | None = None,
        progress: Progress = QUIET,
    ) -> Self:
        """Learn from features (n, d) and labels (n,); `groups` (n,) are held out as a whole.

        Raises:
            ValueError: one class only, a value that is not finite, lengths that differ.
        """
        rows = self.training_rows(X, y, groups)
        mean, scale = column_scale(rows.X)
        features = standardised(rows.X, mean, scale, np.float32)
        progress.start("epochs", self.epochs)
        try:
            with threads_for(features.size):
                layers, n_iter = self._train(features, rows, progress)
        finally:
            progress.stop()
        first, first_bias, last, last_bias = layers
        self.fitted_ = FittedMlp(
            classes=rows.classes,
            asked=self.asked(),
            first=first,
            first_bias=first_bias,
            last=last,
            last_bias=last_bias,
            mean=mean,
            scale=scale,
            n_iter=n_iter,
        )
        return self

    def _train(
        self, features: Float32Array, rows: TrainingRows, progress: Progress
    ) -> tuple[MlpLayers, int]:
        """The kept epoch's layers and its number."""
        random = check_random_state(self.random_state)
        held = inner_folds(rows.codes, rows.groups, random, count=10) == 0
        n = int((~held).sum())
        batch = min(n, max(LEAST_BATCH, min(n // STEPS, LARGEST_BATCH)))
        network = MLPClassifier(
            (self.hidden,),
            alpha=self.weight_decay,
            learning_rate_init=LEARNING_RATE,
            batch_size=batch,
            random_state=random.randint(2**31),
        )
        classes = np.arange(len(rows.classes))
        learnt, learnt_codes, weights = features[~held], rows.codes[~held], rows.weights[~held]
        judged = (features[held], rows.codes[held], rows.weights[held])
        least, kept = np.inf, None
        for epoch in range(1, self.epochs + 1):
            with many_classes():
                network.partial_fit(learnt, learnt_codes, classes=classes, sample_weight=weights)
            progress.advance()
            if not held.any():
                continue
            loss = _log_loss(_layers(network), *judged)
            if loss < least:
                least, kept = loss, (_layers(network), epoch)
            elif kept is not None and epoch - kept[1] >= PATIENCE:
                break
        return kept or (_layers(network), self.epochs)


def _layers(network: MLPClassifier) -> MlpLayers:
    """A copy, since training goes on in place."""
    (first, last), (first_bias, last_bias) = network.coefs_, network.intercepts_
    return first.copy(), first_bias.copy(), last.copy(), last_bias.copy()


def _log_loss(
    layers: MlpLayers, features: Float32Array, codes: IntArray, row_weights: FloatArray
) -> float:
    true = softmax(mlp_logits(layers, features))[np.arange(len(codes)), codes]
    tiny = np.finfo(np.float64).tiny
    return float(np.average(-np.log(np.maximum(true, tiny)), weights=row_weights))
