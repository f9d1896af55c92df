"""What a test set of a given size can and cannot say, before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headstart.evaluate.intervals import Interval, normal_quantile, wilson

ACCURACIES = (1.0, 0.95, 0.9)
DIFFERENCES = (0.01, 0.02, 0.05)
WIDE = 0.2


@dataclass(frozen=True)
class ExpectedInterval:
    """The 95% Wilson interval of a model that has `right` of the pictures right.

    `right` is the whole number nearest to accuracy times the number of pictures.
    """

    accuracy: float
    right: int
    interval: Interval | None


def expected_intervals(
    n_test: int, accuracies: Sequence[float] = ACCURACIES
) -> tuple[ExpectedInterval, ...]:
    """The interval that a model of each accuracy would get with n_test pictures; None for 0."""
    counts = [(accuracy, math.floor(accuracy * n_test + 0.5)) for accuracy in accuracies]
    return tuple(ExpectedInterval(a, right, wilson(right, n_test)) for a, right in counts)


def pictures_to_detect(
    difference: float,
    *,
    accuracy: float = 0.95,
    disagreement: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
) -> int:
    """Test pictures that a two-sided paired (McNemar) test needs to see a difference.

    n = (z(1 - alpha/2) sqrt(d) + z(power) sqrt(d - difference^2))^2 / difference^2, with d the
    share of pictures that exactly one of the two models has right: Connor, Sample size for testing
    differences in proportions for the paired-sample design, Biometrics 43 (1987).

    Unless `disagreement` is given, d assumes that the models err independently, one with
    `accuracy` and the other with `accuracy - difference`. Models that err on the same pictures
    disagree less and need fewer pictures, so this is the cautious number. Raises ValueError for
    shares out of range.
    """
    other = accuracy - difference
    if not (0 < difference < 1 and 0 < power < 1 and 0 < alpha < 1):
        raise ValueError(
            f"difference {difference}, power {power}, alpha {alpha}: expected between 0 and 1"
        )
    if disagreement is None:
        if not (other >= 0 and accuracy <= 1):
            raise ValueError(f"accuracies are {accuracy} and {other:.6g}, expected 0 to 1")
        disagreement = accuracy * (1 - other) + other * (1 - accuracy)
    if not difference <= disagreement <= 1:
        raise ValueError(f"disagreement is {disagreement}, expected {difference} to 1")
    above = normal_quantile(1 - alpha / 2) * math.sqrt(disagreement)
    # Rounding may leave -1e-17 when the models disagree on exactly the difference, squared.
    spread = math.sqrt(max(0.0, disagreement - difference**2))
    needed = ((above + normal_quantile(power) * spread) / difference) ** 2
    return math.ceil(needed - 1e-9)


def size_sentences(n_test: int, differences: Sequence[float] = DIFFERENCES) -> tuple[str, ...]:
    """What n_test pictures can say, one sentence a line."""
    if n_test == 0:
        return ("There are no test pictures: nothing can be said about accuracy.",)
    lines = []
    for expected in expected_intervals(n_test):
        if expected.interval is not None:
            low, high = expected.interval
            lines.append(
                f"A model with {expected.right} of {n_test} test pictures right "
                f"({expected.right / n_test:.1%}) has an accuracy between {low:.1%} and {high:.1%} "
                "(95% interval)."
            )
    for difference in differences:
        needed = pictures_to_detect(difference)
        verdict = "enough" if n_test >= needed else "too few"
        lines.append(
            f"To tell two models {_points(difference)} apart (95% against "
            f"{95 - 100 * difference:.4g}%, erring independently, 4 times in 5) takes about "
            f"{needed} test pictures: {n_test} are {verdict}."
        )
    return tuple(lines)


def class_sentences(test_counts: Mapping[str, int]) -> tuple[str, ...]:
    """A sentence for each class whose recall these test pictures cannot pin down.

    That is a class without test pictures, or whose interval is wider than 0.2 even when all of
    its pictures are right (15 pictures or fewer).
    """
    lines = []
    for name, count in test_counts.items():
        perfect = wilson(count, count)
        if perfect is None:
            lines.append(f"Class '{name}' has no test picture: its recall cannot be measured.")
        elif perfect[1] - perfect[0] > WIDE:
            some = "1 test picture" if count == 1 else f"{count} test pictures"
            lines.append(
                f"Class '{name}' has {some}: even with all of them right its recall may be as low "
                f"as {perfect[0]:.0%}."
            )
    return tuple(lines)


def _points(difference: float) -> str:
    points = difference * 100
    return f"{points:.4g} point" if math.isclose(points, 1) else f"{points:.4g} points"
