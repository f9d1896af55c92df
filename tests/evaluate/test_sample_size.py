from __future__ import annotations

import numpy as np
import pytest

from headstart.evaluate.intervals import wilson
from headstart.evaluate.sample_size import (
    class_sentences,
    expected_intervals,
    pictures_to_detect,
    size_sentences,
)


def test_expected_intervals() -> None:
    perfect, good, fair = expected_intervals(165)
    assert (perfect.accuracy, perfect.right, perfect.interval) == (1.0, 165, wilson(165, 165))
    assert (good.accuracy, good.right, good.interval) == (0.95, 157, wilson(157, 165))
    assert (fair.accuracy, fair.right, fair.interval) == (0.9, 149, wilson(149, 165))
    assert [expected.interval for expected in expected_intervals(0)] == [None] * 3
    assert expected_intervals(5, [0.9])[0].right == 5  # 4.5 goes up


def test_pictures_to_detect_by_hand() -> None:
    # Disagreement 0.95 x 0.1 + 0.9 x 0.05 = 0.14:
    # ((1.95996 x 0.374166 + 0.84162 x 0.370810) / 0.05)^2 = 437.25
    assert pictures_to_detect(0.05) == 438
    assert pictures_to_detect(0.05, disagreement=0.14) == 438
    assert pictures_to_detect(0.02) == 2215
    assert pictures_to_detect(0.05, disagreement=0.07) < 220


def test_models_that_err_on_the_same_pictures_need_the_fewest() -> None:
    numbers = [pictures_to_detect(0.02, disagreement=d) for d in (0.02, 0.04, 0.08)]
    assert numbers == sorted(numbers)
    assert pictures_to_detect(1 / 3, disagreement=1 / 3) > 0


@pytest.mark.parametrize(("difference", "disagreement"), [(0.05, 0.14), (0.02, 0.05)])
def test_that_many_pictures_give_the_stated_power(difference: float, disagreement: float) -> None:
    n = pictures_to_detect(difference, disagreement=disagreement)
    ahead = (disagreement + difference) / 2
    cells = [ahead, disagreement - ahead, 1 - disagreement]
    b, c, _ = np.random.default_rng(0).multinomial(n, cells, size=20_000).T
    seen = np.abs(b - c) / np.sqrt(b + c) > 1.959964
    assert 0.785 < seen.mean() < 0.815


def test_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        pictures_to_detect(0.0)
    with pytest.raises(ValueError, match="expected 0 to 1"):
        pictures_to_detect(0.3, accuracy=0.2)
    with pytest.raises(ValueError, match=r"disagreement is 0.01, expected 0.05"):
        pictures_to_detect(0.05, disagreement=0.01)


def test_size_in_sentences() -> None:
    lines = size_sentences(165)
    assert len(lines) == 6
    assert lines[0] == (
        "A model with 165 of 165 test pictures right (100.0%) has an accuracy between 97.7% and "
        "100.0% (95% interval)."
    )
    assert lines[3].startswith("To tell two models 1 point apart (95% against 94%, erring")
    assert lines[5].endswith("takes about 438 test pictures: 165 are too few.")
    assert size_sentences(438)[5].endswith("438 are enough.")
    assert size_sentences(0) == ("There are no test pictures: nothing can be said about accuracy.",)


def test_small_classes_in_sentences() -> None:
    lines = class_sentences({"cat": 16, "owl": 3, "emu": 1, "yak": 0, "dog": 15})
    assert lines == (
        "Class 'owl' has 3 test pictures: even with all of them right its recall may be as low "
        "as 44%.",
        "Class 'emu' has 1 test picture: even with all of them right its recall may be as low "
        "as 21%.",
        "Class 'yak' has no test picture: its recall cannot be measured.",
        "Class 'dog' has 15 test pictures: even with all of them right its recall may be as low "
        "as 80%.",
    )
