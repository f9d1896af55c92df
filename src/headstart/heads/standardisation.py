"""Features brought to mean 0 and standard deviation 1, column by column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.arrays import FloatArray

BLOCK = 8192  # rows at a time, so that no second copy of a large matrix is made


def column_scale(X: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation (ddof 0) of each column of X (n, d), both (d,).

    A column that is constant up to rounding gets the scale 1. Sums are taken in float64.
    """
    mean: FloatArray = X.mean(axis=0, dtype=np.float64)
    squares = np.zeros(X.shape[1])
    for start in range(0, len(X), BLOCK):
        centred = X[start : start + BLOCK] - mean
        squares += np.einsum("nd,nd->d", centred, centred)
    deviation = np.sqrt(squares / len(X))
    rounding = 10 * np.finfo(X.dtype).eps * np.abs(mean)
    return mean, np.where(deviation > rounding, deviation, 1.0)


def standardised(
    X: npt.NDArray[Any], mean: FloatArray, scale: FloatArray, dtype: Any = np.float64
) -> npt.NDArray[Any]:
    """(X - mean) / scale as a new array (n, d) of `dtype`."""
    rows = np.empty(X.shape, dtype=dtype)
    for start, block in zip(range(0, len(X), BLOCK), blocks(X, mean, scale), strict=True):
        rows[start : start + BLOCK] = block
    return rows


def blocks(X: npt.NDArray[Any], mean: FloatArray, scale: FloatArray) -> Iterator[FloatArray]:
    """(X - mean) / scale in float64, some rows at a time."""
    for start in range(0, len(X), BLOCK):
        yield (X[start : start + BLOCK] - mean) / scale
