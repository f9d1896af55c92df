"""Platt's sigmoid: from decision values to probabilities.

Sources: Platt 1999, Probabilistic outputs for support vector machines; targets and Newton's method
as in Lin, Lin and Weng 2007, A note on Platt's probabilistic outputs.
"""

from __future__ import annotations

import numpy as np

from headstart.arrays import BoolArray, FloatArray

STEPS = 100
RIDGE = 1e-12  # keeps the 2 x 2 Hessian positive
AT_REST = 1e-8  # slope for each unit of weight
HALVINGS = 30


def fit_sigmoid(
    decisions: FloatArray, positive: BoolArray, row_weights: FloatArray
) -> tuple[float, float]:
    """Slope a and offset b of p(positive) = 1 / (1 + exp(a * decision + b)).

    Args:
        decisions: decision values of rows that the decision was not fitted on, (n,).
        positive: which rows are of the class, (n,).
        row_weights: (n,); rows of weight 0 do not count.
    """
    n_positive = float(row_weights[positive].sum())
    n_negative = float(row_weights[~positive].sum())
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    ab = np.array([0.0, np.log((n_negative + 1) / (n_positive + 1))])
    inputs = np.stack([decisions, np.ones(len(decisions))])  # (2, n)
    value = _loss(ab @ inputs, target, row_weights)
    for _ in range(STEPS):
        p = np.exp(log_sigmoid(-(ab @ inputs)))
        slope = inputs @ (row_weights * (target - p))
        if np.abs(slope).max() <= AT_REST * (n_positive + n_negative):
            break
        hessian = (inputs * (row_weights * p * (1 - p))) @ inputs.T
        step = -np.linalg.solve(hessian + RIDGE * np.eye(2), slope)
        length = 1.0
        for _ in range(HALVINGS):
            new_value = _loss((ab + length * step) @ inputs, target, row_weights)
            if new_value < value + 1e-4 * length * float(slope @ step):
                break
            length /= 2
        else:
            break  # rounding hides any further decrease
        ab, value = ab + length * step, new_value
    return float(ab[0]), float(ab[1])


def log_sigmoid(z: FloatArray) -> FloatArray:
    """log(1 / (1 + exp(-z))), without overflow."""
    return np.asarray(-np.logaddexp(0.0, -z))


def _loss(z: FloatArray, target: FloatArray, row_weights: FloatArray) -> float:
    """Cross-entropy of the targets under p = 1 / (1 + exp(z))."""
    return float(row_weights @ (np.logaddexp(0.0, -z) + target * z))
