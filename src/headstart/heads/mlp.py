"""A network with one hidden layer."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.neural_network import MLPClassifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from headstart.arrays import Float32Array, FloatArray, IntArray
from headstart.heads.head import Arrays, Head
from headstart.heads.inner_folds import inner_folds
from headstart.heads.logistic import softmax
from headstart.heads.standardise import blocks, column_scale, standardised
from headstart.heads.threads import threads_for
from headstart.heads.training import ClassWeight, Training, many_classes, read_rows, read_training

LEARNING_RATE = 1e-3
STEPS = 5  # in an epoch, as far as the batch stays within its bounds
LEAST_BATCH, LARGEST_BATCH = 16, 256
PATIENCE = 8
LAYER_NAMES = ("first", "first_bias", "last", "last_bias")

Layers = tuple[Float32Array, Float32Array, Float32Array, Float32Array]


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
        layers_: weights (d, hidden), biases (hidden,), weights (hidden, o), biases (o,); float32;
            o is 1 for two classes, else k.
        mean_, scale_: of the training rows' columns, (d,).
        n_iter_: epochs up to the one that was kept.
        n_features_in_: d.
    """

    name = "mlp"

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

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Self:
        """Learn from features (n, d) and labels (n,); `groups` (n,) are held out as a whole.

        Raises:
            ValueError: one class only, a value that is not finite, lengths that differ.
        """
        rows = read_training(self, X, y, groups, self.class_weight)
        self.classes_ = rows.classes
        self.mean_, self.scale_ = column_scale(rows.X)
        features = standardised(rows.X, self.mean_, self.scale_, np.float32)
        with threads_for(features.size):
            self.layers_, self.n_iter_ = self._train(features, rows)
        return self

    def _train(self, features: Float32Array, rows: Training) -> tuple[Layers, int]:
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
            if not held.any():
                continue
            loss = _log_loss(_layers(network), *judged)
            if loss < least:
                least, kept = loss, (_layers(network), epoch)
            elif kept is not None and epoch - kept[1] >= PATIENCE:
                break
        return kept or (_layers(network), self.epochs)

    def predict_proba(self, X: npt.ArrayLike) -> FloatArray:
        check_is_fitted(self)
        rows = read_rows(self, X)
        standard = blocks(rows, self.mean_, self.scale_)
        with threads_for(rows.size):
            return softmax(np.concatenate([_logits(self.layers_, block) for block in standard]))

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        check_is_fitted(self)
        named = dict(zip(LAYER_NAMES, self.layers_, strict=True))
        n_iter = np.array([self.n_iter_], dtype=np.int64)
        return {**named, "mean": self.mean_, "scale": self.scale_, "n_iter": n_iter}

    @classmethod
    def from_arrays(cls, arrays: Arrays, classes: npt.ArrayLike) -> Self:
        layers = tuple(np.asarray(arrays[name]) for name in LAYER_NAMES)
        head = cls(hidden=layers[0].shape[1])
        head.classes_ = np.asarray(classes)
        head.layers_ = (layers[0], layers[1], layers[2], layers[3])
        head.mean_ = np.asarray(arrays["mean"])
        head.scale_ = np.asarray(arrays["scale"])
        head.n_iter_ = int(arrays["n_iter"][0])
        head.n_features_in_ = head.layers_[0].shape[0]
        return head


def _layers(network: MLPClassifier) -> Layers:
    """A copy, since training goes on in place."""
    (first, last), (first_bias, last_bias) = network.coefs_, network.intercepts_
    return first.copy(), first_bias.copy(), last.copy(), last_bias.copy()


def _logits(layers: Layers, features: npt.NDArray[Any]) -> FloatArray:
    """Standardised features (n, d) to logits (n, k), in float64."""
    first, first_bias, last, last_bias = layers
    hidden = np.maximum(features.astype(np.float64) @ first + first_bias, 0.0)
    logits = hidden @ last + last_bias
    if logits.shape[1] == 1:
        return np.concatenate([-logits / 2, logits / 2], axis=1)
    return np.asarray(logits)


def _log_loss(
    layers: Layers, features: Float32Array, codes: IntArray, row_weights: FloatArray
) -> float:
    true = softmax(_logits(layers, features))[np.arange(len(codes)), codes]
    tiny = np.finfo(np.float64).tiny
    return float(np.average(-np.log(np.maximum(true, tiny)), weights=row_weights))
