from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, t

from headstart.evaluate.effective_rows import (
    UNKNOWN,
    Likeness,
    effective_share,
    group_numbers,
    groups_limit,
    likeness,
    rows_in_words,
)
from headstart.evaluate.intervals import share_interval
from headstart.evaluate.significance import paired_difference


def centred(right: np.ndarray) -> np.ndarray:
    return np.asarray(right - right.mean(), dtype=np.float64)


def plain_likeness(values: np.ndarray, groups: np.ndarray, before: Likeness) -> Likeness:
    """The docstring of `likeness`, pair by pair."""
    names = sorted(set(groups.tolist()))
    rows = [[v for v, g in zip(values, groups, strict=True) if g == name] for name in names]
    shared = [r for r in rows if len(r) > 1]
    inside = [sum(v * v for v in r) for r in shared]
    widened = len(names) / (len(names) - 1)  # the values' own mean was taken away
    products = sum(
        (sum(r) ** 2 * widened - square) / (len(r) - 1)
        for r, square in zip(shared, inside, strict=True)
    )
    telling = sum(inside) ** 2 / sum(w * w for w in inside)
    both = telling * products / sum(inside) + before.telling * before.correlation
    correlation = min(1, max(0, both / (telling + before.telling)))
    count = sum(len(r) for r in shared)
    error = sum((len(r) / count * (1 / (len(r) - 1) + correlation)) ** 2 for r in shared)
    return Likeness(correlation, telling + before.telling, error)


def plain_share(values: np.ndarray, groups: np.ndarray) -> float:
    """The docstring of `effective_share`, row by row."""
    alike = plain_likeness(values, groups, UNKNOWN)
    others = np.mean([(groups == g).sum() - 1 for g in groups])
    effect = 1 + others * alike.correlation
    # Half the relative variance of the effect is that of its only part that is measured.
    freedom = 1 / (others**2 * alike.error / effect**2) - 1
    quantiles = norm.ppf(0.975) / t.ppf(0.975, freedom)
    return float(min(1, quantiles**2 / effect))


@pytest.mark.parametrize("seed", range(4))
def test_the_share_is_what_its_words_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 25, 200)
    luck = rng.normal(size=25)[groups]
    values = centred(luck + 2 * rng.normal(size=200) > -1)
    assert effective_share(values, groups * 7 + 100) == pytest.approx(plain_share(values, groups))


def test_the_likeness_is_what_its_words_say_and_what_was_known_counts() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 25, 200)
    values = centred(rng.normal(size=25)[groups] + rng.normal(size=200) > 0)
    alone = likeness(values, groups)
    for before in (UNKNOWN, Likeness(0.9, 40.0)):
        found, plain = (
            likeness(values, groups, before=before),
            plain_likeness(values, groups, before),
        )
        assert (found.correlation, found.telling, found.error) == pytest.approx(
            (plain.correlation, plain.telling, plain.error)
        )
    assert alone.correlation < found.correlation < 0.9
    # A better known correlation that is the same leaves more rows, one that is larger fewer.
    known = Likeness(alone.correlation, 1e6)
    share = effective_share(values, groups)
    assert effective_share(values, groups, before=Likeness(0.9, 40.0)) < share
    assert effective_share(values, groups, before=known) > share
    # No two rows, or all, in one group: nothing is learnt of the correlation.
    for useless in (None, np.arange(200), np.zeros(200, dtype=np.int64)):
        assert likeness(values, useless) == UNKNOWN


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.6])
def test_the_degrees_of_freedom_of_equal_groups_are_one_less_than_the_groups(
    correlation: float,
) -> None:
    groups = np.repeat(np.arange(30), 8)
    luck = np.random.default_rng(3).normal(size=(30, 1))
    own = np.random.default_rng(4).normal(size=(30, 8))
    values = (math.sqrt(correlation) * luck + math.sqrt(1 - correlation) * own).ravel()
    values = values - values.mean()
    effect = 1 + 7 * likeness(values, groups).correlation
    expected = (norm.ppf(0.975) / t.ppf(0.975, 29)) ** 2 / effect
    assert effective_share(values, groups) == pytest.approx(expected)


