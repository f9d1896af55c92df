"""The graph of each head answers as the head does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from tests.export.conftest import fitted_head
from tests.export.graphs import runner

from headstart.arrays import FloatArray
from headstart.errors import UsageError
from headstart.evaluate.calibration import apply_temperature
from headstart.export.graph import GraphParts
from headstart.export.head_graph import chosen, probabilities
from headstart.heads.fitted_heads import FittedHead, FittedLinear

FEATURES = 20


@pytest.mark.parametrize("temperature", [1.0, 1.7, 60.0])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ["linear", "svm", "knn", "mlp"])
def test_answers_are_those_of_the_head(name: str, classes: int, temperature: float) -> None:
    head = fitted_head(name, FEATURES, classes)
    mean = np.float32(getattr(head, "mean"))  # noqa: B009 - each of these heads has one
    head = replace(head, mean=mean.astype(np.float64))  # type: ignore[call-arg]
    answer = runner(lambda parts, x: probabilities(parts, head, x, temperature, "out"))
    X = np.random.default_rng(1).normal(size=(40, FEATURES)).astype(np.float32)
    X[0] = mean  # where a length is 0
    X[1] *= 50
    expected = apply_temperature(head.predict_proba(X), temperature)
    assert np.abs(answer(X) - expected).max() < 1e-5
    assert np.abs(answer(X[:1]) - expected[:1]).max() < 1e-5


def logits_as_they_are(k: int) -> FittedLinear:
    return FittedLinear(
        classes=np.arange(k), coef=np.eye(k), intercept=np.zeros(k), mean=np.zeros(k),
        scale=np.ones(k), C=1.0, n_iter=0,
    )  # fmt: skip


def test_one_softmax() -> None:
    head = logits_as_they_are(3)
    answer = runner(lambda parts, x: probabilities(parts, head, x, 1.0, "out"))
    found = answer(np.array([[1, 3, 2], [1000, 0, -1000]], dtype=np.float32))
    assert np.abs(found[0] - [0.090031, 0.665241, 0.244728]).max() < 1e-6
    assert found[1].tolist() == [1, 0, 0]
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-5


def test_the_label_is_the_first_of_the_likeliest() -> None:
    label = runner(lambda parts, x: chosen(parts, x, "label"))
    found = label(np.array([[0.2, 0.4, 0.4], [0.5, 0.1, 0.4]], dtype=np.float32))
    assert found.tolist() == [1, 0]
    assert found.dtype == np.int64


@dataclass(frozen=True, kw_only=True, eq=False)
class OtherHead(FittedHead):
    name = "other"

    @property
    def n_features(self) -> int:
        return 3

    def answer(self, rows: np.ndarray) -> FloatArray:
        return np.asarray(rows)


def test_an_unknown_head_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="the head other cannot be exported; linear, svm"):
        probabilities(GraphParts("head"), OtherHead(classes=np.arange(3)), "x", 1.0, "out")
