"""How often the intervals hold the truth, and the tests find what is not there.

    python -m benchmarks.coverage [--draws 1000] [--markdown]

Draws answers of models whose accuracy is known, alone and in groups whose rows resemble each
other, and asks the functions that every report asks. Nothing is trained but the small models that
the tests over folds need. Prints tables; with --markdown as they stand in docs/figures.md.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from benchmarks.corrected_t import corrected_t_test
from scipy.special import ndtr, ndtri, owens_t

from headstart.arrays import BoolArray, FloatArray, IntArray
from headstart.data.split import stratified_folds
from headstart.evaluate.candidates import fold_widening, stand
from headstart.evaluate.effective_rows import effective_share
from headstart.evaluate.intervals import Interval, wilson
from headstart.evaluate.metrics import measure
from headstart.evaluate.predictions import Predictions
from headstart.evaluate.significance import (
    holm,
    mcnemar_exact,
    paired_difference,
    unpaired_difference,
)

SEED = 13
ALPHA = 0.05
FOLDS = 10
SIZES = (20, 50, 100, 345, 2_000)
SHARES = (0.5, 0.8, 0.9, 0.95, 0.99)
MODELS = (2, 3, 5, 10, 20)
FIGURES = (
    *("accuracy", "recall", "balanced accuracy", "macro F1", "AUC", "log loss", "difference"),
)
RESAMPLES = 500  # random signs in a comparison; reports draw more, which changes no error
OTHERS = ("rows as independent", "bootstrap of groups")
AIM = (0.93, 0.97)  # of the coverage
SPREAD = 1.5  # standard deviation of the log odds that a model gives the truth
TOGETHER = 0.5  # correlation of two models' log odds on a row


@dataclass(frozen=True)
class Population:
    """Answers of a model with a known accuracy, for two classes.

    Attributes:
        share: the accuracy, of either class.
        rare: share of the second class.
        groups: sizes of the groups, () for independent rows.
        correlation: of right answers within a group (intraclass).
        whole: True when a group's rows are of one class.
    """

    share: float
    rare: float = 0.5
    groups: tuple[int, ...] = ()
    correlation: float = 0.0
    whole: bool = False


@dataclass(frozen=True)
class Drawn:
    """Rows of a population: classes (n,), log odds for the truth (m, n) of m models, groups."""

    truth: IntArray
    odds: FloatArray
    groups: IntArray | None

    def predictions(self, model: int = 0) -> Predictions:
        """One model's answers."""
        right = 1 / (1 + np.exp(-self.odds[model]))
        second = np.where(self.truth == 1, right, 1 - right)
        n = len(second)
        return Predictions(
            images=("",) * n,
            classes=("a", "b"),
            probabilities=np.stack((1 - second, second), axis=1),
            truth=tuple("ab"[code] for code in self.truth.tolist()),
            errors=("",) * n,
            groups=self.groups,
        )

    @property
    def right(self) -> BoolArray:
        return np.asarray(self.odds > 0, dtype=np.bool_)


def draw(
    population: Population, n: int, rng: np.random.Generator, shares: Sequence[float] = ()
) -> Drawn:
    """n rows (as many as the groups have) of models with these accuracies."""
    groups = None
    if population.groups:
        groups = np.repeat(np.arange(len(population.groups)), population.groups)
        n = len(groups)
    shares = shares or (population.share,)
    alike = latent_correlation(population.share, population.correlation)

    def noise(models: int) -> FloatArray:
        own = rng.normal(size=(models, n))
        if groups is None:
            return own
        common = rng.normal(size=(models, len(population.groups)))[:, groups]
        return np.asarray(math.sqrt(alike) * common + math.sqrt(1 - alike) * own)

    mixed = math.sqrt(TOGETHER) * noise(1) + math.sqrt(1 - TOGETHER) * noise(len(shares))
    odds = SPREAD * (ndtri(np.array(shares))[:, None] + mixed)
    if groups is not None and population.whole:
        truth = (rng.random(len(population.groups)) < population.rare)[groups]
    else:
        truth = rng.random(n) < population.rare
    return Drawn(truth.astype(np.int64), odds, groups)


