"""The few lines at the start of every fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from headstart.arrays import FloatArray
from headstart.audit.fit_remarks import short_checks
from headstart.data.dataset import Dataset
from headstart.data.duplicates import DuplicatePair
from headstart.evaluate.intervals import wilson
from headstart.features.embed import Features

MakeLabelled = Callable[..., tuple[Dataset, Features]]
Blobs = tuple[FloatArray, list[str]]


def test_clean_data_with_a_large_test_part_says_nothing(make_labelled: MakeLabelled) -> None:
    rng = np.random.default_rng(0)
    labels = [("cat", "dog")[code] for code in rng.permutation(np.arange(400) % 2)]
    assert short_checks(make_labelled(rng.normal(size=(400, 3)), labels)[0], np.arange(200)) == ()


def test_what_a_small_test_part_cannot_say(make_labelled: MakeLabelled, two_blobs: Blobs) -> None:
    data, _ = make_labelled(*two_blobs)
    lines = short_checks(data, np.arange(35))
    assert lines[0] == (  # Wilson for 35 of 35: 1 / (1 + 1.96 ** 2 / 35) = 0.901
        "with 35 test pictures even a perfect model's accuracy is only known to be 90.1% or more"
    )
    tested = {name: data.labels[:35].count(name) for name in ("cat", "dog")}
    weak = ", ".join(f"'{name}' ({n})" for name, n in tested.items() if n <= 15)
    assert lines[1:] == (
        (f"classes with too few test pictures to measure their recall: {weak}",) if weak else ()
    )


def test_pictures_that_show_little(make_labelled: MakeLabelled) -> None:
    rng = np.random.default_rng(0)
    labels = [("cat", "dog")[code] for code in rng.permutation(np.arange(400) % 2)]
    data, _ = make_labelled(rng.normal(size=(400, 3)), labels)
    statistics = list(data.statistics)
    statistics[3] = replace(statistics[3], width=20_000, height=40)
    statistics[5] = replace(statistics[5], mode="I;16", brightness=9.0)
    statistics[9] = replace(statistics[9], mode="I;16", brightness=8.0)
    (line,) = short_checks(replace(data, statistics=tuple(statistics)), np.arange(200))
    names = data.table.ids
    assert line == (
        f"2 pictures of 16 bits whose values are not scaled ({names[9]} and 1 more); "
        f"1 picture very wide or very tall ({names[3]})"
    )


@pytest.fixture
def dirty(make_labelled: MakeLabelled, two_blobs: Blobs) -> Dataset:
    """The name and the order give the label; a pair has two labels, and a pair has one."""
    X, labels = two_blobs
    order = np.argsort(np.array(labels), kind="stable")
    labels = [labels[row] for row in order]
    group = np.arange(120)
    group[[0, 1]], group[[59, 60]] = 0, 59
    pairs = [DuplicatePair(0, 1, "near", bits=1), DuplicatePair(59, 60, "near", bits=2)]
    data, _ = make_labelled(X[order], labels, group, pairs)
    names = tuple(f"{number}.jpg" for number in range(120))
    return replace(data, table=replace(data.table, ids=names))


def test_at_most_five_lines_the_gravest_first(dirty: Dataset) -> None:
    lines = short_checks(dirty, np.arange(0, 120, 10))
    assert lines[0] == (
        "1 pair of near-duplicates with different labels: 59.jpg is 'cat', 60.jpg is 'dog'"
    )
    assert sorted(lines[1:3]) == [
        "The number in the file name alone gives the label for all 120 rows (the number in the "
        "file name below 60: 'cat'; from 60: 'dog')",
        "The order of the rows alone gives the label for all 120 rows (the row number below 61: "
        "'cat'; from 61: 'dog')",
    ]
    assert lines[3] == (
        "4 pictures have duplicates (2 groups): each group is kept on one side of the split"
    )
    assert lines[4].startswith("with 12 test pictures")
    assert len(lines) == 5


def test_groups_limit_what_a_perfect_model_could_show(
    make_labelled: MakeLabelled, two_blobs: Blobs
) -> None:
    X, labels = two_blobs
    data, _ = make_labelled(X, labels, np.arange(120) // 12)
    (line,) = [line for line in short_checks(data, np.arange(60)) if "even a perfect" in line]
    share = float(line.split("known to be ")[1].split("%")[0]) / 100
    alone = wilson(60, 60)
    assert alone is not None
    assert share < alone[0] - 0.1


def test_the_users_groups_are_called_so(make_labelled: MakeLabelled, two_blobs: Blobs) -> None:
    X, labels = two_blobs
    data, _ = make_labelled(X, labels, np.arange(120) // 2)
    data = replace(data, table=replace(data.table, groups=("g",) * 120))
    assert (
        "120 pictures have a group of their own or duplicates (60 groups)"
        in (short_checks(data, np.arange(100))[0])
    )
