"""How well features suit the classes, told without fitting a head: LogME, H-score, neighbours."""

from __future__ import annotations

import numpy as np

from headstart.arrays import Float32Array, FloatArray, IntArray
from headstart.audit.neighbours import nearest_rows, unit_rows

NEIGHBOURS = 5
_ROUNDS = 1000
_CLOSE = 1e-9  # relative change of the ratio of the precisions
_FAR = 1e9  # ratio to the features' own squares at which the weights are 0, or free


def log_evidence(features: Float32Array, codes: IntArray) -> float:
    """LogME: the log evidence of a row, the mean over the classes; the higher the better.

    Each class's indicator is a Bayesian linear model of the features; its two precisions (of the
    weights and of the noise) are those of the largest evidence, by fixed point. You, Liu, Wang and
    Long, LogME: practical assessment of pre-trained models for transfer learning, ICML 2021.

    Args:
        features: (n, d).
        codes: class of each row as 0 to k - 1, (n,).

    Raises ValueError for fewer than two classes.
    """
    classes = _classes(codes)
    left, singular, _ = np.linalg.svd(features.astype(np.float64), full_matrices=False)
    rank = int((singular > singular[0] * max(features.shape) * np.finfo(np.float64).eps).sum())
    left, squares = left[:, :rank], singular[:rank] ** 2
    targets = (codes[:, None] == classes).astype(np.float64)  # (n, k)
    found = [_evidence(left.T @ y, squares, float(y @ y), features.shape) for y in targets.T]
    return float(np.mean(found)) / len(features)


def _evidence(x: FloatArray, squares: FloatArray, total: float, shape: tuple[int, ...]) -> float:
    """Log evidence of one target, x its parts (r,) along the left singular vectors.

    `squares` are the features' squared singular values (r,), `total` is the target's own square.
    """
    n, d = shape
    beyond = max(total - float(x @ x), 0.0)  # what no weights can explain
    ratio, alpha, beta = 1.0, 1.0, 1.0
    least, most = squares.mean() / _FAR, squares.mean() * _FAR
    for _ in range(_ROUNDS):
        weights = float((squares * x**2 / (squares + ratio) ** 2).sum())
        error = float(((ratio * x / (squares + ratio)) ** 2).sum()) + beyond
        used = float((squares / (squares + ratio)).sum())
        alpha, beta = used / max(weights, 1e-300), (n - used) / max(error, 1e-300)
        before, ratio = ratio, min(max(alpha / beta, least), most)
        if abs(ratio - before) <= _CLOSE * before:
            break
    determinant = np.log(alpha + beta * squares).sum() + (d - len(squares)) * np.log(alpha)
    fit = d * np.log(alpha) + n * np.log(beta) - beta * error - alpha * weights - determinant
    return 0.5 * float(fit - n * np.log(2 * np.pi))


def shrunk_h_score(features: Float32Array, codes: IntArray) -> float:
    """H-score: variance between the classes, in units of the features' own; 0 to k - 1.

    The trace of the inverse covariance of the features times the covariance of their class means,
    with the covariance shrunk as Ledoit and Wolf (2004) do, without which more features than rows
    score anything: Ibrahim, Ponomareva and Mazumder, Newer is not always better, ECML 2022.

    Args:
        features: (n, d).
        codes: class of each row as 0 to k - 1, (n,).

    Raises ValueError for fewer than two classes.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage

    classes = _classes(codes)
    X = features.astype(np.float64)
    X -= X.mean(axis=0)
    n, d = X.shape
    shrinkage = float(ledoit_wolf_shrinkage(X, assume_centered=True))
    spread = shrinkage * float((X**2).sum()) / (n * d)  # what is added to each variance
    counts = np.array([(codes == code).sum() for code in classes], dtype=np.float64)
    means = np.stack([X[codes == code].mean(axis=0) for code in classes])  # (k, d)
    between = means * np.sqrt(counts / n)[:, None]
    if spread <= 0:  # all features are constant, or all of their covariance is known
        inverse = np.linalg.pinv(X.T @ X / n) @ between.T
    elif d <= n:
        inverse = np.linalg.solve((1 - shrinkage) * X.T @ X / n + spread * np.eye(d), between.T)
    else:  # (S + cI)^-1 b = (b - X' (XX' + cI)^-1 X b) / c, with a system of n instead of d
        scaled = X * np.sqrt((1 - shrinkage) / n)
        inner = np.linalg.solve(scaled @ scaled.T + spread * np.eye(n), scaled @ between.T)
        inverse = (between.T - scaled.T @ inner) / spread
    return (1 - shrinkage) * float((between * inverse.T).sum())


def neighbour_accuracy(
    features: Float32Array, codes: IntArray, groups: IntArray | None = None
) -> float:
    """Share of rows that most of their nearest rows of other groups have the class of, 0 to 1.

    The five of the highest cosine vote, on a tie the nearest among the tied classes.

    Args:
        features: (n, d).
        codes: class of each row as 0 to k - 1, (n,).
        groups: of each row, (n,); its own rows do not vote.

    Raises ValueError for fewer than two classes.
    """
    _classes(codes)
    rows = np.arange(len(codes))
    near = nearest_rows(unit_rows(features), rows, rows, count=NEIGHBOURS, groups=groups)
    votes = np.zeros((len(codes), int(codes.max()) + 1))
    for place in range(NEIGHBOURS):
        there = near[:, place] >= 0
        weight = 1.0 + 2.0 ** -(place + NEIGHBOURS)  # all but one, and a tie's first decides
        votes[rows[there], codes[near[there, place]]] += weight
    return float((votes.argmax(axis=1) == codes).mean())


def _classes(codes: IntArray) -> IntArray:
    classes = np.unique(codes)
    if len(classes) < 2:
        raise ValueError(f"{len(classes)} class; a score of features needs two")
    return classes
