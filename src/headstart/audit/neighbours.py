"""Which pictures are most alike in feature space."""

from __future__ import annotations

import numpy as np

from headstart.arrays import Float32Array, IntArray

CELLS = 4_000_000  # of one block of comparisons: 16 MB


def unit_rows(features: Float32Array) -> Float32Array:
    """Rows of length 1, (n, d); a row of zeros stays and is far from all others."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    units: Float32Array = (features / np.where(length > 0, length, 1.0)).astype(np.float32)
    return units


def nearest_rows(
    units: Float32Array,
    rows: IntArray,
    among: IntArray,
    *,
    count: int = 1,
    groups: IntArray | None = None,
) -> IntArray:
    """The rows of highest cosine, the nearest first, (m, count); -1 where there are no more.

    A row is not its own neighbour, and with groups no row of its group is.

    Args:
        units: of length 1 each, from `unit_rows`, (n, d).
        rows: whose neighbours are wanted, (m,).
        among: the rows that may be neighbours, each once, (a,).
        count: neighbours of each.
        groups: number of each row's group, (n,).
    """
    found = np.full((len(rows), count), -1, dtype=np.int64)
    if not len(rows) or not len(among):
        return found
    kept = min(count, len(among))
    others = units[among]
    height = max(1, CELLS // len(among))
    for start in range(0, len(rows), height):
        block = rows[start : start + height]
        cosine = units[block] @ others.T
        own = block[:, None] == among
        if groups is not None:
            own |= groups[block][:, None] == groups[among]
        cosine[own | np.isnan(cosine)] = -np.inf
        nearest = np.sort(np.argpartition(-cosine, kept - 1, axis=1)[:, :kept], axis=1)
        heights = np.take_along_axis(cosine, nearest, axis=1)
        order = np.argsort(-heights, axis=1, kind="stable")  # equal ones in the order of their rows
        nearest = np.take_along_axis(nearest, order, axis=1)
        known = np.isfinite(np.take_along_axis(heights, order, axis=1))
        found[start : start + height, :kept] = np.where(known, among[nearest], -1)
    return found
