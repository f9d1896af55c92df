"""Are the probabilities worth their name? Calibration error, Brier score, temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headstart.arrays import FloatArray, IntArray
from headstart.evaluate.predictions import LEAST_PROBABILITY, Predictions
from headstart.heads.probabilities import softmax

COLDEST, HOTTEST = 0.01, 100.0
_STEPS = 100


@dataclass(frozen=True)
class Bin:
    """Rows whose confidence lies in [low, high), the last bin with its end; None when empty.

    Attributes:
        confidence: mean probability of the likeliest class.
        accuracy: share of rows where that class is the truth.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class CalibrationError:
    """Expected calibration error over n scored rows, None when n is 0, with its bins."""

    error: float | None
    n: int
    bins: tuple[Bin, ...]


def expected_calibration_error(predictions: Predictions, bins: int = 15) -> CalibrationError:
    """Mean gap between confidence and accuracy over equally wide bins, weighted by their rows.

    Confidence is the likeliest class's probability. 1.0 belongs to the last bin and 0.0 to the
    first; a value on an inner edge belongs to the bin above. Naeini, Cooper and Hauskrecht (AAAI
    2015); Guo, Pleiss, Sun and Weinberger (ICML 2017). Raises ValueError for fewer than one bin
    or unknown truth.
    """
    if bins < 1:
        raise ValueError(f"bins is {bins}, expected at least 1")
    rows = predictions.scorable
    confidence, correct = predictions.probability[rows], predictions.correct[rows]
    edges = np.arange(bins + 1) / bins
    place = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    confident = np.bincount(place, weights=confidence, minlength=bins)
    right = np.bincount(place[correct], minlength=bins)
    table = tuple(
        Bin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            count=int(count[i]),
            confidence=float(confident[i] / count[i]) if count[i] else None,
            accuracy=float(right[i] / count[i]) if count[i] else None,
        )
        for i in range(bins)
    )
    n = len(confidence)
    error = float(np.abs(confident - right).sum() / n) if n else None
    return CalibrationError(error, n, table)


def brier_score(predictions: Predictions) -> float | None:
    """Mean squared distance between probabilities and truth, summed over the classes: 0 to 2.

    Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78
    (1950). With two classes it is twice the figure that uses one class only. None when no row can
    be scored; raises ValueError for unknown truth.
    """
    rows = predictions.scorable
    if not rows.any():
        return None
    target = np.eye(len(predictions.classes))[predictions.truth_index[rows]]
    return float(((predictions.probabilities[rows] - target) ** 2).sum(axis=1).mean())


def fit_temperature(probabilities: FloatArray, truth_index: IntArray) -> float:
    """The T of least log loss for softmax(ln p / T), from (n, k) and (n,), between 0.01 and 100.

    The loss is convex in 1 / T; its slope's root is found by Newton steps inside a bracket. When
    the truth is the likeliest class in every row, or no row is given, the loss sets no limit to
    how sure to be, and T is 1: the probabilities stay as they are. Fit it on out-of-fold
    predictions, never on rows that the head has learnt from. Guo, Pleiss, Sun and Weinberger, On
    calibration of modern neural networks (ICML 2017).

    Raises ValueError for unequal lengths, a truth outside 0 to k - 1, or rows with NaN.
    """
    _check(probabilities, truth_index)
    logs = _logs(probabilities)
    chosen = logs[np.arange(len(logs)), truth_index] if len(logs) else logs[:, 0]
    if bool((chosen == logs.max(axis=1)).all()):
        return 1.0
    low, high = 1 / HOTTEST, 1 / COLDEST
    if _slope(logs, chosen, low)[0] >= 0:
        return HOTTEST
    if _slope(logs, chosen, high)[0] <= 0:
        return COLDEST
    beta = 1.0
    for _ in range(_STEPS):
        slope, curvature = _slope(logs, chosen, beta)
        low, high = (beta, high) if slope < 0 else (low, beta)
        step = beta - slope / curvature if curvature > 0 else low
        # A step out of the bracket, where the loss is nearly straight, is halved geometrically.
        following = step if low < step < high else math.sqrt(low * high)
        if abs(following - beta) <= 1e-12 * beta:
            break
        beta = following
    return 1 / beta


def apply_temperature(probabilities: FloatArray, temperature: float) -> FloatArray:
    """softmax(ln p / T) of each row, (n, k); NaN rows stay NaN.

    T = 1 returns the same numbers to the bit; no T changes a row's likeliest class. Probabilities
    below 2.2e-16 are taken as that. Raises ValueError unless T is positive and finite.
    """
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature is {temperature}, expected a positive number")
    if temperature == 1 or len(probabilities) == 0:
        return probabilities.copy()
    scaled = softmax(_logs(probabilities) / temperature)
    best = probabilities.argmax(axis=1)
    # A large T can round two neighbours to one number, and the first would then win.
    tied = np.flatnonzero(scaled.argmax(axis=1) != best)
    scaled[tied, best[tied]] = np.nextafter(scaled[tied].max(axis=1), 1.0)
    return scaled


def _slope(logs: FloatArray, chosen: FloatArray, beta: float) -> tuple[float, float]:
    """First and second derivative of the mean log loss with respect to beta = 1 / T."""
    weights = softmax(logs * beta)
    mean = (weights * logs).sum(axis=1)
    spread = (weights * (logs - mean[:, None]) ** 2).sum(axis=1)
    return float((mean - chosen).mean()), float(spread.mean())


def _logs(probabilities: FloatArray) -> FloatArray:
    kept = np.maximum(probabilities.astype(np.float64), LEAST_PROBABILITY)
    logs: FloatArray = np.log(kept)
    return logs


def _check(probabilities: FloatArray, truth_index: IntArray) -> None:
    n, k = probabilities.shape
    if truth_index.shape != (n,):
        raise ValueError(f"truth is {truth_index.shape}, expected {(n,)}")
    if n and not (truth_index.min() >= 0 and truth_index.max() < k):
        raise ValueError(f"truth goes from {truth_index.min()} to {truth_index.max()}, k is {k}")
    if np.isnan(probabilities).any():
        raise ValueError("probabilities have NaN: leave out the rows without an answer")
