"""Heads that have been fitted: they answer, and turn into arrays and back, with NumPy alone.

A model that was saved is asked through these classes. Nothing here may import scikit-learn or
torch, whose loading takes longer than the answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from headstart.arrays import Float32Array, FloatArray, IntArray
from headstart.heads.probabilities import platt_probabilities, softmax
from headstart.heads.standardisation import blocks

Arrays = Mapping[str, npt.NDArray[Any]]

NEIGHBOUR_TEMPERATURE = 0.07
BLOCK_NUMBERS = 4_000_000  # numbers in one block of similarities or of gathered neighbours


@dataclass(frozen=True)
class Asked:
    """What a head was asked for, so that one like it can be fitted anew.

    Attributes:
        C: given, or None for one chosen by folds, and for a head without one.
        class_weight: "balanced" or None.
        random_state: the seed, or None when there was none.
    """

    C: float | None = None
    class_weight: Literal["balanced"] | None = None
    random_state: int | None = None


NOTHING_ASKED = Asked()


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedHead(ABC):
    """Abstract: features (n, d) in, class probabilities (n, k) out.

    Attributes:
        classes: in the order of the probabilities' columns, (k,).
        asked: what the fit was asked for.
    """

    name: ClassVar[str]

    classes: npt.NDArray[Any]
    asked: Asked = NOTHING_ASKED

    @property
    @abstractmethod
    def n_features(self) -> int:
        """The number d of features."""

    @abstractmethod
    def answer(self, rows: npt.NDArray[Any]) -> FloatArray:
        """Probabilities (n, k) of rows (n, d) that have been checked."""

    def predict_proba(self, X: npt.ArrayLike) -> FloatArray:
        """Probabilities (n, k) of features (n, d), columns in the order of `classes`.

        Raises:
            ValueError: X is no matrix of finite numbers with d columns.
        """
        return self.answer(checked_rows(X, self.n_features))

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """The likeliest class of each row, (n,). Raises ValueError as `predict_proba`."""
        return np.asarray(self.classes[self.predict_proba(X).argmax(axis=1)])

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that was learnt, without `classes` and `asked`: numeric arrays, a number as (1,)."""
        return {field.name: np.atleast_1d(getattr(self, field.name)) for field in _learnt(self)}

    @classmethod
    def from_arrays(
        cls, arrays: Arrays, classes: npt.ArrayLike, asked: Asked = NOTHING_ASKED
    ) -> Self:
        """The head that `to_arrays` came from. Raises KeyError for a missing array."""
        values = {
            field.name: _NUMBERS[field.type](arrays[field.name][0])
            if field.type in _NUMBERS
            else np.asarray(arrays[field.name])
            for field in _learnt(cls)
        }
        return cls(classes=np.asarray(classes), asked=asked, **values)


_NUMBERS: dict[Any, Callable[[Any], Any]] = {"float": float, "int": int}  # kept as arrays (1,)


def _learnt(head: FittedHead | type[FittedHead]) -> list[Field[Any]]:
    own = {field.name for field in fields(FittedHead)}
    return [field for field in fields(head) if field.name not in own]


