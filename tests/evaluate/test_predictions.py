from __future__ import annotations

import numpy as np
import pytest

from headstart.evaluate.predictions import Predictions

NAN = float("nan")


def example() -> Predictions:
    return Predictions(
        images=("1", "2", "3", "4"),
        classes=("a", "b"),
        probabilities=np.array([[0.75, 0.25], [NAN, NAN], [0.1, 0.9], [0.5, 0.5]]),
        truth=("b", "a", "b", "z"),
        errors=("", "empty (0 bytes)", "", ""),
    )


def test_answers_stay_in_input_order_and_error_rows_have_none() -> None:
    predictions = example()
    assert predictions.predicted == ("a", "", "b", "a")
    assert predictions.predicted_index.tolist() == [0, -1, 1, 0]
    np.testing.assert_array_equal(predictions.probability, [0.75, NAN, 0.9, 0.5])


def test_scorable_needs_an_answer_and_a_known_class() -> None:
    predictions = example()
    assert predictions.truth_index.tolist() == [1, 0, 1, -1]
    assert predictions.scorable.tolist() == [True, False, True, False]
    assert predictions.correct.tolist() == [False, False, True, False]


def test_truth_is_asked_for_when_unknown() -> None:
    predictions = Predictions(("1",), ("a",), np.ones((1, 1)), None, ("",))
    with pytest.raises(ValueError, match="no true labels"):
        _ = predictions.scorable


@pytest.mark.parametrize("row", [[1.0, 3.0], [0.5, 0.4], [-0.5, 1.5], [NAN, 1.0], [0.5, 0.50002]])
def test_rows_that_are_no_distribution_are_refused_by_name(row: list[float]) -> None:
    with pytest.raises(ValueError, match=r"1 answered rows are no probabilities.*'two.png'"):
        Predictions(("one.png", "two.png"), ("a", "b"), np.array([[0.5, 0.5], row]), None, ("", ""))


def test_rounding_of_single_precision_is_accepted() -> None:
    shares = np.full((1, 1000), np.float32(0.001), dtype=np.float32).astype(np.float64)
    names = tuple(str(i) for i in range(1000))
    assert len(Predictions(("1",), names, shares, None, ("",))) == 1


def test_wrong_shapes_and_repeated_classes_are_refused() -> None:
    half = np.full((1, 2), 0.5)
    with pytest.raises(ValueError, match=r"\(1, 2\), expected \(2, 2\)"):
        Predictions(("1", "2"), ("a", "b"), half, None, ("", ""))
    with pytest.raises(ValueError, match="errors has 2 rows, expected 1"):
        Predictions(("1",), ("a", "b"), half, None, ("", ""))
    with pytest.raises(ValueError, match="truth has 2 rows, expected 1"):
        Predictions(("1",), ("a", "b"), half, ("a", "b"), ("",))
    with pytest.raises(ValueError, match=r"groups are \(2,\), expected \(1,\)"):
        Predictions(("1",), ("a", "b"), half, ("a",), ("",), np.array([0, 1]))
    with pytest.raises(ValueError, match="twice"):
        Predictions(("1",), ("a", "a"), half, None, ("",))
