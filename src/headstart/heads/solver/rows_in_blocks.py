"""The rows of a large linear fit: standardised anew at every step, some at a time, never copied.

What is large may be a memory-mapped file: it is read once a step, from first row to last.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.arrays import FloatArray, IntArray
from headstart.heads.blas_threads import threads_for
from headstart.heads.solver.losses import Loss
from headstart.heads.solver.principal_axes import AXES_LIMIT, AxisScores, Found, Work
from headstart.heads.solver.scaling import Numbers
from headstart.heads.standardisation import column_scale

BLOCK_NUMBERS = 1_000_000  # at once: 4 MB for each core
MOST_LANES = 16


@dataclass(frozen=True)
class RowsInBlocks:
    """What `AxisScores` is, without the scores: the weights are turned and not the rows.

    A step then passes over the features once, in float32, and sums in float64. Everything else is
    as small as a block, whatever the number of rows.

    Attributes:
        X: features as given, (n, d).
        mean, scale: of each column, in the precision of X, (d,).
        energy: sum of squares of the scores' columns and of the ones, (d + 1,).
        axes: the principal axes, (d, d), or None where the scores are the standardised features.
    """

    X: npt.NDArray[Any]
    mean: npt.NDArray[Any]
    scale: npt.NDArray[Any]
    energy: FloatArray
    axes: FloatArray | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of a fit."""
        return np.dtype(np.float32)

    @property
    def size(self) -> int:
        """The numbers that a step reads, the ones included."""
        return len(self.X) * len(self.energy)

    def each(self, work: Work[Found], loss: Loss) -> Iterator[Found]:
        """What some work on the rows of each part brings, from first part to last.

        The rows (b, d + 1) are standardised, with a last column of ones. Cores take a part each:
        BLAS's own threads wait for each other in products as thin as these.
        """
        return self._each(lambda some, rows: work(some, rows, loss.take(some)))

    def _each(self, work: Callable[[slice, Numbers], Found]) -> Iterator[Found]:
        def do(some: slice) -> Found:
            return work(some, self._standardised(self.X[some]))

        lanes = min(os.cpu_count() or 1, MOST_LANES)
        # As for the smallest of matrices: one thread of BLAS, since the cores have parts already.
        with threads_for(1), ThreadPoolExecutor(lanes, "rows") as pool:
            begun: deque[Future[Found]] = deque()
            for some in self._blocks(len(self.X)):
                begun.append(pool.submit(do, some))
                if len(begun) > lanes:  # more would only lie about
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()

    def _blocks(self, n: int) -> Iterator[slice]:
        height = max(1, BLOCK_NUMBERS // len(self.energy))
        return (slice(start, min(start + height, n)) for start in range(0, n, height))

    def _standardised(self, X: npt.NDArray[Any]) -> Numbers:
        rows = np.ones((len(X), len(self.energy)), dtype=self.dtype)
        np.divide(X - self.mean, self.scale, out=rows[:, :-1], casting="same_kind")
        return rows

    def on_rows(self, weights: Numbers) -> Numbers:
        """Weights (p, k, d + 1) on the scores as weights on the rows of `each`."""
        return self._turned(weights, self.axes if self.axes is None else self.axes.T)

    def from_rows(self, slopes: FloatArray) -> Numbers:
        """Slopes (p, k, d + 1) by the weights on the rows as slopes by those on the scores."""
        return self._turned(slopes, self.axes)

    def _turned(self, weights: Numbers, turn: FloatArray | None) -> Numbers:
        found = weights.astype(self.dtype)
        if turn is not None:
            found[..., :-1] = weights[..., :-1] @ turn
        return found

    def take(self, chosen: IntArray) -> AxisScores:
        """The scores of some rows; the energy is the whole's share, not summed again."""
        rows = np.empty((len(chosen), len(self.energy)), dtype=self.dtype)
        for some in self._blocks(len(chosen)):
            rows[some] = self.from_rows(self._standardised(self.X[chosen[some]]))
        return AxisScores(rows, self.energy * (len(chosen) / len(self.X)))

    def on_features(self, weights: FloatArray) -> FloatArray:
        """Weights on the scores (k, d) as weights on the standardised features (k, d)."""
        return weights if self.axes is None else np.asarray(weights @ self.axes.T)


Scores = AxisScores | RowsInBlocks


def rows_in_blocks(X: npt.NDArray[Any]) -> RowsInBlocks:
    """Find the mean, scale and principal axes of features (n, d), n larger than d or than 2,048."""
    mean, scale = (found.astype(X.dtype) for found in column_scale(X))
    n, d = X.shape
    plain = RowsInBlocks(X, mean, scale, np.full(d + 1, float(n)))
    if d > AXES_LIMIT:
        return plain
    scatter = np.zeros((d, d))
    for products in plain._each(lambda _, rows: rows[:, :-1].T @ rows[:, :-1]):
        scatter += products
    values, axes = np.linalg.eigh(scatter)
    energy = np.append(np.maximum(values, 0.0), float(n))
    return replace(plain, energy=energy, axes=axes)
