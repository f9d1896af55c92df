"""Whether series told by names are alike: the permutation test, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import headstart.audit.name_series as name_series
from headstart.audit.check import audit, audit_table
from headstart.audit.finding_texts import about_series
from headstart.audit.fit_remarks import short_checks
from headstart.audit.name_series import look_for_series
from headstart.data.dataset import Dataset
from headstart.data.duplicates import Duplicates
from headstart.data.image_table import ImageTable
from headstart.features.embed import Features
from headstart.heads.linear import LinearHead

MakeLabelled = Callable[..., tuple[Dataset, Features]]
MakeTable = Callable[..., ImageTable]


@pytest.fixture
def made(make_labelled: MakeLabelled) -> Callable[..., tuple[Dataset, Features]]:
    """40 clips of 3 frames in two classes, which are alike by so much, and 30 other pictures."""

    def make(alike: float, seed: int = 0) -> tuple[Dataset, Features]:
        rng = np.random.default_rng(seed)
        clips = np.repeat(rng.normal(size=(40, 8)), 3, axis=0)
        X = np.concatenate([alike * clips + rng.normal(size=(120, 8)), rng.normal(size=(30, 8))])
        labels = ["cat", "dog"] * 75
        ids = [f"clip{n // 3}_{n % 3:04}.png" for n in range(120)]
        ids += [f"{n}.png" for n in range(30)]
        data, features = make_labelled(X, labels)
        return replace(data, table=replace(data.table, ids=tuple(ids))), features

    return make


def test_series_that_are_alike(made: Callable[..., tuple[Dataset, Features]]) -> None:
    data, features = made(3.0)
    found = look_for_series(data.table, data, features.values)
    assert found is not None
    assert found.test is not None
    assert len(found.apart) == 40
    assert found.test.tested == 120
    assert found.test.near > 100 > 10 > found.test.expected
    assert found.test.p_value == 0.001  # none of 999 draws
    (finding,) = about_series(found, data.table)
    assert (finding.code, finding.level) == ("HS303", "warning")
    assert finding.title.startswith(
        "40 series of pictures by their names (120 pictures): clip0_0000.png | clip0_0001.png"
    )
    assert "by chance (p = 0.001)" in finding.meaning
    assert "--group-pattern '^([^-_. ]+)'" in finding.advice
    assert finding.numbers["series"] == 40


def test_series_that_are_not_alike_are_told_for_information(
    made: Callable[..., tuple[Dataset, Features]],
) -> None:
    data, features = made(0.0)
    found = look_for_series(data.table, data, features.values)
    assert found is not None
    assert found.test is not None
    assert found.test.p_value > 0.05
    (finding,) = about_series(found, data.table)
    assert finding.level == "info"


def test_by_chance_few_sets_are_called_alike(
    made: Callable[..., tuple[Dataset, Features]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_series, "DRAWS", 99)
    values = []
    for seed in range(40):
        data, features = made(0.0, seed)
        found = look_for_series(data.table, data, features.values)
        assert found is not None
        assert found.test is not None
        values.append(found.test.p_value)
    assert len(values) == 40
    assert sum(value <= 0.05 for value in values) <= 6  # 2 are expected; 7 or more: 1 in 300


def test_groups_that_keep_series_together_leave_nothing_to_say(
    made: Callable[..., tuple[Dataset, Features]],
) -> None:
    data, features = made(3.0)
    groups = np.concatenate([np.arange(120) // 3, np.arange(40, 70)])
    data = replace(data, duplicates=Duplicates(groups, ()))
    assert look_for_series(data.table, data, features.values) is None
    groups[1] = 70  # one clip is torn
    data = replace(data, duplicates=Duplicates(groups, ()))
    found = look_for_series(data.table, data, features.values)
    assert found is not None
    assert found.apart == ((0, 1, 2),)


def test_many_pictures_are_tested_in_part(
    made: Callable[..., tuple[Dataset, Features]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_series, "MOST_ROWS", 60)
    data, features = made(3.0)
    found = look_for_series(data.table, data, features.values)
    assert found is not None
    assert found.test is not None
    assert found.test.tested == 30  # ten whole series
    assert found.test.p_value < 0.01


def test_the_audit_has_them(made: Callable[..., tuple[Dataset, Features]]) -> None:
    data, features = made(3.0)
    found = audit(data, features, make=lambda: LinearHead(C=0.1))
    (finding,) = (item for item in found.findings if item.kind == "series")
    values = found.to_json()
    assert values["series"]["apart"][0] == [f"clip0_{n:04}.png" for n in range(3)]
    assert values["series"]["test"]["p_value"] == 0.001
    assert [f["code"] for f in values["findings"]].count("HS303") == 1
    assert finding.rows[:3] == (0, 1, 2)


def test_names_alone_are_not_tested(make_table: MakeTable) -> None:
    names = [f"clip{n // 3}_{n % 3}.png" for n in range(30)]
    found = audit_table(make_table(names, ["cat", "dog"] * 15))
    (finding,) = (item for item in found.findings if item.kind == "series")
    assert finding.level == "info"
    assert "not tested" in finding.meaning


def test_class_folders_do_not_hide_a_series_or_make_one(make_table: MakeTable) -> None:
    sides = [f"{kind}/p{n}_{side}.png" for n in range(9) for kind, side in (("a", "l"), ("b", "r"))]
    found = look_for_series(make_table(sides, ["a", "b"] * 9, lines=None))
    assert found is not None
    assert len(found.apart) == 9
    # Here each class numbers its own clips.
    again = [f"{kind}/clip{n // 2}_{n % 2}.png" for kind in "ab" for n in range(8)]
    found = look_for_series(make_table(again, ["a"] * 8 + ["b"] * 8, lines=None))
    assert found is not None
    assert [len(rows) for rows in found.apart] == [2] * 8


def test_fit_says_in_one_line_that_they_are_torn(
    made: Callable[..., tuple[Dataset, Features]],
) -> None:
    data, _ = made(3.0)
    test = np.arange(0, 150, 5)
    line = short_checks(data, test)[0]
    assert line.startswith("24 of 40 series of pictures, by their names, stand in training and in ")
    assert "test (clip0_0001.png | clip0_0000.png)" in line
    assert "--group-pattern" in line
    whole = np.concatenate([np.arange(30), np.arange(120, 150)])
    assert not any("series" in line for line in short_checks(data, whole))
