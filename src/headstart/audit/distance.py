"""How far each picture's features lie from their nearest neighbours', in blocks."""

from __future__ import annotations

import numpy as np

from headstart.arrays import Float32Array, FloatArray
from headstart.options import DEFAULT_SEED

NEIGHBOURS = 5
REFERENCES = 4_000  # pictures that all others are compared with
CELLS = 4_000_000  # of one block of comparisons: 16 MB


def neighbour_distance(
    features: Float32Array,
    *,
    neighbours: int = NEIGHBOURS,
    references: int = REFERENCES,
    seed: int = DEFAULT_SEED,
) -> FloatArray:
    """Mean cosine distance of each row to its nearest neighbours, (n,).

    The features stay as they are: of noise, flat pictures and text among photographs, the plain
    cosine stands out most (docs/odd-pictures.md). With more rows than `references`, the neighbours
    are looked for in so many rows drawn by the seed: the distances of all rows grow alike. A row
    is not its own neighbour. NaN for rows that are not finite, and everywhere when fewer than two
    rows are.

    Args:
        features: (n, d).
        neighbours: at most so many; with few rows, all others.
        references: rows that are compared with.
        seed: of the draw.
    """
    distances = np.full(len(features), np.nan)
    rows = np.flatnonzero(np.isfinite(features).all(axis=1))
    if len(rows) < 2:
        return distances
    units = _units(features[rows] if len(rows) < len(features) else features)
    chosen = np.arange(len(rows))
    if len(rows) > references:
        chosen = np.sort(np.random.default_rng(seed).choice(len(rows), references, replace=False))
    others = units[chosen]
    place = np.full(len(rows), -1)
    place[chosen] = np.arange(len(chosen))
    k = min(neighbours, len(chosen) - 1)
    height = max(1, CELLS // len(chosen))
    for start in range(0, len(rows), height):
        cosine = units[start : start + height] @ others.T
        own = place[start : start + height]
        cosine[np.flatnonzero(own >= 0), own[own >= 0]] = -np.inf
        nearest = -np.partition(-cosine, k - 1, axis=1)[:, :k]
        distances[rows[start : start + height]] = 1 - nearest.mean(axis=1, dtype=np.float64)
    return distances


def _units(features: Float32Array) -> Float32Array:
    """Rows of length 1; a row of zeros stays and is far from all others."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    units: Float32Array = (features / np.where(length > 0, length, 1.0)).astype(np.float32)
    return units


def robust_limit(values: FloatArray, deviations: float) -> float:
    """Median plus so many robust standard deviations (1.4826 times the median deviation).

    NaN values do not count; infinite when all values but a few are equal, or there are none.
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return float("inf")
    median = float(np.median(known))
    deviation = 1.4826 * float(np.median(np.abs(known - median)))
    return median + deviations * deviation if deviation > 0 else float("inf")
