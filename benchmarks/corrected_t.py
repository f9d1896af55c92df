"""The corrected resampled t test, which the product itself no longer makes: see docs/figures.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit

from headstart.evaluate.intervals import Interval, corrected_standard_error

_ROUNDING = 1e-12  # a spread below it is none


@dataclass(frozen=True)
class CorrectedT:
    """Corrected resampled t test on fold differences; None where undefined.

    With one fold nothing but the mean is defined. Folds that all differ by the same amount give
    no t and no interval; p is then 1 when that amount is 0, else None.
    """

    mean: float
    standard_error: float | None
    t: float | None
    p_value: float | None
    interval: Interval | None


def corrected_t_test(
    differences: Sequence[float], n_train: float, n_test: float, *, confidence: float = 0.95
) -> CorrectedT:
    """t test on per-fold differences of two models, (folds,), corrected for shared training rows.

    The error of the mean is `corrected_standard_error`, with the rows of one fold's training and
    test part: Nadeau and Bengio, Inference for the generalization error, Machine Learning 52
    (2003). Raises ValueError without differences or rows.
    """
    error = corrected_standard_error(differences, n_train, n_test)
    folds = len(differences)
    mean = math.fsum(differences) / folds
    if error is None:
        return CorrectedT(mean, None, None, None, None)
    if error < _ROUNDING:
        return CorrectedT(mean, 0.0, None, 1.0 if abs(mean) < _ROUNDING else None, None)
    t = mean / error
    half = float(stdtrit(folds - 1, (1 + confidence) / 2)) * error
    p_value = 2 * float(stdtr(folds - 1, -abs(t)))
    return CorrectedT(mean, error, t, p_value, (mean - half, mean + half))
