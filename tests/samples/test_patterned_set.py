from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from headstart.errors import UsageError
from headstart.samples.patterned_set import CLASSES, SIDE, draw_patterned, write_patterned


def test_a_set_has_as_many_pictures_of_each_class_and_is_drawn_again_alike(tmp_path: Path) -> None:
    table = write_patterned(tmp_path / "one", count=48, seed=3)
    rows = [line.split(",", 1) for line in table.read_text().splitlines()[1:]]
    counts = Counter(label.strip('"') for _, label in rows)
    assert set(counts) == set(CLASSES)
    assert set(counts.values()) == {2}
    again = write_patterned(tmp_path / "two", count=48, seed=3)
    assert again.read_text() == table.read_text()
    for name, _ in rows[:5]:
        first, second = ((home.parent / "images" / name).read_bytes() for home in (table, again))
        assert first == second


def test_too_few_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="count is 47; this set needs 48"):
        write_patterned(tmp_path / "set", count=47)


@pytest.mark.parametrize("label", CLASSES)
def test_each_class_can_be_drawn(label: str) -> None:
    picture = draw_patterned(np.random.default_rng(1), label)
    assert picture.size == (SIDE, SIDE)
    assert np.asarray(picture).std() > 5