@cache
def latent_correlation(share: float, correlation: float) -> float:
    """Correlation of two normal values whose signs, positive in `share`, have this correlation."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        found = correlation_of_signs(share, middle)
        low, high = (middle, high) if found < correlation else (low, middle)
    return low


def correlation_of_signs(share: float, correlation: float) -> float:
    """Correlation of the signs of two normal values, positive in `share`."""
    root = math.sqrt((1 - correlation) / (1 + correlation))
    both = share - 2 * float(owens_t(ndtri(share), root))
    return (both - share**2) / (share * (1 - share))


def true_figures(population: Population, shares: tuple[float, float]) -> dict[str, float]:
    """What each interval should hold."""
    share, rare = population.share, population.rare
    centre = SPREAD * float(ndtri(share))
    grid = centre + SPREAD * ndtri((np.arange(200_000) + 0.5) / 200_000)
    f1 = [
        2 * own * share / (own + own * share + (1 - own) * (1 - share)) for own in (rare, 1 - rare)
    ]
    return {
        "accuracy": share,
        "recall": share,
        "balanced accuracy": share,
        "macro F1": sum(f1) / 2,
        "AUC": float(ndtr(2 * centre / (SPREAD * math.sqrt(2)))),
        "log loss": float(np.logaddexp(0, -grid).mean()),
        "difference": shares[0] - shares[1],
    }


def intervals(drawn: Drawn) -> dict[str, Interval | None]:
    """The intervals that reports show for the first model, and for it against the second."""
    found = measure(drawn.predictions())
    right = drawn.right
    return {
        "accuracy": found.accuracy_interval,
        "recall": found.per_class[1].recall_interval,
        "balanced accuracy": found.balanced_accuracy_interval,
        "macro F1": found.macro_f1_interval,
        "AUC": found.auc_interval,
        "log loss": found.log_loss_interval,
        "difference": paired_difference(right[0], right[1], drawn.groups).interval,
    }


@dataclass(frozen=True)
class Coverage:
    """Share of the intervals that held the truth, and share of the draws that had one."""

    held: float
    given: float

    def __str__(self) -> str:
        if not self.given:
            return "–"
        return f"{self.held:.3f}" + (f" ({self.given:.2f})" if self.given < 0.995 else "")


def coverage(population: Population, n: int, draws: int, seed: int = SEED) -> dict[str, Coverage]:
    """Coverage of each interval; a class without a row, or a defined figure, is no interval."""
    other = 0.5 + 0.9 * (population.share - 0.5)
    shares = (population.share, other)
    true = true_figures(population, shares)
    rng = np.random.default_rng([seed, n, round(1000 * population.share)])
    held, given = dict.fromkeys(FIGURES, 0), dict.fromkeys(FIGURES, 0)
    for _ in range(draws):
        for name, ends in intervals(draw(population, n, rng, shares)).items():
            if ends is not None:
                given[name] += 1
                held[name] += ends[0] <= true[name] <= ends[1]
    return {
        name: Coverage(held[name] / max(1, given[name]), given[name] / draws) for name in FIGURES
    }


# What compare says of models that are equally good.


@dataclass(frozen=True)
class Fold:
    train: IntArray
    test: IntArray


@dataclass(frozen=True)
class Answers:
    """Right answers (k, n) of k equal models on the rows of one split and of ten folds."""

    test: BoolArray
    test_groups: IntArray | None
    folds: BoolArray
    groups: IntArray | None
    parts: tuple[Fold, ...]


def learnt(models: int, n: int, rng: np.random.Generator, groups: IntArray | None) -> Answers:
    """Equal models that learn: each takes the nearest class mean of 20 columns of its own.

    Half of the columns' noise is common to all models; half of a model's own is common to the rows
    of a group.
    """
    labels = rng.permutation(np.arange(n) % 2)
    if groups is not None:
        labels = (rng.permutation(np.arange(groups.max() + 1)) % 2)[groups]
    side = 2.0 * labels - 1
    own = rng.normal(size=(models, n, 20))
    if groups is not None:
        own = (own + rng.normal(size=(models, groups.max() + 1, 20))[:, groups]) / math.sqrt(2)
    X = (rng.normal(size=(n, 20)) + own) / math.sqrt(2)
    X += 0.35 * side[:, None]
    splits = stratified_folds(
        [str(label) for label in labels], folds=FOLDS, seed=int(rng.integers(10**6)), groups=groups
    )
    parts = tuple(Fold(part.train, part.test) for part in splits)
    right = np.zeros((models, n), dtype=np.bool_)
    for part in parts:
        upper = X[:, part.train][:, labels[part.train] == 1].mean(axis=1)
        lower = X[:, part.train][:, labels[part.train] == 0].mean(axis=1)
        middle = ((upper + lower) / 2)[:, None, :]
        scores = np.einsum("kmd,kd->km", X[:, part.test] - middle, upper - lower)
        right[:, part.test] = (scores > 0) == (side[part.test] > 0)
    test = parts[0].test
    return Answers(right[:, test], None if groups is None else groups[test], right, groups, parts)


def lucky(models: int, n: int, rng: np.random.Generator) -> Answers:
    """Equal models whose training had luck, as much as Nadeau and Bengio suppose.

    A model is right on a row when its luck, common to all rows and folds, and the row's noise are
    together positive. The luck's variance is a tenth of that of a fold's accuracy, the share of the
    rows that a fold tests.
    """
    share, alike = 0.9, math.sqrt(TOGETHER)
    centre = float(ndtri(share))
    apart = share * (1 - share) - correlation_of_signs(share, TOGETHER) * share * (1 - share)
    density = math.exp(-(centre**2) / 2) / math.sqrt(2 * math.pi)
    luck = math.sqrt(apart / (n / FOLDS) / (FOLDS - 1)) / density
    noise = alike * rng.normal(size=n) + math.sqrt(1 - TOGETHER) * rng.normal(size=(models, n))
    right = centre + luck * rng.normal(size=(models, 1)) + noise > 0
    order = np.array_split(rng.permutation(n), FOLDS)
    parts = tuple(
        Fold(np.concatenate([*order[:place], *order[place + 1 :]]), order[place])
        for place in range(FOLDS)
    )
    return Answers(right[:, parts[0].test], None, right, None, parts)


def fold_accuracies(answers: Answers) -> FloatArray:
    return np.stack([answers.folds[:, part.test].mean(axis=1) for part in answers.parts], axis=1)


def mean_rows(answers: Answers) -> tuple[float, float]:
    train = sum(len(part.train) for part in answers.parts) / len(answers.parts)
    return train, sum(len(part.test) for part in answers.parts) / len(answers.parts)


@dataclass(frozen=True)
class Claims:
    """How often equal models were called unequal, by each test and by either."""

    test: float
    folds: float
    compare: float
    picked: float


def family(models: int, draws: int, make: Callable[[int, np.random.Generator], Answers]) -> Claims:
    """The share of comparisons of equal models that make any claim.

    "picked" is what was done before: the best by folds is picked, and the others are tested against
    it by corrected t tests on the same folds, with Holm's adjustment.
    """
    rng = np.random.default_rng([SEED, models])
    counts = np.zeros(4)
    for _ in range(draws):
        answers = make(models, rng)
        test = stand(answers.test, answers.test_groups, resamples=RESAMPLES)
        widening = fold_widening(FOLDS, *mean_rows(answers))
        folds = stand(answers.folds, answers.groups, widening=widening, resamples=RESAMPLES)
        least = [float(found.p_values.min()) for found in (test, folds)]
        both = min(float(found.times(2).p_values.min()) for found in (test, folds))
        counts += [least[0] < ALPHA, least[1] < ALPHA, both < ALPHA, _picked(answers) < ALPHA]
    return Claims(*(counts / draws).tolist())


def _picked(answers: Answers) -> float:
    accuracies = fold_accuracies(answers)
    best = int(accuracies.mean(axis=1).argmax())
    p_values = [
        corrected_t_test((own - accuracies[best]).tolist(), *mean_rows(answers)).p_value
        for place, own in enumerate(accuracies)
        if place != best
    ]
    return min((p for p in holm(p_values) if p is not None), default=1.0)


def errors(draws: int, make: Callable[[int, np.random.Generator], Answers]) -> dict[str, float]:
    """How often each test of two equal models has p below 0.05."""
    rng = np.random.default_rng(SEED)
    counts: dict[str, int] = {}
    for _ in range(draws):
        for name, p in _p_values(make(2, rng)).items():
            counts[name] = counts.get(name, 0) + (p is not None and p < ALPHA)
    return {name: count / draws for name, count in counts.items()}


def _p_values(answers: Answers) -> dict[str, float | None]:
    one, other = answers.folds
    first, second = answers.test
    accuracies, rows = fold_accuracies(answers), mean_rows(answers)
    widened = stand(answers.folds, answers.groups, widening=fold_widening(FOLDS, *rows))
    return {
        "McNemar, by groups where there are": mcnemar_exact(one, other, answers.groups).p_value,
        "McNemar that ignores groups": mcnemar_exact(one, other).p_value,
        "the same on one split's test rows": mcnemar_exact(
            first, second, answers.test_groups
        ).p_value,
        "unpaired, the second on other rows": _unpaired_p(one, other, answers.groups),
        "corrected t over the folds": corrected_t_test(
            (accuracies[0] - accuracies[1]).tolist(), *rows
        ).p_value,
        "out-of-fold answers, widened": float(widened.p_values.min()),
    }


def _unpaired_p(one: BoolArray, other: BoolArray, groups: IntArray | None) -> float:
    upper = np.arange(len(one)) % 2 == 0 if groups is None else groups % 2 == 0
    counts: list[float] = []
    for right, rows in ((one, upper), (other, ~upper)):
        mine, own = right[rows], None if groups is None else groups[rows]
        worth = effective_share(mine - mine.mean(), own)
        counts += [mine.sum() * worth, len(mine) * worth]
    return unpaired_difference(*counts).p_value


# Tables


def table(
    header: Sequence[str], rows: Iterator[Sequence[str]], markdown: bool
) -> list[Sequence[str]]:
    """Print a table row by row, as it is made, and return its rows."""
    printed = []
    if markdown:
        print("\n| " + " | ".join(header) + " |")
        print("|" + " ---: |" * len(header))
    else:
        print("\n" + "  ".join(f"{name:>16}" for name in header))
    for row in rows:
        line = "| " + " | ".join(row) + " |" if markdown else "  ".join(f"{c:>16}" for c in row)
        print(line, flush=True)
        printed.append(row)
    return printed


def large_cells(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """Share and coverage of each interval with at least 100 rows, or with groups."""
    share = header.index("share")
    large = [row for row in rows if header[0] == "groups" or int(row[0].replace(",", "")) >= 100]
    return [(row[share], cell) for row in large for cell in row[-len(FIGURES) :] if cell != "–"]


def tally(cells: Sequence[tuple[str, str]], draws: int) -> str:
    """How many of these cells are where they should be, with shares of 0.95 or less and 0.99.

    A cell is clearly outside when it is so by more than the standard error of a cell at the limit.
    """
    lines = []
    errors = [math.sqrt(limit * (1 - limit) / draws) for limit in AIM]
    for name, chosen in (
        ("shares of 0.5 to 0.95", [cell for share, cell in cells if share != "0.99"]),
        ("a share of 0.99", [cell for share, cell in cells if share == "0.99"]),
    ):
        values = np.array([float(cell.split()[0]) for cell in chosen])
        low, high = AIM
        lines.append(
            f"Of {len(values)} cells with 100 rows or more, or groups, and {name}, "
            f"{(values < low).sum()} are below {low} (the lowest {values.min():.3f}), "
            f"{(values < low - errors[0]).sum()} of them by more than a standard error; "
            f"{(values > high).sum()} are above {high} (the highest {values.max():.3f}), "
            f"{(values > high + errors[1]).sum()} of them by more than a standard error."
        )
    return "\n".join(lines)


def alone(draws: int, rare: float) -> Iterator[list[str]]:
    for n in SIZES:
        for share in SHARES:
            found = coverage(Population(share, rare), n, draws)
            yield [f"{n:,}", f"{share}", *(str(found[name]) for name in FIGURES)]


LAYOUTS = {
    "20 of 20": (20,) * 20,
    "20 of 50": (50,) * 20,
    "50 of 20": (20,) * 50,
    "20 of 5 to 48": (5, 6, 8, 10, 12, 14, 15, 16, 18, 20, 20, 20, 22, 24, 26, 28, 30, 33, 36, 48),
    "10 pairs, 325 alone": (2,) * 10 + (1,) * 325,
}


def grouped(draws: int, whole: bool) -> Iterator[list[str]]:
    for name, sizes in LAYOUTS.items():
        for correlation in (0.17,) if whole else (0.1, 0.17):
            for share in SHARES:
                population = Population(share, 0.5, sizes, correlation, whole)
                found = coverage(population, sum(sizes), draws)
                rest = [f"{value:.3f}" for value in vars(others(population, draws)).values()]
                cells = (str(found[name]) for name in FIGURES)
                yield [name, f"{correlation}", f"{share}", *rest, *cells]


@dataclass(frozen=True)
class Others:
    """Coverage of other intervals for the accuracy of grouped rows."""

    ignoring: float
    bootstrap: float


def others(population: Population, draws: int) -> Others:
    """Wilson's that takes the rows for independent, and the percentile bootstrap of groups."""
    rng = np.random.default_rng([SEED, round(1000 * population.share)])
    sizes = np.array(population.groups)
    even = np.full(len(sizes), 1 / len(sizes))
    counts = np.zeros(2)
    for _ in range(draws):
        drawn = draw(population, 0, rng)
        right = drawn.right[0]
        hits = np.bincount(drawn.groups, weights=right) if drawn.groups is not None else right
        times = rng.multinomial(len(sizes), even, size=RESAMPLES)  # each group is drawn
        ends = np.quantile((times @ hits) / (times @ sizes), [0.025, 0.975])
        plain = wilson(int(right.sum()), len(right)) or (0.0, 1.0)
        counts += [low <= population.share <= high for low, high in (plain, ends)]
    return Others(*(counts / draws).tolist())


