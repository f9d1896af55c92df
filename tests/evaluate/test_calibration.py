from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import brier_score_loss

from headstart.evaluate.calibration import (
    COLDEST,
    HOTTEST,
    apply_temperature,
    brier_score,
    expected_calibration_error,
    fit_temperature,
)
from headstart.evaluate.metrics import log_loss
from headstart.evaluate.predictions import Predictions

NAN = float("nan")


def two_classes(share_of_b: list[float], truth: str, errors: tuple[str, ...] = ()) -> Predictions:
    share = np.array(share_of_b)
    n = len(share)
    return Predictions(
        tuple(str(i) for i in range(n)),
        ("a", "b"),
        np.stack([1 - share, share], axis=1),
        tuple(truth),
        errors or ("",) * n,
    )


def drawn(seed: int, n: int = 300, k: int = 3, sharpen: float = 2.0) -> tuple[np.ndarray, ...]:
    """Probabilities that are too sure by a known temperature, and a truth drawn from the right."""
    rng = np.random.default_rng(seed)
    right = rng.dirichlet(np.ones(k), n)
    truth = np.array([rng.choice(k, p=row) for row in right])
    sharp = right**sharpen
    return sharp / sharp.sum(axis=1, keepdims=True), truth


def test_calibration_error_by_hand() -> None:
    # Confidences 0.9 right, 0.95 wrong, 0.6 right; two bins of five are filled.
    result = expected_calibration_error(two_classes([0.9, 0.05, 0.6], "bbb"), bins=5)
    assert [b.count for b in result.bins] == [0, 0, 0, 1, 2]
    last, third = result.bins[4], result.bins[3]
    assert (last.confidence, last.accuracy) == pytest.approx((0.925, 0.5))
    assert (third.confidence, third.accuracy) == pytest.approx((0.6, 1.0))
    assert (result.bins[0].confidence, result.bins[0].accuracy) == (None, None)
    assert result.error == pytest.approx((2 * 0.425 + 0.4) / 3)
    assert result.n == 3


def test_bin_edges() -> None:
    certain = expected_calibration_error(two_classes([1.0, 1.0, 0.5], "bba"), bins=10)
    assert certain.bins[9].count == 2
    assert certain.bins[5].count == 1  # 0.5 is on an edge: the bin above
    assert (certain.bins[9].low, certain.bins[9].high) == (0.9, 1.0)
    one = expected_calibration_error(two_classes([1.0, 0.5], "bb"), bins=1)
    assert (one.bins[0].count, one.error) == (2, 0.25)
    many = tuple(str(i) for i in range(1000))
    flat = Predictions(("1",), many, np.full((1, 1000), 0.001), ("3",), ("",))
    assert expected_calibration_error(flat).bins[0].count == 1


@pytest.mark.parametrize("tenth", [6, 7, 8, 9])
def test_a_decimal_on_an_edge_goes_to_the_bin_above(tenth: int) -> None:
    share = float(f"0.{tenth}")
    result = expected_calibration_error(two_classes([share], "b"), bins=10)
    assert result.bins[tenth].count == 1


def test_rows_without_answer_or_class_do_not_count() -> None:
    predictions = two_classes([0.8, NAN, 0.7], "bbz", ("", "broken", ""))
    assert expected_calibration_error(predictions).n == 1
    assert brier_score(predictions) == pytest.approx(0.08)
    empty = two_classes([0.7], "z")
    assert expected_calibration_error(empty).error is None
    assert brier_score(empty) is None
    with pytest.raises(ValueError, match="bins is 0"):
        expected_calibration_error(empty, bins=0)


def test_brier_score_by_hand_and_against_sklearn() -> None:
    assert brier_score(two_classes([1.0, 1.0], "ba")) == 1.0  # (0 + 2) / 2
    shares, truth = drawn(0)
    labels = tuple("abc"[i] for i in truth)
    images = tuple(str(i) for i in range(300))
    predictions = Predictions(images, tuple("abc"), shares, labels, ("",) * 300)
    right = brier_score_loss(labels, shares, labels=list("abc"), scale_by_half=False)
    assert brier_score(predictions) == pytest.approx(right)


