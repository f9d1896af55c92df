"""Standardised features in coordinates where a linear fit is small and well conditioned.

A penalty of 0.5 * ||W||^2 does not change under rotation. So the rows are turned, once a fit, onto
the principal axes of their own scatter: with fewer rows than columns nothing but these n scores
matters, and with the scatter diagonal the curvature of the fit is nearly diagonal too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from headstart.arrays import FloatArray
from headstart.heads.solver.losses import Loss
from headstart.heads.standardisation import BLOCK

AXES_LIMIT = 2048  # an eigendecomposition beyond costs more than the steps that it saves
NO_SPREAD = 1e-12  # share of the largest eigenvalue below which an axis is rounding

Found = TypeVar("Found")
Work = Callable[[slice, npt.NDArray[Any], Loss], Found]  # which rows, themselves, their losses


@dataclass(frozen=True)
class AxisScores:
    """The rows of a linear fit.

    Attributes:
        rows: scores and a last column of ones for the intercept, (n, q + 1).
        energy: sum of squares of each column of `rows`, (q + 1,).
        axes: the scores' axes in feature space, (d, q); None when the scores are the features.
        duals: with fewer rows than columns axes = features.T @ duals instead, (n, q).
        features: the standardised features, kept only for `duals`, (n, d).
    """

    rows: npt.NDArray[Any]
    energy: FloatArray
    axes: npt.NDArray[Any] | None = None
    duals: FloatArray | None = None
    features: npt.NDArray[Any] | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of a fit."""
        return self.rows.dtype

    @property
    def size(self) -> int:
        """The numbers that a step reads, the ones included."""
        return self.rows.size

    def each(self, work: Work[Found], loss: Loss) -> Iterator[Found]:
        """What some work on the rows of each part brings: here there is one, of all rows."""
        yield work(slice(None), self.rows, loss)

    def on_rows(self, weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Weights on the scores as weights on the rows of `each`: the same here."""
        return weights

    def from_rows(self, slopes: FloatArray) -> npt.NDArray[Any]:
        """Slopes by the weights on the rows as slopes by those on the scores."""
        return slopes.astype(self.dtype)

    def take(self, chosen: npt.NDArray[np.int64]) -> AxisScores:
        """The scores of some rows; the energy is the whole's share, not summed again."""
        return AxisScores(self.rows[chosen], self.energy * (len(chosen) / len(self.rows)))

    def on_features(self, weights: FloatArray) -> FloatArray:
        """Weights on the scores (k, q) as weights on the standardised features (k, d)."""
        if self.duals is not None and self.features is not None:
            return np.asarray((weights @ self.duals.T) @ self.features)
        return weights if self.axes is None else np.asarray(weights @ self.axes.T)


def axis_scores(features: npt.NDArray[Any]) -> AxisScores:
    """Turn standardised features (n, d) onto their principal axes."""
    n, d = features.shape
    if min(n, d) > AXES_LIMIT:
        rows = _with_ones(features, d)
        return AxisScores(rows, _energy(np.einsum("nd,nd->d", features, features), n))
    if n < d:
        return _few_rows(features)
    values, axes = np.linalg.eigh(features.T @ features)
    rows = np.ones((n, d + 1), dtype=features.dtype)
    for start in range(0, n, BLOCK):
        rows[start : start + BLOCK, :d] = features[start : start + BLOCK] @ axes
    return AxisScores(rows, _energy(np.maximum(values, 0.0), n), axes=axes)


def _few_rows(features: npt.NDArray[Any]) -> AxisScores:
    """Fewer rows than columns: the scores come from the n x n matrix of inner products."""
    values, vectors = np.linalg.eigh(features @ features.T)
    spread = values > NO_SPREAD * max(values[-1], 0.0)
    values, vectors = values[spread], vectors[:, spread]
    roots = np.sqrt(values)
    rows = _with_ones(vectors * roots, len(values))
    return AxisScores(rows, _energy(values, len(rows)), duals=vectors / roots, features=features)


def _with_ones(scores: npt.NDArray[Any], q: int) -> npt.NDArray[Any]:
    rows = np.ones((len(scores), q + 1), dtype=scores.dtype)
    rows[:, :q] = scores
    return rows


def _energy(values: FloatArray, n: int) -> FloatArray:
    return np.append(values, float(n))