def families(draws: int) -> Iterator[list[str]]:
    for name, make in MAKERS.items():
        for models in MODELS:
            claims = family(models, draws // 2, make)
            yield [name, str(models), *(f"{value:.3f}" for value in vars(claims).values())]


MAKERS: dict[str, Callable[[int, np.random.Generator], Answers]] = {
    "345 rows": lambda models, rng: learnt(models, 345, rng, None),
    "345 rows, luck in training": lambda models, rng: lucky(models, 345, rng),
    "400 rows in 20 groups": lambda models, rng: learnt(models, 400, rng, np.arange(400) % 20),
}


def p_errors(draws: int) -> Iterator[list[str]]:
    # They cost little, and between 0.05 and 0.06 there is little room for chance.
    parts = {name: errors(4 * draws, make) for name, make in MAKERS.items()}
    for test in parts["345 rows"]:
        # Luck is a true difference of the models at hand; tests over folds speak of all others.
        known = [n for n in MAKERS if "luck" not in n or "fold" in test]
        yield [test, *(f"{parts[n][test]:.3f}" if n in known else "–" for n in MAKERS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--draws", type=int, default=1_000, help="draws for each cell")
    parser.add_argument("--markdown", action="store_true", help="print the tables in Markdown")
    given = parser.parse_args()
    draws = given.draws
    cells: list[tuple[str, str]] = []
    with_groups = ("groups", "correlation", "share", *OTHERS, *FIGURES)
    for title, header, rows in (
        ("Independent rows, two equal classes", ("rows", "share", *FIGURES), alone(draws, 0.5)),
        ("Independent rows, one class in five", ("rows", "share", *FIGURES), alone(draws, 0.2)),
        ("Groups that mix the classes", with_groups, grouped(draws, whole=False)),
        ("Groups of one class each", with_groups, grouped(draws, whole=True)),
        (
            "Equal models called unequal",
            ("data", "models", "test rows", "folds", "compare", "best picked, then tested"),
            families(draws),
        ),
        ("p below 0.05 for two equal models",
         ("test", *MAKERS), p_errors(draws)),
    ):  # fmt: skip
        print(f"\n{'### ' if given.markdown else ''}{title}")
        printed = table(header, rows, given.markdown)
        if header[-1] == FIGURES[-1]:
            cells += large_cells(header, printed)
    print("\n" + tally(cells, draws))
    print(f"\n{draws:,} draws a cell, seed {SEED}, {time.process_time():.0f} s of one core.")


if __name__ == "__main__":
    main()