def test_pairs_among_many_single_rows_hardly_matter() -> None:
    groups = np.concatenate([np.repeat(np.arange(10), 2), np.arange(10, 335)])
    values = centred(np.random.default_rng(0).random(345) < 0.9)
    # The ten pairs say little of their correlation, but it moves the variance by a few hundredths.
    assert effective_share(values, groups) > 0.9


def test_without_two_rows_in_a_group_every_row_counts() -> None:
    values = centred(np.array([True, False, True, True]))
    assert effective_share(values, None) == 1.0
    assert effective_share(values, np.array([3, 1, 4, 0])) == 1.0
    assert effective_share(np.array([]), np.array([], dtype=np.int64)) == 1.0
    assert group_numbers(np.array([3, 1, 4])) is None
    numbers = group_numbers(np.array([9, 2, 9]))
    assert numbers is not None
    assert numbers.tolist() == [1, 0, 1]


def test_a_single_group_says_nothing_of_another() -> None:
    assert effective_share(centred(np.array([True, False])), np.array([5, 5])) == 0.0


@pytest.mark.parametrize("long", [60, 100])
def test_one_long_series_leaves_the_other_rows_what_they_are(long: int) -> None:
    """It alone cannot show how alike its rows are, but more than all alike they cannot be."""
    sizes = np.array([long] + [1] * (345 - long))
    groups = np.repeat(np.arange(len(sizes)), sizes)
    values = centred(np.random.default_rng(0).random(345) < 0.9)
    kish = 345**2 / float((sizes**2).sum())
    least = kish * (norm.ppf(0.975) / t.ppf(0.975, kish - 1)) ** 2
    assert least - 1e-9 <= 345 * effective_share(values, groups) < 345


@pytest.mark.parametrize("sizes", [[300] + [1] * 100, [1000, 2], [150] + [1] * 20])
def test_when_nearly_all_rows_are_of_one_group_nearly_nothing_is_known(sizes: list[int]) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    right = np.random.default_rng(0).random(len(groups)) < 0.9
    ends = share_interval(right, groups)
    assert ends is not None
    assert ends[0] < 0.05
    assert ends[1] > 0.99
    low, high = paired_difference(right, ~right, groups).interval
    assert low < 0.1
    assert high > 0.9


def test_rows_that_are_all_alike_count_as_their_groups() -> None:
    groups = np.repeat(np.arange(50), 20)
    values = centred((np.arange(50) % 2 == 0)[groups])
    # The correlation is 1; of the groups, Student's quantile takes a little.
    student = (norm.ppf(0.975) / t.ppf(0.975, 49)) ** 2
    assert effective_share(values, groups) * 1000 == pytest.approx(50 * student, rel=0.01)


def test_rows_that_do_not_resemble_each_other_hardly_lose() -> None:
    groups = np.repeat(np.arange(200), 5)
    values = centred(np.random.default_rng(0).random(1000) < 0.7)
    assert 0.8 < effective_share(values, groups) <= 1


def test_where_nothing_varies_the_correlation_is_taken_as_a_half() -> None:
    groups = np.repeat(np.arange(20), 20)
    share = effective_share(np.zeros(400), groups)
    assert share == pytest.approx((norm.ppf(0.975) / t.ppf(0.975, 19)) ** 2 / 10.5)
    assert effective_share(np.zeros(400), groups, confidence=0.9) > share


def test_few_large_groups_have_few_degrees_of_freedom() -> None:
    groups = np.concatenate([np.repeat(np.arange(3), 50), np.arange(3, 53)])
    values = centred(np.concatenate([np.repeat([True, False, True], 50), np.arange(50) % 2 == 0]))
    assert effective_share(values, groups) * 200 < 3


def test_rows_in_words() -> None:
    assert rows_in_words(1, None, 1.0, "picture") == "1 picture"
    assert rows_in_words(1646, None, 1646.0, "test picture") == "1,646 test pictures"
    assert (
        rows_in_words(400, 20, 52.3, "picture") == "400 pictures (about 52 effective in 20 groups)"
    )
    assert rows_in_words(9, 1, 0.0, "picture") == "9 pictures (about 0 effective in 1 group)"
    assert rows_in_words(400, 390, 396.0, "picture") == "400 pictures"
    assert groups_limit(100, 94.0)
    assert not groups_limit(100, 96.0)
