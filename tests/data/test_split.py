from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest

from headstart.data.split import Split, split_given, split_rows, stratified_folds
from headstart.errors import DataError, UsageError

VEHICLES = ["1"] * 187 + ["0"] * 158


def both(split: Split) -> list[int]:
    return sorted([*split.train.tolist(), *split.test.tolist()])


def torn(split: Split, groups: np.ndarray) -> set[int]:
    return set(groups[split.train].tolist()) & set(groups[split.test].tolist())


def test_sizes_by_largest_remainder() -> None:
    split = split_rows(VEHICLES, test_fraction=0.1)
    assert len(split.test) == 35
    assert Counter(VEHICLES[i] for i in split.test) == {"1": 19, "0": 16}  # 18.7 and 15.8
    assert both(split) == list(range(345))
    assert split.test.tolist() == sorted(split.test.tolist())
    assert split.train.dtype == np.int64


@pytest.mark.parametrize(
    ("labels", "fraction", "expected"),
    [
        ("aaaaaaaaaabbbbbbbbbb", 0.1, {"a": 1, "b": 1}),
        ("aaaaaaaaaabbbbbbbbbb", 0.12, {"a": 2, "b": 1}),  # ceil(2.4) = 3
        ("aabb", 0.9, {"a": 1, "b": 1}),  # never the whole class
        ("aabbccdd", 0.01, {"a": 1, "b": 1, "c": 1, "d": 1}),  # at least one of each
        ("a" * 50 + "b" * 50, 0.07, {"a": 4, "b": 3}),  # 0.07 * 100 is 7.000000000000001
        ("a" * 98 + "bb", 0.5, {"a": 49, "b": 1}),
    ],
)
def test_counts_of_classes(labels: str, fraction: float, expected: dict[str, int]) -> None:
    split = split_rows(list(labels), test_fraction=fraction)
    assert Counter(labels[i] for i in split.test) == expected


def test_same_seed_same_rows_on_every_machine() -> None:
    split = split_rows(list("aaaaabbbbb"), test_fraction=0.4, seed=13)
    assert split.test.tolist() == [3, 4, 6, 7]  # the least of default_rng(13).random(10)
    assert split_rows(list("aaaaabbbbb"), test_fraction=0.4, seed=13).test.tolist() == [3, 4, 6, 7]
    draws = {tuple(split_rows(VEHICLES, seed=seed).test.tolist()) for seed in range(10)}
    assert len(draws) == 10


def test_every_row_is_drawn_equally_often() -> None:
    drawn = np.zeros(20)
    for seed in range(2000):
        drawn[split_rows(["a"] * 10 + ["b"] * 10, test_fraction=0.2, seed=seed).test] += 1
    # 2000 draws of 2 in 10: 400 a row, standard deviation 18.
    assert drawn.min() > 400 - 5 * 18
    assert drawn.max() < 400 + 5 * 18


@pytest.mark.parametrize("seed", range(20))
def test_groups_stay_on_one_side(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 90, 345)
    split = split_rows(VEHICLES, seed=seed, groups=groups)
    assert not torn(split, groups)
    assert both(split) == list(range(345))
    assert 29 <= len(split.test) <= 41
    assert {VEHICLES[i] for i in split.test} == {VEHICLES[i] for i in split.train} == {"0", "1"}


def test_group_numbers_need_no_order() -> None:
    groups = np.array([900, -4, 900, 7, 7, -4, 8, 9])
    split = split_rows(list("aaaabbbb"), test_fraction=0.25, groups=groups)
    assert not torn(split, groups)


def test_large_groups_still_give_every_class_a_test_row() -> None:
    groups = np.array([0] * 10 + [1] * 6 + [2] * 50 + [3] * 50)
    labels = ["rare"] * 16 + ["common"] * 100
    split = split_rows(labels, test_fraction=0.05, groups=groups)
    assert Counter(labels[i] for i in split.test) == {"rare": 6, "common": 50}


def test_groups_of_two_classes() -> None:
    # Two patients with both classes each: one trains, the other tests.
    groups = np.array([1, 1, 1, 2, 2, 2])
    split = split_rows(list("aababb"), groups=groups)
    assert sorted([split.test.tolist(), split.train.tolist()]) == [[0, 1, 2], [3, 4, 5]]


def test_groups_that_tie_all_classes_together() -> None:
    # Any two of these three groups share a class that has no third group.
    groups = np.array([1, 1, 2, 2, 3, 3])
    with pytest.raises(DataError, match=r"tie the classes together.*--no-near-duplicates"):
        split_rows(list("abbcca"), groups=groups)


