"""What holds for every head."""

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart.heads.catalogue import HEADS, make_head
from headstart.heads.head import Head, many_classes
from headstart.heads.knn import KnnHead
from headstart.heads.linear import LinearHead
from headstart.heads.mlp import MlpHead
from headstart.heads.svm import SvmHead
from headstart.options import HeadOptions

KINDS: dict[str, type[Any]] = {
    "linear": LinearHead,
    "svm": SvmHead,
    "knn": KnnHead,
    "mlp": MlpHead,
}


def small(name: str, **options: Any) -> Head:
    if name == "mlp":
        options["hidden"] = 32
    head: Head = KINDS[name](**options)
    return head


def blobs(k: int, n: int = 60, d: int = 8, spread: float = 1.0) -> tuple[Any, Any]:
    random = np.random.default_rng(3)
    codes = np.arange(n) % k
    centres = random.normal(size=(k, d)) * 2
    names = np.array([f"class {code}" for code in range(k)])
    return centres[codes] + spread * random.normal(size=(n, d)), names[codes]


@parametrize_with_checks(
    [LinearHead(), LinearHead(C=0.1), SvmHead(), KnnHead(), MlpHead(hidden=32, epochs=40)]
)
def test_scikit_learn_contract(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("k", [2, 4])
def test_learns_and_says_so_in_probabilities(name: str, k: int) -> None:
    X, y = blobs(k, n=120)
    head = small(name).fit(X[:80], y[:80])
    probabilities = head.predict_proba(X[80:])
    assert probabilities.shape == (40, k)
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    assert (probabilities > 0).all()
    assert (head.predict(X[80:]) == y[80:]).mean() >= 0.9


@pytest.mark.parametrize("name", HEADS)
def test_one_class_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="only one class in y: 'cat' in all 3 rows"):
        small(name).fit(np.eye(3), ["cat"] * 3)


@pytest.mark.parametrize("name", HEADS)
def test_nan_is_an_error(name: str) -> None:
    X, y = blobs(2)
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        small(name).fit(X, y)


@pytest.mark.parametrize("name", HEADS)
def test_unknown_class_weight_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="class_weight is 'equal'"):
        small(name, class_weight="equal").fit(*blobs(2))


@pytest.mark.parametrize("name", HEADS)
def test_groups_of_another_length_are_an_error(name: str) -> None:
    X, y = blobs(2)
    with pytest.raises(ValueError, match="inconsistent"):
        small(name).fit(X, y, groups=[1, 2])


@pytest.mark.parametrize("name", HEADS)
def test_balanced_weights_favour_the_small_class(name: str) -> None:
    random = np.random.default_rng(0)
    y = np.repeat(["few", "many"], [60, 480])
    X = random.normal(size=(540, 4)) + (y == "few")[:, None] * 0.7
    plain = small(name).fit(X, y).predict_proba(X)[:, 0].mean()
    balanced = small(name, class_weight="balanced").fit(X, y).predict_proba(X)[:, 0].mean()
    assert balanced > plain + 0.08


@pytest.mark.parametrize("name", HEADS)
def test_seed_fixes_the_answers(name: str) -> None:
    X, y = blobs(3)
    first, second = (small(name, random_state=5).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", HEADS)
def test_pickles(name: str) -> None:
    X, y = blobs(2)
    head = small(name).fit(X, y)
    again = pickle.loads(pickle.dumps(head))
    np.testing.assert_array_equal(again.predict_proba(X), head.predict_proba(X))


@pytest.mark.parametrize("name", HEADS)
def test_two_rows_are_enough(name: str) -> None:
    head = small(name).fit([[0.0, 1.0], [1.0, 0.0]], ["a", "b"])
    assert head.predict_proba([[0.0, 1.0]]).shape == (1, 2)


@pytest.mark.parametrize("head", ["linear", "svm", "knn", "mlp"])
def test_many_classes_raise_no_warning_of_regression(head: str) -> None:
    """21 classes of 32 rows, which scikit-learn takes for numbers; warnings are errors here."""
    y = np.arange(32) % 21
    X = np.random.default_rng(1).normal(size=(32, 4)) + 5 * y[:, None]
    options = HeadOptions(head=head, class_weight="balanced")  # type: ignore[arg-type]
    assert make_head(options, 1).fit(X, y).predict_proba(X).shape == (32, 21)


def test_all_other_warnings_come_through() -> None:
    with pytest.warns(UserWarning, match="another"), many_classes():
        warnings.warn("another", UserWarning, stacklevel=1)
