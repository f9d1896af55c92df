"""Parts of graphs, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper

from headstart.export.graph import GraphParts


def runner(
    build: Callable[[GraphParts, str], str], dtype: int = TensorProto.FLOAT, axes: int = 2
) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """What `build` makes of an input, as a function of arrays."""
    parts = GraphParts("part")
    result = build(parts, "x")
    given = helper.make_tensor_value_info("x", dtype, [None] * axes)
    # The checker wants a rank for the result; the file itself says it, these parts do not.
    graph = helper.make_graph(
        parts.nodes, "part", [given], [onnx.ValueInfoProto(name=result)], parts.constants
    )
    opsets = [helper.make_opsetid("", 18)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda array: np.asarray(session.run(None, {"x": array})[0])
