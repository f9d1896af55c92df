"""How familiar a picture is as a part of an ONNX graph: features (n, d) in, 0 to 1 out, (n,)."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from headstart.export.graph import GraphParts
from headstart.heads.familiarity import Familiarity


def familiar(parts: GraphParts, known: Familiarity, features: str, output: str) -> str:
    """Nodes that do what `Familiarity.of` does, in float32."""
    length = parts.add("Sqrt", _squares(parts, features))
    tiny = parts.single(float(np.finfo(np.float32).tiny))
    unit = parts.add("Div", features, parts.add("Max", length, tiny))
    v = parts.add("Sub", unit, parts.constant(known.mean, np.float32))
    turned = parts.add("MatMul", v, parts.constant(known.transform.T, np.float32))
    linear = parts.add("MatMul", v, parts.constant(known.coef.T, np.float32))
    linear = parts.add("Add", linear, parts.constant(known.intercept, np.float32))
    distance = parts.add("ReduceMin", linear, parts.constant([1]), keepdims=1)
    for weight, vectors in zip(known.weights.tolist(), (v, turned), strict=True):
        if weight:
            part = parts.add("Mul", _squares(parts, vectors), parts.single(weight))
            distance = parts.add("Add", distance, part)
    held_out = parts.constant(known.distances[None], np.float32)  # (1, m)
    farther = parts.add("GreaterOrEqual", held_out, distance)
    farther = parts.add("Cast", farther, to=TensorProto.FLOAT)
    count = parts.add("ReduceSum", farther, parts.constant([1]), keepdims=0)
    count = parts.add("Add", count, parts.single(1.0))
    return parts.add("Div", count, parts.single(len(known.distances) + 1.0), output=output)


def _squares(parts: GraphParts, vectors: str) -> str:
    """The squared length of each row, (n, 1)."""
    return parts.add("ReduceSumSquare", vectors, parts.constant([1]), keepdims=1)