@pytest.mark.parametrize(("seed", "sharpen"), [(0, 2.0), (1, 1.0), (2, 0.5), (3, 20.0)])
def test_temperature_minimises_the_log_loss(seed: int, sharpen: float) -> None:
    shares, truth = drawn(seed, sharpen=sharpen)
    found = fit_temperature(shares, truth)
    assert found == pytest.approx(sharpen, rel=0.25)

    def loss(log_temperature: float) -> float:
        value = log_loss(apply_temperature(shares, math.exp(log_temperature)), truth)
        assert value is not None
        return value

    best = minimize_scalar(loss, bounds=(-4, 4), method="bounded", options={"xatol": 1e-9})
    assert found == pytest.approx(math.exp(best.x), rel=1e-4)


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose features are its probabilities."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Given:
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return X

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(self.classes_[X.argmax(axis=1)])


@pytest.mark.parametrize("k", [2, 4])
def test_temperature_is_sklearns(k: int) -> None:
    shares, truth = drawn(7, k=k, sharpen=3.0)
    given = FrozenEstimator(Given().fit(shares, truth))
    reference = CalibratedClassifierCV(given, method="temperature", ensemble=False)
    right = reference.fit(shares, truth).predict_proba(shares)
    ours = apply_temperature(shares, fit_temperature(shares, truth))
    np.testing.assert_allclose(ours, right, atol=1e-4)


def test_predictions_that_are_always_right_stay_as_they_are() -> None:
    shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    assert fit_temperature(shares, np.array([0, 1, 0])) == 1.0
    assert fit_temperature(np.eye(3), np.array([0, 1, 2])) == 1.0
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)) == 1.0


def test_temperature_is_bounded() -> None:
    shares = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert fit_temperature(shares, np.array([1, 0])) == HOTTEST
    # Hardly any slope and a single wrong row in a thousand: the best T is below the limit.
    timid = np.tile([0.5001, 0.4999], (1000, 1))
    truth = np.zeros(1000, dtype=np.int64)
    truth[0] = 1
    assert fit_temperature(timid, truth) == COLDEST


def test_certain_and_wrong_rows_do_not_break_the_fit() -> None:
    shares = np.tile([1.0, 0.0], (20, 1))
    truth = np.array([0] * 19 + [1])
    found = fit_temperature(shares, truth)
    # Right answer: 0.95 for the answered class, so ln 19 = 52 ln 2 / T.
    assert found == pytest.approx(52 * math.log(2) / math.log(19), rel=1e-6)
    np.testing.assert_allclose(apply_temperature(shares, found)[0], [0.95, 0.05], rtol=1e-6)


def test_fit_refuses_bad_input() -> None:
    half = np.full((2, 2), 0.5)
    with pytest.raises(ValueError, match="expected"):
        fit_temperature(half, np.array([0]))
    with pytest.raises(ValueError, match="from -1 to 0"):
        fit_temperature(half, np.array([-1, 0]))
    with pytest.raises(ValueError, match="NaN"):
        fit_temperature(np.full((2, 2), NAN), np.array([0, 1]))


def test_temperature_one_is_the_identity_to_the_bit() -> None:
    shares, _ = drawn(1)
    same = apply_temperature(shares, 1.0)
    assert same.tobytes() == shares.tobytes()
    assert same is not shares


def test_temperature_by_hand() -> None:
    np.testing.assert_allclose(
        apply_temperature(np.array([[0.8, 0.2], [NAN, NAN]]), 0.5), [[16 / 17, 1 / 17], [NAN, NAN]]
    )
    np.testing.assert_allclose(apply_temperature(np.array([[0.8, 0.2]]), 2.0), [[2 / 3, 1 / 3]])


@pytest.mark.parametrize("temperature", [0.01, 0.5, 3.0, 100.0])
def test_the_likeliest_class_stays_and_rows_sum_to_one(temperature: float) -> None:
    shares, _ = drawn(4, k=5)
    close = np.nextafter(0.5, 0)
    shares[:3] = [[close, 0.5, 0, 0, 0], [1, 0, 0, 0, 0], [0.2, 0.2, 0.2, 0.2, 0.2]]
    scaled = apply_temperature(shares, temperature)
    np.testing.assert_array_equal(scaled.argmax(axis=1), shares.argmax(axis=1))
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    assert (scaled >= 0).all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, NAN, math.inf])
def test_temperature_must_be_positive(temperature: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        apply_temperature(np.array([[0.5, 0.5]]), temperature)
