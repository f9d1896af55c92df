"""What tells familiar pictures from others, fitted on the features of training pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.arrays import FloatArray, IntArray
from headstart.heads.blas_threads import threads_for
from headstart.heads.familiarity import Familiarity, squares, to_length_one
from headstart.heads.head import TrainingRows
from headstart.heads.solver.choice_of_c import folds_for_choice

LEAST = 20  # distances: of fewer the farthest twentieth is nobody
MOST = 1000  # distances that are kept, evenly spaced among all
LEAST_SHRINKAGE = 1e-6
LARGEST = 8192  # features; with more the covariance costs more than the head


def fit_familiarity(
    X: npt.NDArray[Any], codes: IntArray, groups: npt.NDArray[Any] | None, seed: int
) -> Familiarity | None:
    """Fit on training rows, with distances of each from the statistics of the other folds.

    Args:
        X: features, (n, d); of more than 10,000 rows so many are taken, of every class some.
        codes: classes as 0 to k - 1, (n,), each at least once.
        groups: rows of one group stay in one fold, (n,), or None.
        seed: of the folds.

    Returns:
        None where nothing can be told: for too few rows to hold 20 out, for rows that do not differ
        within their classes, and for more than 8,192 features.
    """
    if X.shape[1] > LARGEST:
        return None
    known = TrainingRows(X, codes, np.arange(codes.max() + 1), np.ones(len(codes)), groups)
    part, folds = folds_for_choice(known, np.random.RandomState(seed))
    if (folds >= 0).sum() < LEAST:
        return None
    with threads_for(len(part) * X.shape[1]):
        unit, codes = to_length_one(X[part]), codes[part]
        shrinkage = _shrinkage(unit, codes)
        if shrinkage is None:
            return None
        held_out = [
            _statistics(unit[folds != fold], codes[folds != fold], *shrinkage).distance(
                unit[folds == fold]
            )
            for fold in range(folds.max() + 1)
        ]
        whole = _statistics(unit, codes, *shrinkage)
    return with_distances(whole, np.concatenate(held_out))


def fit_on_two(
    X: npt.NDArray[Any], codes: IntArray, held_out: npt.NDArray[Any]
) -> Familiarity | None:
    """Fit on rows that a network learnt from, with the distances of rows that it did not.

    Args:
        X: features that the statistics are of, (n, d).
        codes: their classes, (n,).
        held_out: features whose distances are kept, (m, d).

    Returns:
        None as `fit_familiarity`.
    """
    if len(held_out) < LEAST or X.shape[1] > LARGEST:
        return None
    with threads_for(X.size):
        unit = to_length_one(X)
        shrinkage = _shrinkage(unit, codes)
        if shrinkage is None:
            return None
        whole = _statistics(unit, codes, *shrinkage)
        return with_distances(whole, whole.distance(held_out))


def with_distances(fitted: Familiarity, distances: FloatArray) -> Familiarity:
    """The same with these distances, in order; of very many, 1,000 evenly spaced ones."""
    rising = np.sort(distances)
    places = np.linspace(0, len(rising) - 1, min(len(rising), MOST)).round().astype(np.int64)
    return replace(fitted, distances=rising[places])


def _shrinkage(unit: FloatArray, codes: IntArray) -> tuple[float, float] | None:
    """Of rows of length 1: what is added to the diagonal of S, and the share of S that stays.

    The covariance within the classes, S, is shrunk to (1 - a) S + a m I, m the mean of its
    diagonal, by the a of Ledoit and Wolf (A well-conditioned estimator for large-dimensional
    covariance matrices, Journal of Multivariate Analysis 88, 2004). All folds take that of all
    rows: each by its own would count in units of its own. None for an S of zeros.
    """
    within, _, _ = _centred(unit, codes)
    (n, d), lengths = unit.shape, squares(within)
    m = float(lengths.sum()) / (n * d)
    if m <= np.finfo(np.float64).eps:
        return None
    total = float(squares(_scatter(within)).sum()) / n**2  # of the squared elements of S
    apart = total / d - m**2
    uncertain = (float((lengths**2).sum()) / n - total) / (n * d)
    a = 1.0 if apart <= 0 else float(np.clip(uncertain / apart, LEAST_SHRINKAGE, 1.0))
    return a * m, 1 - a


def _statistics(unit: FloatArray, codes: IntArray, base: float, share: float) -> Familiarity:
    """Class means and shrunk covariance of rows of length 1, without distances.

    With fewer rows than features the inverse is taken in the space of the rows, by Woodbury's
    identity.
    """
    within, mean, means = _centred(unit, codes)
    n, d = within.shape
    shrunk = _scatter(within) * (share / n)
    shrunk.flat[:: len(shrunk) + 1] += base
    root = np.linalg.inv(np.linalg.cholesky(shrunk))
    transform = root @ within * np.sqrt(share / n) if n < d else root
    weights = np.array([1.0, -1.0]) / base if n < d else np.array([0.0, 1.0])
    turned = means @ transform.T
    coef = -2 * (weights[0] * means + weights[1] * turned @ transform)
    return Familiarity(
        mean=mean,
        transform=transform.astype(np.float32),
        weights=weights,
        coef=coef.astype(np.float32),
        intercept=weights[0] * squares(means) + weights[1] * squares(turned),
        distances=np.empty(0),
    )


def _scatter(within: FloatArray) -> FloatArray:
    """The products of the rows (n, n) or of the columns (d, d), whichever are fewer."""
    n, d = within.shape
    return np.asarray(within @ within.T if n < d else within.T @ within)


def _centred(unit: FloatArray, codes: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rows minus their class's mean (n, d), the mean of all (d,), the classes' from it (k, d)."""
    _, codes = np.unique(codes, return_inverse=True)
    mean = unit.mean(axis=0)
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    starts = np.cumsum(counts) - counts
    means = np.add.reduceat(unit[order], starts) / counts[:, None] - mean
    return unit - mean - means[codes], mean, means
