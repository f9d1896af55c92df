"""C93: series told by names, and the numbering of a whole set, which is none."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from headstart.data.group_pattern import told_groups
from headstart.data.series import advised_pattern, find_series

OTHERS = [f"{number}.jpg" for number in range(100, 130)]


def found(names: list[str], labels: list[str] | None = None) -> list[list[str]]:
    return [[names[row] for row in rows] for rows in find_series(names, labels).members]


def digest(*of: object) -> str:
    return hashlib.sha256(repr(of).encode()).hexdigest()[:32]


def test_the_names_of_the_case() -> None:
    crops = ["a_car0.jpg", "a_car1.jpg"]
    frames = ["clip3_0017.png", "clip3_0018.png", "clip3_0040.png"]
    exports = [f"x_jpg.rf.{digest(n)}.jpg" for n in range(2)]
    eyes = ["p012_left.png", "p012_right.png"]
    names = [*crops, *frames, *exports, *eyes, *OTHERS]
    assert found(names) == [crops, frames, exports, eyes]
    assert found(names, ["car"] * len(names)) == [crops, frames, exports, eyes]


@pytest.mark.parametrize(
    "members",
    [
        ["7_l.png", "7_r.png"],
        ["scan-OD.tif", "scan-OS.tif"],
        ["p3_left_1.png", "p3_left_2.png", "p3_right_1.png"],  # the coarsest stem
        ["p4/1.jpg", "p4/2.jpg", "p4/3.jpg"],
        ["photo.jpg", "photo.png"],
        ["door (1).jpg", "door (2).jpg"],
        [f"face_{digest(n)[:8]}.png" for n in (3, 5)],
        ["x.rf.AbCdEf0123456789.jpg", "x.rf.0123456789AbCdEf.jpg"],
    ],
    ids=lambda members: members[0],
)
def test_series(members: list[str]) -> None:
    assert found([*members, *OTHERS]) == [members]


@pytest.mark.parametrize(
    "names",
    [
        [f"{n}.jpg" for n in range(1, 1647)],
        [f"img_{n:04}.jpg" for n in range(1, 3000)],
        [f"IMG{n}.JPG" for n in range(20)],
        [f"{kind}.{n}.jpg" for kind in ("cat", "dog", "owl") for n in range(90)],
        [f"{digest(n)}.png" for n in range(2000)],
        [f"photo ({n}).jpg" for n in range(50)],
        ["left.png", "right.png"],
        [f"{n:05}_{n % 10}.png" for n in range(500)],
    ],
    ids=lambda names: names[0],
)
def test_the_numbering_of_a_set_is_no_series(names: list[str]) -> None:
    assert not found(names)


def test_the_numbering_of_a_class_is_no_series() -> None:
    kinds = ["n01440764", "n01443537"]
    names = [f"{kind}_{n}.JPEG" for kind in kinds for n in range(6)] + OTHERS
    labels = [kind for kind in kinds for _ in range(6)] + ["other"] * len(OTHERS)
    assert not found(names, labels)
    assert len(found(names)) == 2  # without labels they may be two clips


def test_sides_are_those_of_all_classes() -> None:
    names = [f"{n}_{side}.png" for n in range(40) for side in ("left", "right")]
    assert len(found(names, ["sick", "well"] * 40)) == 40


def test_which_series_stand_on_both_sides() -> None:
    series = find_series(["a1.png", "a2.png", "b1.png", "b2.png", "x.png"])
    assert series.number.tolist() == [0, 0, 1, 1, -1]
    assert (len(series), series.pictures) == (2, 4)
    assert series.torn(np.array([0, 1, 1, 1, 0])) == ((0, 1),)


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["a_car0.jpg", "a_car1.jpg", "b_car0.jpg", "b_car1.jpg"], r"^(.+?)[-_. ]*[0-9]+\.[^.]+$"),
        ([f"{n}_{side}.png" for n in range(4) for side in "lr"],
         r"^(.+)[-_. ](?:left|right|l|r|os|od)\."),
        ([f"{n}_jpg.rf.{digest(n, m)}.jpg" for n in range(4) for m in range(2)], r"^(.+)\.rf\."),
        ([f"p{n}_{side}_{m}.png" for n in range(4) for side in "lr" for m in range(2)],
         "^([^-_. ]+)"),
        (["a1.jpg", "a2.jpg", *[f"car{n}.jpg" for n in range(40)]], None),
    ],
)  # fmt: skip
def test_the_pattern_that_is_advised_makes_just_these_groups(
    names: list[str], pattern: str | None
) -> None:
    series = find_series(names)
    assert len(series)
    assert advised_pattern(names, series) == pattern
    if pattern is not None:
        groups = told_groups(names, pattern)
        for rows in series.members:
            assert {n for n, group in enumerate(groups) if group == groups[rows[0]]} == set(rows)
