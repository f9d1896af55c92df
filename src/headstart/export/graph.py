"""The parts of an ONNX graph while it is put together. Needs onnx."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

PICTURE = "image"  # names of the graph's input and outputs
PROBABILITIES = "probabilities"
LABEL = "label"
FAMILIAR = "familiar"


@dataclass
class GraphParts:
    """Nodes and constants in the order in which they were added.

    Attributes:
        prefix: stands before every name that is made here, so that parts can be joined.
    """

    prefix: str
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node of one output; returns the output's name."""
        name = output or f"{self.prefix}/{operator}_{len(self.nodes)}"
        self.add_many(operator, inputs, (name,), **attributes)
        return name

    def add_many(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any
    ) -> None:
        """Add a node with its outputs' names."""
        node = helper.make_node(operator, inputs, outputs, name=outputs[0], **attributes)
        self.nodes.append(node)

    def constant(self, values: npt.ArrayLike, dtype: Any = np.int64) -> str:
        """Add a constant; returns its name."""
        name = f"{self.prefix}/constant_{len(self.constants)}"
        array = np.asarray(values, dtype=dtype)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def single(self, value: float) -> str:
        """Add a constant in float32 without axes."""
        return self.constant(value, np.float32)

    def double(self, value: npt.ArrayLike) -> str:
        """Add a constant in float64."""
        return self.constant(value, np.float64)

    def branch(self, name: str) -> GraphParts:
        """Parts of a branch, which may use all names of these."""
        return GraphParts(f"{self.prefix}/{name}")

    def choose(self, condition: str, first: GraphParts, second: GraphParts, kind: int) -> str:
        """The last result of one of two branches, a tensor of the type `kind`."""
        graphs = []
        for parts in (first, second):
            result = helper.make_tensor_value_info(parts.nodes[-1].output[0], kind, None)
            graphs.append(
                helper.make_graph(parts.nodes, parts.prefix, [], [result], parts.constants)
            )
        return self.add("If", condition, then_branch=graphs[0], else_branch=graphs[1])

    def take(self, graph: onnx.GraphProto) -> None:
        """Add all nodes and constants of a graph."""
        self.nodes += graph.node
        self.constants += graph.initializer
