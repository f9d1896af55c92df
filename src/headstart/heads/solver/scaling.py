"""Changes of variables after which the curvature of a linear fit is about 1 in every direction."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.arrays import FloatArray, IntArray

Numbers = npt.NDArray[Any]  # float32 or float64, as the rows are

LEAST_CURVATURE = 1e-4  # assumed for a row
STEEP_ROWS = 8  # of each class
NO_BEND = 1e-6  # share of the largest bend below which one is rounding


class DiagonalScaling:
    """Each weight times the root of a curvature: C, times the loss's mean one, times its energy.

    Args:
        C: inverse of the regularization.
        mean: curvature of a row's loss in each problem, (p,).
        energy: sum of squares of each column of the rows, the intercept's last, (q + 1,).
        dtype: of the weights.
    """

    def __init__(self, C: float, mean: Numbers, energy: FloatArray, dtype: Any) -> None:
        self.penalty = np.ones(len(energy), dtype=dtype)
        self.penalty[-1] = 0
        curvature = C * np.maximum(mean, LEAST_CURVATURE)[:, None, None] * energy + self.penalty
        self.stretch = (1 / np.sqrt(curvature)).astype(dtype)  # (p, 1, q + 1)

    def points(self, weights: Numbers) -> Numbers:
        """The variables (p, k, q + 1) of some weights."""
        return np.asarray(weights / self.stretch)

    def weights(self, points: Numbers) -> Numbers:
        """The weights (p, k, q + 1) of some variables, a new array."""
        return np.asarray(points * self.stretch)

    def slopes(self, gradient: Numbers) -> Numbers:
        """Slopes by the variables from those by the weights, which may be overwritten."""
        gradient *= self.stretch
        return gradient


class SteepRowsScaling(DiagonalScaling):
    """For one problem of many classes: the diagonal, and what a few rows of each class add to it.

    Of many classes each has hardly any curvature but in the directions of its own rows and of
    those that are nearly taken for them. There it is hundreds of times the mean, and a diagonal
    alone needs two to three times the steps. With D the diagonal and U the class's steep rows,
    scaled by the roots of D and of their own curvature, the class's curvature is about
    D^(1/2) (I + U U') D^(1/2); its root is known from the small matrix U'U.

    Args:
        C, mean, energy: as above, for p = 1.
        rows: (n, q + 1).
        steep: rows of each class, (k, m).
        bends: their curvature in the logit of the class, by C and the row's weight, (k, m).
    """

    def __init__(
        self,
        C: float,
        mean: Numbers,
        energy: FloatArray,
        rows: Numbers,
        steep: IntArray,
        bends: Numbers,
    ) -> None:
        super().__init__(C, mean, energy, rows.dtype)
        scaled = rows[steep]  # (k, m, q + 1)
        scaled *= self.stretch
        scaled *= np.sqrt(np.maximum(bends - C * mean[0], 0))[:, :, None].astype(rows.dtype)
        gram = (scaled @ scaled.transpose(0, 2, 1)).astype(np.float64)
        values, turn = np.linalg.eigh(gram)
        known = values > NO_BEND * max(values.max(), 1.0)
        values = np.where(known, values, 1.0)
        turn *= np.where(known, 1 / np.sqrt(values), 0.0)[:, None, :]
        self._axes = turn.transpose(0, 2, 1).astype(rows.dtype) @ scaled  # unit vectors, or 0
        roots = np.sqrt(1 + values)
        self._shrink = np.where(known, 1 / roots - 1, 0.0).astype(rows.dtype)
        self._grow = np.where(known, roots - 1, 0.0).astype(rows.dtype)

    def points(self, weights: Numbers) -> Numbers:
        return self._along_axes(super().points(weights), self._grow)

    def weights(self, points: Numbers) -> Numbers:
        return super().weights(self._along_axes(points, self._shrink))

    def slopes(self, gradient: Numbers) -> Numbers:
        return self._along_axes(super().slopes(gradient), self._shrink)

    def _along_axes(self, vectors: Numbers, more: Numbers) -> Numbers:
        """Vectors (1, k, q + 1) with `more` (k, m) of their parts along each class's axes."""
        parts = (self._axes @ vectors[0][:, :, None])[:, :, 0] * more
        return np.asarray(vectors + (parts[:, None, :] @ self._axes)[:, 0])
