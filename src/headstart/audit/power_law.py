"""How an error falls with the number of pictures: a + b * n ** -c."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.arrays import FloatArray

EXPONENTS = np.linspace(0.1, 2.0, 39)


@dataclass(frozen=True)
class PowerLaw:
    """error(n) = a + b * n ** -c, never below 0 and never above 1."""

    a: float
    b: float
    c: float

    def error(self, n: float) -> float:
        """The error with n training pictures."""
        return float(np.clip(self.a + self.b * n**-self.c, 0.0, 1.0))


def fit_power_laws(sizes: FloatArray, errors: FloatArray) -> list[PowerLaw]:
    """The power law of least squares through each row of errors.

    The exponent is tried in steps of 0.05 from 0.1 to 2; for each, a and b solve a linear problem
    with a not below 0. b may be negative: then more pictures made it worse, and the fit says so.
    Larger sizes weigh more, since a share's variance falls with it and the far end matters.

    Args:
        sizes: numbers of training pictures, (p,), at least three different ones.
        errors: shares of wrong answers, (r, p).

    Raises:
        ValueError: fewer than three sizes.
    """
    if len(np.unique(sizes)) < 3:
        raise ValueError(f"{len(np.unique(sizes))} sizes: a power law needs 3 or more")
    weights = np.sqrt(sizes / sizes.max())
    best = np.full(len(errors), np.inf)
    found = np.zeros((len(errors), 3))
    for c in EXPONENTS:
        x = (sizes / sizes.max()) ** -c  # (p,), so that b is a share at the largest size
        a, b = _line(x, errors, weights)
        loss = (weights * (a[:, None] + b[:, None] * x - errors) ** 2).sum(axis=1)
        better = loss < best - 1e-15
        best[better] = loss[better]
        scale = sizes.max() ** c
        found[better] = np.stack((a, b * scale, np.full(len(a), c)), axis=1)[better]
    return [PowerLaw(*row) for row in found.tolist()]


def _line(x: FloatArray, errors: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted least squares a + b x with a >= 0 for each row of errors (r, p); (r,), (r,)."""
    w = weights / weights.sum()
    mean_x, mean_y = float(w @ x), errors @ w
    b = (errors - mean_y[:, None]) @ (w * (x - mean_x)) / float(w @ (x - mean_x) ** 2)
    a = mean_y - b * mean_x
    through_zero = errors @ (w * x) / float(w @ x**2)
    below = a < 0
    return np.where(below, 0.0, a), np.where(below, through_zero, b)
