import numpy as np

from headstart.heads.probabilities import log_sigmoid, softmax


def test_softmax_of_large_logits() -> None:
    np.testing.assert_array_equal(softmax(np.array([[1000.0, 0.0, -1000.0]])), [[1.0, 0.0, 0.0]])


def test_softmax_leaves_a_row_with_nan() -> None:
    found = softmax(np.array([[0.0, 0.0], [np.nan, 1.0]]))
    np.testing.assert_array_equal(found, [[0.5, 0.5], [np.nan, np.nan]])


def test_log_sigmoid_of_large_values() -> None:
    found = log_sigmoid(np.array([-1e6, 0.0, 1e6]))
    np.testing.assert_allclose(found, [-1e6, -np.log(2), 0.0], rtol=1e-12)
