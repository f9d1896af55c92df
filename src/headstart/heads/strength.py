"""The strength C of a linear fit, chosen by folds within its own rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.arrays import FloatArray, IntArray
from headstart.heads.design import Design
from headstart.heads.penalised import Loss, logits_of, solve

PATH = tuple(10.0 ** (half / 2) for half in range(-10, 3))  # C from 1e-5 to 10
PATH_TOLERANCE = 1e-3  # enough to rank the strengths
RISES = 2  # the path ends when the score has risen this often in a row
TIE = 1e-4  # scores nearer than this share are equal


@dataclass(frozen=True)
class Choice:
    """A strength and what the folds gave there.

    Attributes:
        C: the strength.
        held_out: logits of each row from the fit without its fold, 0 where there is none, (k, n).
        row_weights: the rows' weights, 0 where no fold holds the row out, (n,).
        start: the mean of the folds' weights, (1, k, q + 1).
    """

    C: float
    held_out: FloatArray
    row_weights: FloatArray
    start: FloatArray


def choose_strength(
    design: Design,
    loss: Loss,
    folds: IntArray,
    row_weights: FloatArray,
    path: Sequence[float] = PATH,
) -> Choice:
    """Take the C whose held-out logits have the least score, the smallest one of equals.

    The folds share the standardisation and the axes of all rows, which use no label. Their matrix
    products are float32: the scores agree with float64 to five digits.

    Args:
        design: the rows, (n, q + 1).
        loss: what is minimised, and what scores.
        folds: the fold that holds each row out, -1 for none, (n,); some row must have one.
        row_weights: (n,).
        path: strengths, rising: each is the next one's start. The path is left when the score has
            risen twice in a row.
    """
    fold_numbers = np.arange(int(folds.max()) + 1)[:, None]
    masked = np.where(folds == fold_numbers, 0.0, row_weights)  # (p, n)
    judged = np.where(folds < 0, 0.0, row_weights)
    coarse = replace(design, rows=design.rows.astype(np.float32))
    scores: list[float] = []
    choices: list[Choice] = []
    start = None
    for C in path:
        start = solve(coarse, loss, masked, C, tolerance=PATH_TOLERANCE, start=start).weights
        logits = logits_of(coarse.rows, start)[folds, :, np.arange(len(folds))].T  # (k, n)
        held_out = np.where(folds < 0, 0.0, logits)
        scores.append(loss.score(held_out, judged))
        choices.append(Choice(C, held_out, judged, start.mean(axis=0, keepdims=True)))
        if len(scores) > RISES and (np.diff(scores[-RISES - 1 :]) > 0).all():
            break
    best = min(scores)
    first = next(i for i, score in enumerate(scores) if score <= best + TIE * abs(best))
    return choices[first]
