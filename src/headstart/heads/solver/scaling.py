"""About the curvature of a linear fit: its diagonal, and for many classes a little more."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.arrays import FloatArray, IntArray

Numbers = npt.NDArray[Any]  # float32 or float64, as the rows are

LEAST_CURVATURE = 1e-4  # assumed for a row
STEEP_ROWS = 8  # of each class
IN_CACHE = 32  # classes whose steep rows are used at once


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


class SteepRows:
    """For one problem of many classes: the diagonal, and what a few rows of each class add to it.

    Of many classes each has hardly any curvature but in the directions of its own rows and of
    those that are nearly taken for them. There it is hundreds of times the mean, and a diagonal
    alone needs two to three times the steps. With D the diagonal and U the class's steep rows,
    scaled by the roots of D and of their own curvature, the class's curvature is about
    D^(1/2) (I + U U') D^(1/2); its inverse is known from the small matrix I + U'U.

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
        self._stretch = DiagonalScaling(C, mean, energy, rows.dtype).stretch[0]  # (1, q + 1)
        scaled = rows[steep]  # (k, m, q + 1)
        scaled *= self._stretch
        scaled *= np.sqrt(np.maximum(bends - C * mean[0], 0))[:, :, None].astype(rows.dtype)
        gram = (scaled @ scaled.transpose(0, 2, 1)).astype(np.float64)
        self._rows = scaled
        self._inverse = np.linalg.inv(gram + np.eye(steep.shape[1])).astype(rows.dtype)

    def eased(self, slopes: Numbers) -> Numbers:
        """The inverse of the curvature times slopes (k, q + 1), a new array."""
        found = np.asarray(slopes * self._stretch)
        for start in range(0, len(found), IN_CACHE):  # its rows are read twice
            some = slice(start, start + IN_CACHE)
            rows, part = self._rows[some], found[some]
            shares = self._inverse[some] @ (rows @ part[:, :, None])
            part -= (shares.transpose(0, 2, 1) @ rows)[:, 0]
        found *= self._stretch
        return found

    def length(self, weights: Numbers) -> float:
        """The root of weights (k, q + 1) times the curvature times weights."""
        points = weights / self._stretch
        along = self._rows @ points[:, :, None]
        return float(np.sqrt(np.vdot(points, points) + np.vdot(along, along)))
