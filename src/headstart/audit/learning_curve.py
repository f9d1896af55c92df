"""Would more pictures help? Accuracy on growing shares of the rows, and a power law through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import BoolArray, FloatArray, IntArray
from headstart.data.dataset import Dataset
from headstart.data.split import Split, stratified_folds
from headstart.evaluate.effective_rows import effective_share
from headstart.evaluate.intervals import Interval, effective_wilson
from headstart.features.embed import Features
from headstart.heads.head import Head
from headstart.options import DEFAULT_SEED
from headstart.progress import QUIET, Progress
from headstart.recipes.folds import out_of_fold


def stratified_rows(targets: IntArray, most: int, seed: int) -> IntArray:
    """At most about `most` rows, of every class the same share, sorted."""
    n = len(targets)
    if n <= most:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    order = order[np.argsort(targets[order], kind="stable")]
    picks = np.floor(np.arange(most) * (n / most)).astype(np.int64)
    return np.sort(order[picks])


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


SHARES = (0.1, 0.2, 0.4, 0.8, 1.0)
FOLDS = 5
MOST_ROWS = 10_000
REPEATED, FOLDED = 600, 1_200  # rows up to which folds are repeated, and all of them used
RESAMPLES = 500
HARDLY = 0.1  # a gain of less than this share of the error is hardly one
NONE = 0.02  # and of less than this is none


@dataclass(frozen=True)
class CurvePoint:
    """Accuracy of heads that learnt from a share of the training rows.

    Attributes:
        share: of the training rows.
        n_train: training rows, the mean over the folds.
        accuracy: over all rows, each answered by a head that did not learn from it.
        interval: its 95% interval, Wilson's on the effective number of rows.
        accuracies: one for each repeat.
    """

    share: float
    n_train: int
    accuracy: float
    interval: Interval
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class LearningCurve:
    """Accuracy by number of training pictures, and what twice as many would give.

    Attributes:
        points: from few to all training rows.
        law: the power law through the points, None when it cannot be drawn.
        n_twice: twice the training pictures.
        error_now: of the law at the number of pictures there is.
        error_twice: of the law at `n_twice`.
        error_twice_interval: its 95% bootstrap interval.
        helps: True when twice the pictures take about a tenth of the error away or more, and surely
            some of it; False when they surely take less than a tenth; None between the two.
        sentence: the answer in words.
        notes: what was left out.
    """

    points: tuple[CurvePoint, ...]
    law: PowerLaw | None
    n_twice: int
    error_now: float | None
    error_twice: float | None
    error_twice_interval: Interval | None
    helps: bool | None
    sentence: str
    notes: tuple[str, ...] = ()


def learning_curve(
    data: Dataset,
    features: Features,
    make: Callable[[], Head],
    *,
    shares: Sequence[float] = SHARES,
    repeats: int = 2,
    seed: int = DEFAULT_SEED,
    progress: Progress = QUIET,
) -> LearningCurve:
    """Measure the head on growing stratified shares of the training rows of five folds.

    A head learns from the rows and their augmented views, as a fit's does. Groups stay together,
    in the folds and in the shares. The test rows are the folds' test rows at every share, so the
    points differ by their training rows only. The power law's uncertainty comes from drawing groups
    of test rows and repeats with replacement. With more than 600 rows nothing is repeated, with
    more than 1,200 one fold's test rows are enough.

    Args:
        data, features: labelled rows; of more than 10,000 so many are drawn.
        make: makes a head for each fit.
        shares: growing shares, the last one 1.
        repeats: how often the folds and shares are drawn anew, of 600 rows or fewer.
        seed: of all draws.
        progress: told of every fit.

    Raises:
        DataError: the groups tie the classes together, so that there are no folds.
    """
    rows, notes = _rows(data, seed)
    groups = data.groups[rows]
    repeats = repeats if len(rows) <= REPEATED else 1
    tested = np.zeros(len(rows), dtype=np.bool_)
    right = np.zeros((repeats, len(shares), len(rows)), dtype=np.bool_)
    sizes = np.zeros((repeats, len(shares)))
    used = FOLDS if len(rows) <= FOLDED else 1
    progress.start("learning curve", repeats * used * len(shares))
    try:
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, repeat])
            folds = stratified_folds(
                [data.labels[row] for row in rows], folds=FOLDS, seed=seed + repeat, groups=groups
            )
            folds = folds[:used]
            for fold in folds:
                tested[fold.test] = True
                place_of = _growing(data.targets[rows[fold.train]], groups[fold.train], rng)
                for number, share in enumerate(shares):
                    train = rows[fold.train[place_of <= share]]
                    sizes[repeat, number] += len(train) / len(folds)
                    part = Split(train, rows[fold.test])
                    answers = out_of_fold(data, features, part, make).argmax(axis=1)
                    right[repeat, number, fold.test] = answers == data.targets[part.test]
                    progress.advance()
    finally:
        progress.stop()
    right = right[:, :, tested]
    points = _points(right, sizes.mean(axis=0), shares, groups[tested])
    return _extrapolated(points, right, groups[tested], seed, notes)


def _rows(data: Dataset, seed: int) -> tuple[IntArray, tuple[str, ...]]:
    n = len(data)
    rows = stratified_rows(data.targets, MOST_ROWS, seed)
    if len(rows) == n:
        return rows, ()
    return rows, (f"the learning curve was drawn with {len(rows):,} of {n:,} rows",)


def _growing(targets: IntArray, groups: IntArray, rng: np.random.Generator) -> FloatArray:
    """For each row the share from which on it is in, (m,): classes grow alike, groups together.

    A class's first group has 0, so that every class is there at every share.
    """
    names, first, group, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    home = targets[first]  # a group counts for the class of its first row
    share_of = np.zeros(len(names))
    order = rng.permutation(len(names))
    for target in np.unique(home):
        mine = order[home[order] == target]
        ends = np.cumsum(sizes[mine])
        share_of[mine] = (ends - sizes[mine] / 2) / ends[-1]  # in when its middle is in
        share_of[mine[0]] = 0.0
    shares: FloatArray = share_of[group]
    return shares


def _points(
    right: BoolArray, sizes: FloatArray, shares: Sequence[float], groups: IntArray
) -> tuple[CurvePoint, ...]:
    n = right.shape[2]
    points = []
    for number, share in enumerate(shares):
        accuracies = right[:, number].mean(axis=1)
        accuracy = float(accuracies.mean())
        # The repeats answer the same rows, so they do not make the interval narrower.
        worth = effective_share(right[:, number].mean(axis=0) - accuracy, groups)
        interval = effective_wilson(round(accuracy * n), n, worth) or (0.0, 1.0)
        points.append(
            CurvePoint(share, round(sizes[number]), accuracy, interval, tuple(accuracies.tolist()))
        )
    return tuple(points)


def _extrapolated(
    points: tuple[CurvePoint, ...],
    right: BoolArray,
    groups: IntArray,
    seed: int,
    notes: tuple[str, ...],
) -> LearningCurve:
    sizes = np.array([point.n_train for point in points], dtype=np.float64)
    now, twice = int(sizes[-1]), 2 * int(sizes[-1])
    errors = np.array([[1 - point.accuracy for point in points]])
    if len(np.unique(sizes)) < 3:
        why = f"Whether more pictures would help cannot be told from {now} training pictures."
        return LearningCurve(points, None, twice, None, None, None, None, why, notes)
    law = fit_power_laws(sizes, errors)[0]
    laws = fit_power_laws(sizes, _resampled(~right, groups, seed))
    ends = np.array([[drawn.error(now), drawn.error(twice)] for drawn in laws])
    low, high = np.quantile(ends[:, 1], [0.025, 0.975]).tolist()
    error_now, error_twice = law.error(now), law.error(twice)
    gain = np.quantile(ends[:, 0] - ends[:, 1], [0.025, 0.975])
    least = HARDLY * error_now
    helps = None
    if gain[1] < least or error_now == 0:
        helps = False
    elif error_now - error_twice >= least and gain[0] >= NONE * error_now:
        helps = True
    sentence = _gain_in_words(helps, error_now, error_twice, (low, high), (gain[0], gain[1]))
    return LearningCurve(
        points, law, twice, error_now, error_twice, (low, high), helps, sentence, notes
    )


def _gain_in_words(
    helps: bool | None, now: float, twice: float, twice_ends: Interval, gain: Interval
) -> str:
    low, high = twice_ends
    if helps:
        return (
            f"With twice the pictures the error would fall from {now:.1%} to about {twice:.1%} "
            f"({low:.1%} to {high:.1%})."
        )
    if helps is False:
        return (
            "More pictures of this kind would hardly help: with twice as many the error would be "
            f"about {twice:.1%} ({low:.1%} to {high:.1%}); it is about {now:.1%} now."
        )
    least, most = 100 * gain[0], max(0.1, 100 * gain[1])  # "at most 0.0" would say none
    change = f"With twice the pictures the error of about {now:.1%} would"
    if round(least, 1) > 0:
        return (
            f"{change} fall to about {twice:.1%}: between {least:.1f} and {most:.1f} points would "
            "be gained."
        )
    return (
        f"{change} change to about {twice:.1%}: at most {most:.1f} points would be gained, and "
        "whether any would be cannot be told."
    )


def _resampled(wrong: BoolArray, groups: IntArray, seed: int) -> FloatArray:
    """Errors at each share, drawn anew: groups of rows, and repeats, with replacement, (b, p)."""
    repeats, shares, n = wrong.shape
    rng = np.random.default_rng([seed, 1])
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1
    by_group = np.zeros((repeats * shares, count))
    for line, row in enumerate(wrong.reshape(-1, n)):
        by_group[line] = np.bincount(group, weights=row, minlength=count)
    sizes = np.bincount(group, minlength=count)
    errors = np.empty((RESAMPLES, shares))
    for draw in range(RESAMPLES):
        weights = np.bincount(rng.integers(count, size=count), minlength=count)
        shares_wrong = (by_group @ weights / float(sizes @ weights)).reshape(repeats, shares)
        errors[draw] = shares_wrong[rng.integers(repeats, size=repeats)].mean(axis=0)
    return errors