def checked_rows(X: npt.ArrayLike, n_features: int) -> npt.NDArray[Any]:
    """X as a matrix (n, d) in its own float32 or float64, all else as float64.

    Raises:
        ValueError: X is no matrix of finite numbers with `n_features` columns.
    """
    rows = np.asarray(X)
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    if rows.ndim != 2 or rows.shape[1] != n_features or not len(rows):
        raise ValueError(
            f"the features have the shape {rows.shape}; the head takes (n, {n_features}), one row "
            "for each picture"
        )
    wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} of {len(rows)} rows of features have NaN or infinite values, the first "
            f"is row {wrong[0]}; leave such rows out"
        )
    return rows


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedLinear(FittedHead):
    """One linear layer on standardised features, however its weights were found.

    Attributes:
        coef, intercept: weights (k, d) and (k,) for standardised features.
        mean, scale: of the features, (d,).
        C: inverse of the regularization that was used; infinite without one.
        n_iter: steps of the solution.
    """

    name = "linear"

    coef: FloatArray
    intercept: FloatArray
    mean: FloatArray
    scale: FloatArray
    C: float
    n_iter: int

    @classmethod
    def of_layer(
        cls, weight: FloatArray, bias: FloatArray, asked: Asked = NOTHING_ASKED
    ) -> FittedLinear:
        """A network's own last layer, weight (k, d) and bias (k,): nothing standardised."""
        k, d = weight.shape
        return cls(
            classes=np.arange(k),
            asked=asked,
            coef=weight,
            intercept=bias,
            mean=np.zeros(d),
            scale=np.ones(d),
            C=np.inf,
            n_iter=0,
        )

    @property
    def n_features(self) -> int:
        return int(self.coef.shape[1])

    def logits(self, rows: npt.NDArray[Any]) -> FloatArray:
        """Logits (n, k) of rows (n, d) that have been checked."""
        parts = [block @ self.coef.T for block in blocks(rows, self.mean, self.scale)]
        return np.asarray(np.concatenate(parts) + self.intercept)

    def answer(self, rows: npt.NDArray[Any]) -> FloatArray:
        return softmax(self.logits(rows))

    def folded(self) -> tuple[FloatArray, FloatArray]:
        """Weights (k, d) and biases (k,) on the raw features: X @ weight.T + bias is the logits."""
        weight = self.coef / self.scale
        return weight, self.intercept - weight @ self.mean


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedSvm(FittedHead):
    """A linear support vector machine whose decision values pass through Platt's sigmoids.

    Attributes:
        coef, intercept: on the standardised features, (o, d) and (o,); o is 1 for two classes.
        mean, scale: of the features, (d,).
        sigmoid: slope and offset for each decision value, (o, 2).
        C: that was used.
    """

    name = "svm"

    coef: FloatArray
    intercept: FloatArray
    mean: FloatArray
    scale: FloatArray
    sigmoid: FloatArray
    C: float

    @property
    def n_features(self) -> int:
        return int(self.coef.shape[1])

    def decisions(self, rows: npt.NDArray[Any]) -> FloatArray:
        """Decision values (n, o) of checked rows: above 0 for the class, below for the rest."""
        parts = [block @ self.coef.T for block in blocks(rows, self.mean, self.scale)]
        return np.asarray(np.concatenate(parts) + self.intercept)

    def answer(self, rows: npt.NDArray[Any]) -> FloatArray:
        return platt_probabilities(self.decisions(rows), self.sigmoid)

    def arguments(self) -> tuple[FloatArray, FloatArray]:
        """Weights (o, d) and biases (o,) on standardised features that give Platt's arguments.

        Slope and offset may be hundreds and cancel; put together they do so here, in float64.
        """
        slope, offset = self.sigmoid.T
        return self.coef * slope[:, None], self.intercept * slope + offset


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedKnn(FittedHead):
    """Training rows that vote.

    Attributes:
        rows: the centred training rows at length 1, (m, d).
        codes: their classes as 0 to k - 1, (m,).
        mean: what centring takes away, (d,).
        class_weights: weight of each class's votes, (k,).
        n_neighbors: rows that vote; all when there are fewer.
    """

    name = "knn"

    rows: Float32Array
    codes: IntArray
    mean: FloatArray
    class_weights: FloatArray
    n_neighbors: int

    @property
    def n_features(self) -> int:
        return int(self.rows.shape[1])

    def answer(self, rows: npt.NDArray[Any]) -> FloatArray:
        count = min(self.n_neighbors, len(self.rows))
        block = max(1, BLOCK_NUMBERS // max(len(self.rows), count * rows.shape[1]))
        parts = [
            self._votes(centred_to_length_one(rows[start : start + block], self.mean), count)
            for start in range(0, len(rows), block)
        ]
        return np.concatenate(parts)

    def _votes(self, unit: FloatArray, count: int) -> FloatArray:
        """Probabilities (b, k) of centred rows of length 1, (b, d)."""
        rough: Float32Array = unit.astype(np.float32) @ self.rows.T
        nearest = np.argpartition(-rough, count - 1, axis=1)[:, :count]
        # Again one by one: a product of matrices rounds by the place of a row in its block.
        similarity = np.einsum("bd,bcd->bc", unit, self.rows[nearest])
        nearest_similarity = similarity.max(axis=1, keepdims=True)
        weights = np.exp((similarity - nearest_similarity) / NEIGHBOUR_TEMPERATURE)
        codes = self.codes[nearest]
        weights *= self.class_weights[codes]
        spread = self.class_weights / self.class_weights.sum()
        votes = np.tile(spread, (len(unit), 1))
        np.add.at(votes, (np.arange(len(unit))[:, None], codes), weights)
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))


def centred_to_length_one(X: npt.NDArray[Any], mean: FloatArray) -> FloatArray:
    """Rows minus the mean at length 1; a row at the mean stays 0."""
    centred = np.asarray(X - mean, dtype=np.float64)
    length = np.sqrt(np.einsum("nd,nd->n", centred, centred))[:, None]
    np.divide(centred, length, out=centred, where=length > 0)
    return centred


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedMlp(FittedHead):
    """One hidden layer of rectified units on standardised features.

    Attributes:
        first, first_bias: (d, hidden) and (hidden,).
        last, last_bias: (hidden, o) and (o,); o is 1 for two classes, else k.
        mean, scale: of the features, (d,).
        n_iter: epochs up to the one that was kept.
    """

    name = "mlp"

    first: Float32Array
    first_bias: Float32Array
    last: Float32Array
    last_bias: Float32Array
    mean: FloatArray
    scale: FloatArray
    n_iter: int

    @property
    def n_features(self) -> int:
        return int(self.first.shape[0])

    def answer(self, rows: npt.NDArray[Any]) -> FloatArray:
        layers = (self.first, self.first_bias, self.last, self.last_bias)
        standard = blocks(rows, self.mean, self.scale)
        return softmax(np.concatenate([mlp_logits(layers, block) for block in standard]))


MlpLayers = tuple[Float32Array, Float32Array, Float32Array, Float32Array]


def mlp_logits(layers: MlpLayers, features: npt.NDArray[Any]) -> FloatArray:
    """Logits (n, k), in float64, of standardised features (n, d).

    Args:
        layers: first weights and biases, last weights and biases, as `FittedMlp` has them.
        features: one row for each picture.
    """
    first, first_bias, last, last_bias = layers
    hidden = np.maximum(features.astype(np.float64) @ first + first_bias, 0.0)
    logits = hidden @ last + last_bias
    if logits.shape[1] == 1:
        return np.concatenate([-logits / 2, logits / 2], axis=1)
    return np.asarray(logits)