def test_small_classes_are_all_named() -> None:
    labels = ["owl", "cat", "cat", "big dog", "eel", "eel", "eel"]
    groups = np.array([0, 1, 2, 3, 4, 4, 4])
    with pytest.raises(DataError) as caught:
        split_rows(labels, groups=groups)
    assert str(caught.value).splitlines() == [
        "class 'big dog' has 1 picture; a training and a test part need at least 2: add pictures, "
        "or leave the class out with --exclude 'big dog'",
        "all 3 pictures of class 'eel' are one group of duplicates or of one series; a training "
        "and a test part need at least 2 groups: add pictures, or leave the class out with "
        "--exclude eel, or, if they only look alike, give --no-near-duplicates",
        "class 'owl' has 1 picture; a training and a test part need at least 2: add pictures, or "
        "leave the class out with --exclude owl",
    ]
    with pytest.raises(DataError, match="class 'owl' has 1 picture"):
        stratified_folds(labels)


def test_too_few_classes() -> None:
    with pytest.raises(DataError, match="one class only: 'x'"):
        split_rows(["x", "x", "x"])
    with pytest.raises(DataError, match="no pictures"):
        split_rows([])


def test_wrong_number_of_groups() -> None:
    with pytest.raises(ValueError, match="groups has 2 rows, labels 3"):
        split_rows(["a", "a", "b"], groups=np.array([0, 1]))


def test_given_split() -> None:
    split = split_given(["train", "Test", " training ", "testing", "test"])
    assert split.train.tolist() == [0, 2]
    assert split.test.tolist() == [1, 3, 4]


def test_given_validation_tests_only_when_nothing_else_does() -> None:
    split = split_given(["train", "val", "valid", "Validation"])
    assert (split.train.tolist(), split.test.tolist()) == ([0], [1, 2, 3])
    split = split_given(["train", "val", "test"])
    assert (split.train.tolist(), split.test.tolist()) == ([0, 1], [2])


def test_given_unknown_values() -> None:
    with pytest.raises(UsageError) as caught:
        split_given(["train", "fold1", "test", "", "fold1"])
    text = "unknown parts in the given split: 'fold1' (2 rows), '' (1 row). Allowed: train, "
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("values", "part"),
    [(["train", "train"], "test"), (["test"], "train"), (["val", "val"], "train")],
)
def test_given_split_without_a_part(values: list[str], part: str) -> None:
    with pytest.raises(DataError, match=f"no rows for '{part}'"):
        split_given(values)


def test_folds_cover_every_row_once_and_evenly() -> None:
    splits = stratified_folds(VEHICLES)
    assert len(splits) == 10
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == list(range(345))
    assert all(both(split) == list(range(345)) for split in splits)
    assert {len(split.test) for split in splits} == {34, 35}
    assert {sum(VEHICLES[i] == "1" for i in split.test) for split in splits} == {18, 19}
    assert {sum(VEHICLES[i] == "0" for i in split.test) for split in splits} == {15, 16}


def test_folds_depend_on_the_seed_only() -> None:
    def tests(seed: int) -> list[list[int]]:
        return [split.test.tolist() for split in stratified_folds(VEHICLES, seed=seed)]

    assert tests(13) == tests(13)
    assert tests(13) != tests(14)


@pytest.mark.parametrize("seed", range(10))
def test_folds_keep_groups_together(seed: int) -> None:
    groups = np.random.default_rng(seed).integers(0, 120, 345)
    splits = stratified_folds(VEHICLES, seed=seed, groups=groups)
    assert not any(torn(split, groups) for split in splits)
    assert all(30 <= len(split.test) <= 39 for split in splits)


def test_classes_smaller_than_the_folds() -> None:
    labels = ["a"] * 20 + ["rare"] * 3
    splits = stratified_folds(labels, folds=5)
    assert len(splits) == 5
    assert sorted(sum(labels[i] == "rare" for i in split.test) for split in splits) == [
        0, 0, 1, 1, 1,
    ]  # fmt: skip
    assert all("rare" in {labels[i] for i in split.train} for split in splits)


def test_fewer_rows_than_folds() -> None:
    splits = stratified_folds(list("aabb"), folds=10)
    assert sorted(split.test.tolist() for split in splits) == [[0], [1], [2], [3]]


def test_folds_that_cannot_all_train_on_every_class() -> None:
    # Both groups of "b" also hold "a" and "c"; with two folds "c" has one group only.
    with pytest.raises(DataError, match="class 'c'"):
        stratified_folds(list("abcab"), folds=2, groups=np.array([1, 1, 1, 2, 2]))


def test_five_thousand_rows_are_quick() -> None:
    labels = [str(value) for value in np.random.default_rng(0).integers(0, 10, 5000)]
    start = time.perf_counter()
    split_rows(labels)
    stratified_folds(labels)
    assert time.perf_counter() - start < 1.0  # 25 ms; the limit leaves room for a busy machine
