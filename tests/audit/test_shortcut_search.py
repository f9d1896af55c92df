"""What gives the label away is found and said in words; shuffled labels give nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.audit.shortcuts.search import Shortcut, search_shortcuts
from headstart.data.image_table import ImageTable
from headstart.images.source import local_files
from headstart.images.statistics import ImageStatistics

MakeFact = Callable[..., ImageStatistics]
MakeTable = Callable[..., ImageTable]


def numbered(make_table: MakeTable, n: int = 200, limit: int = 90) -> ImageTable:
    """Numbers 0 to n - 1 in random order; those below the limit are "1"."""
    numbers = np.random.default_rng(2).permutation(n).tolist()
    return make_table([f"{i}.jpg" for i in numbers], ["1" if i < limit else "0" for i in numbers])


def shuffled(table: ImageTable, seed: int) -> ImageTable:
    labels = np.random.default_rng(seed).permutation(np.array(table.labels)).tolist()
    return replace(table, labels=tuple(labels))


def find_shortcuts(table: ImageTable, *given: Any, **more: Any) -> tuple[Shortcut, ...]:
    return search_shortcuts(table, *given, **more).found


def only(found: tuple[Shortcut, ...]) -> Shortcut:
    assert len(found) == 1, [item.kind for item in found]
    return found[0]


def test_the_number_in_the_name_gives_every_label(make_table: MakeTable) -> None:
    found = only(find_shortcuts(numbered(make_table)))
    assert found.kind == "name numbers"
    assert found.sort == "metadata"
    assert found.accuracy > 0.97
    assert found.largest == 0.55  # 110 of 200
    assert found.rule == "the number in the file name below 90: '1'; from 90: '0'"
    assert (found.rule_right, found.rows) == (200, 200)
    assert found.gives_away
    assert "alone gives the label for all 200 rows" in found.sentence
    assert "below 90: '1'" in found.sentence
    assert "gathered apart" in found.advice


def test_three_ranges_of_numbers(make_table: MakeTable) -> None:
    numbers = np.random.default_rng(2).permutation(240).tolist()
    labels = ["b" if 80 <= i < 160 else "a" if i < 80 else "c" for i in numbers]
    found = only(find_shortcuts(make_table([f"img_{i:04d}.png" for i in numbers], labels)))
    assert found.rule == (
        "the number in the file name below 80: 'a'; from 80 and below 160: 'b'; from 160: 'c'"
    )


def test_odd_and_even_numbers(make_table: MakeTable) -> None:
    numbers = np.random.default_rng(2).permutation(100).tolist()
    found = only(
        find_shortcuts(make_table([f"{i}.jpg" for i in numbers], ["ab"[i % 2] for i in numbers]))
    )
    assert found.kind == "name numbers"
    assert found.rule_right == 100


def test_a_word_of_the_name(make_table: MakeTable) -> None:
    rng = np.random.default_rng(0)
    labels = [str(code) for code in rng.permutation(np.arange(120) % 2)]
    names = [f"{('street', 'Night')[int(label)]}_x{rng.integers(10**6)}.jpg" for label in labels]
    found = find_shortcuts(make_table(names, labels))
    assert [item.kind for item in found] == ["name words"]
    assert found[0].rule_right == 120
    assert "the word 'night'" in found[0].rule or "the word 'street'" in found[0].rule


def test_the_class_folder_is_no_shortcut(make_table: MakeTable) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.permutation(120).tolist()
    labels = ["cat" if row < 60 else "dog" for row in range(120)]
    names = [f"{label}/{i}.jpg" for label, i in zip(labels, numbers, strict=True)]
    assert find_shortcuts(make_table(names, labels, lines=None)) == ()  # neither is its order
    parts = [f"train/{name}" for name in names]
    assert find_shortcuts(make_table(parts, labels, lines=None)) == ()
    # A table in a random order whose names have the class's folder.
    order = rng.permutation(120).tolist()
    table = make_table([f"images/{names[i]}" for i in order], [labels[i] for i in order])
    assert find_shortcuts(table) == ()


def test_another_folder_of_a_table_is_one(make_table: MakeTable) -> None:
    rng = np.random.default_rng(0)
    labels = [str(code) for code in rng.permutation(np.arange(120) % 2)]
    numbers = rng.permutation(120).tolist()
    names = [f"site{'AB'[int(y)]}/{i}.jpg" for y, i in zip(labels, numbers, strict=True)]
    found = only(find_shortcuts(make_table(names, labels)))
    assert found.kind == "name words"
    assert "the folder 'site" in found.rule


def test_the_order_of_rows(make_table: MakeTable) -> None:
    names = [f"{i}.jpg" for i in np.random.default_rng(1).permutation(150)]
    found = only(find_shortcuts(make_table(names, ["a"] * 60 + ["b"] * 90)))
    assert found.kind == "row order"
    assert found.rule == "the row number below 61: 'a'; from 61: 'b'"


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("file size", lambda one, rng: {"file_bytes": int(rng.integers(5000, 8000)) + 4000 * one}),
        ("width and height", lambda one, _: {"width": 640 if one else 480}),
        ("format", lambda one, _: {"jpeg_quality": 95 if one else 75}),
        ("exif", lambda one, _: {"exif": {"Model": "X100"} if one else {}}),
        (
            "time stamps",
            lambda one, rng: {
                "exif": {
                    "DateTimeOriginal": f"20{20 + one}:03:{rng.integers(10, 29)} 11:00:00"
                }
            },
        ),
        ("mean colour", lambda one, rng: {"mean_colour": (90.0 + 60 * one, rng.uniform(), 9.0)}),
        ("border", lambda one, rng: {"border": tuple(rng.uniform(0, 40, 24) + 60 * one)}),
        (
            "thumbnail",
            lambda one, rng: {"thumbnail": bytes((rng.integers(0, 99, 192) + 99 * one).tolist())},
        ),
    ],
)  # fmt: skip
def test_each_fact_that_gives_the_label_is_found(
    kind: str,
    changes: Callable[[int, np.random.Generator], dict[str, object]],
    make_table: MakeTable,
    make_fact: MakeFact,
) -> None:
    rng = np.random.default_rng(7)
    codes = rng.permutation(np.arange(120) % 2).tolist()
    names = [f"{i}.jpg" for i in rng.permutation(120)]
    table = make_table(names, [str(code) for code in codes])
    statistics = [make_fact(rng, **changes(code, rng)) for code in codes]
    found = only(find_shortcuts(table, statistics))
    assert found.kind == kind
    assert found.accuracy > 0.95
    assert found.sort == ("look" if kind in ("mean colour", "border", "thumbnail") else "metadata")
    assert found.advice
    assert find_shortcuts(shuffled(table, 1), statistics) == ()


def test_file_times(make_table: MakeTable, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.arange(60) % 2).tolist()
    names = [f"{i}.jpg" for i in rng.permutation(60)]
    paths = [tmp_path / name for name in names]
    for path, code in zip(paths, codes, strict=True):
        path.touch()
        os.utime(path, (0, 10**9 + 5000 * code + int(rng.integers(999))))
    labels = [str(code) for code in codes]
    found = only(find_shortcuts(make_table(names, labels, images=local_files(paths))))
    assert found.kind == "time stamps"
    assert "copied class by class" in found.advice
    # In a folder of class folders a difference within a day comes from a copy.
    inside = [f"{code}/{name}" for code, name in zip(codes, names, strict=True)]
    folder = make_table(inside, labels, images=local_files(paths), lines=None)
    assert find_shortcuts(folder) == ()


def test_nothing_is_found_where_nothing_is(make_table: MakeTable, make_fact: MakeFact) -> None:
    rng = np.random.default_rng(4)
    table = numbered(make_table, n=150)
    statistics = [make_fact(rng, width=int(rng.integers(200, 900))) for _ in range(150)]
    reports = sum(bool(find_shortcuts(shuffled(table, s), statistics, seed=s)) for s in range(20))
    assert reports == 0


def test_part_of_the_few_is_found_in_unequal_classes(make_table: MakeTable) -> None:
    # 30 of 60 rare rows have a name of their own: 0.95 against 0.90 for the largest class.
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.arange(600) < 60)
    rare = np.flatnonzero(codes)[:30].tolist()
    numbers = rng.permutation(600).tolist()
    names = [f"{'scan' if row in rare else 'p'}{i}.jpg" for row, i in enumerate(numbers)]
    found = only(find_shortcuts(make_table(names, ["ill" if code else "ok" for code in codes])))
    assert found.accuracy == pytest.approx(0.95)
    assert found.largest == pytest.approx(0.90)
    assert not found.gives_away


def test_a_group_counts_once(make_table: MakeTable) -> None:
    # Six patients of 50 pictures: that three of a kind come first is chance.
    labels = ["a"] * 150 + ["b"] * 150
    names = [f"{i}.jpg" for i in np.random.default_rng(1).permutation(300)]
    table = make_table(names, labels)
    assert [item.kind for item in find_shortcuts(table)] == ["row order"]
    assert find_shortcuts(table, groups=np.arange(300) // 50) == ()


def test_too_few_rows_and_lone_classes_are_said(make_table: MakeTable) -> None:
    few = search_shortcuts(make_table(["1.jpg", "2.jpg", "3.jpg", "4.jpg"], ["a", "a", "b", "b"]))
    assert few.kinds == ()
    assert few.notes == ("4 rows are too few to look for shortcuts",)
    table = numbered(make_table)
    alone = replace(table, labels=("owl", *(table.labels or ())[1:]))
    search = search_shortcuts(alone)
    assert search.notes == ("1 row of classes with a single picture or group left out: 'owl'",)
    assert [item.kind for item in search.found] == ["name numbers"]


def test_many_rows_are_sampled_and_it_is_said(make_table: MakeTable) -> None:
    search = search_shortcuts(numbered(make_table), most_rows=100)
    assert search.notes == ("shortcuts were looked for in 100 of 200 rows",)
    assert search.kinds[0].rows == 100


def test_same_seed_same_answer(make_table: MakeTable) -> None:
    table = shuffled(numbered(make_table), 3)
    assert search_shortcuts(table, seed=5) == search_shortcuts(table, seed=5)


def test_wrong_inputs(make_table: MakeTable) -> None:
    with pytest.raises(ValueError, match="has none"):
        search_shortcuts(make_table(["1.jpg"], None))
    with pytest.raises(ValueError, match="statistics has 1 rows, the table 200"):
        search_shortcuts(numbered(make_table), [None])
