"""A fitted head as a part of an ONNX graph: features (n, d) in, class probabilities (n, k) out."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from headstart.arrays import FloatArray
from headstart.errors import UsageError
from headstart.evaluate.predictions import LEAST_PROBABILITY
from headstart.export.graph import GraphParts
from headstart.heads.fitted_heads import (
    NEIGHBOUR_TEMPERATURE,
    FittedHead,
    FittedKnn,
    FittedLinear,
    FittedMlp,
    FittedSvm,
)


def probabilities(
    parts: GraphParts, head: FittedHead, features: str, temperature: float, output: str
) -> str:
    """Nodes for the head and the temperature. Raises UsageError for a head without nodes here."""
    logs = log_probabilities(head, parts, features)
    if temperature != 1:
        kept = parts.add("Max", logs, parts.single(np.log(LEAST_PROBABILITY)))
        logs = parts.add("Div", kept, parts.single(temperature))
    return parts.add("Softmax", logs, axis=-1, output=output)


@singledispatch
def log_probabilities(head: FittedHead, parts: GraphParts, features: str) -> str:  # noqa: ARG001
    """Logarithms of the head's probabilities, (n, k). Raises UsageError for an unknown head."""
    raise UsageError(
        f"the head {head.name} cannot be exported; linear, svm, knn and mlp can, so fit one of them"
    )


@log_probabilities.register
def _linear(head: FittedLinear, parts: GraphParts, features: str) -> str:
    standard = _standard(head.mean, head.scale, parts, features)
    logits = _layer(head.coef.T, head.intercept, parts, standard)
    return parts.add("LogSoftmax", logits, axis=-1)


@log_probabilities.register
def _svm(head: FittedSvm, parts: GraphParts, features: str) -> str:
    weights, biases = head.arguments()
    z = _layer(weights.T, biases, parts, _standard(head.mean, head.scale, parts, features))
    logs = parts.add("Neg", parts.add("Softplus", z))  # log(1 / (1 + exp(z)))
    if head.sigmoid.shape[0] > 1:
        return parts.add("LogSoftmax", logs, axis=-1)
    others = parts.add("Neg", parts.add("Softplus", parts.add("Neg", z)))
    return parts.add("Concat", others, logs, axis=-1)


@log_probabilities.register
def _mlp(head: FittedMlp, parts: GraphParts, features: str) -> str:
    standard = _standard(head.mean, head.scale, parts, features)
    hidden = parts.add("Relu", _layer(head.first, head.first_bias, parts, standard))
    logits = _layer(head.last, head.last_bias, parts, hidden)
    if head.last.shape[1] == 1:
        half = parts.add("Mul", logits, parts.single(0.5))
        logits = parts.add("Concat", parts.add("Neg", half), half, axis=-1)
    return parts.add("LogSoftmax", logits, axis=-1)


@log_probabilities.register
def _knn(head: FittedKnn, parts: GraphParts, features: str) -> str:
    """The votes of the nearest rows, as `FittedKnn` counts them."""
    count, k = min(head.n_neighbors, len(head.rows)), len(head.class_weights)
    centred = parts.add("Sub", features, parts.constant(head.mean, np.float32))
    squares = parts.add("ReduceSumSquare", centred, parts.constant([1]), keepdims=1)
    tiny = parts.single(float(np.finfo(np.float32).tiny))
    unit = parts.add("Div", centred, parts.add("Max", parts.add("Sqrt", squares), tiny))
    similarity = parts.add("MatMul", unit, parts.constant(head.rows.T, np.float32))
    nearest = f"{parts.prefix}/nearest"
    best = f"{parts.prefix}/similarity"
    parts.add_many("TopK", (similarity, parts.constant([count])), (best, nearest), axis=1)
    gap = parts.add("Sub", best, parts.add("ReduceMax", best, parts.constant([1]), keepdims=1))
    weights = parts.add("Exp", parts.add("Div", gap, parts.single(NEIGHBOUR_TEMPERATURE)))
    votes_of_rows = np.eye(k, dtype=np.float32)[head.codes] * head.class_weights  # (m, k)
    votes = parts.add("Gather", parts.constant(votes_of_rows, np.float32), nearest, axis=0)
    weighted = parts.add("Mul", votes, parts.add("Unsqueeze", weights, parts.constant([2])))
    total = parts.add("ReduceSum", weighted, parts.constant([1]), keepdims=0)
    spread = head.class_weights / head.class_weights.sum()
    total = parts.add("Add", total, parts.constant(spread, np.float32))
    return parts.add("LogSoftmax", parts.add("Log", total), axis=-1)


def chosen(parts: GraphParts, answers: str, output: str) -> str:
    """The place of the likeliest class, the first of several, (n,) as int64."""
    best = parts.add("ArgMax", answers, axis=1, keepdims=0, select_last_index=0)
    return parts.add("Cast", best, to=TensorProto.INT64, output=output)


def _standard(mean: FloatArray, scale: FloatArray, parts: GraphParts, features: str) -> str:
    centred = parts.add("Sub", features, parts.constant(mean, np.float32))
    return parts.add("Div", centred, parts.constant(scale, np.float32))


def _layer(
    weights: npt.NDArray[np.floating], biases: npt.NDArray[np.floating], parts: GraphParts, x: str
) -> str:
    """x @ weights + biases, weights (inputs, outputs)."""
    product = parts.add("MatMul", x, parts.constant(weights, np.float32))
    return parts.add("Add", product, parts.constant(biases, np.float32))
