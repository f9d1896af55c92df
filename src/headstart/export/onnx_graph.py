"""A whole model as one ONNX file: a decoded picture in, class probabilities out. Needs onnx."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import onnx
import onnx.compose
from onnx import TensorProto, helper

from headstart.backbones.backbone import Backbone
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.runtimes.network_graph import (
    FEATURES,
    INPUT,
    LARGEST,
    model_of,
    network_graph,
)
from headstart.errors import UsageError
from headstart.export.familiar_graph import familiar
from headstart.export.graph import FAMILIAR, LABEL, PICTURE, PROBABILITIES, GraphParts
from headstart.export.head_graph import chosen, probabilities
from headstart.export.preprocessing_graph import check_preprocessing, normalised, prepared_bytes
from headstart.heads.familiarity import Familiarity
from headstart.options import LEAST_OPSET
from headstart.recipes.trained_model import TrainedModel

COUNT = "n"  # name of the free first axis


def check_opset(opset: int) -> None:
    """Raise UsageError for an opset that is too old for torch's exporter, or does not exist."""
    newest = onnx.defs.onnx_opset_version()
    if opset < LEAST_OPSET:
        raise UsageError(
            f"--opset is {opset}; the operator ReduceMean, as torch exports it, takes its axes as "
            f"an input, which it does from opset {LEAST_OPSET} on: the least is {LEAST_OPSET}"
        )
    if opset > newest:
        raise UsageError(f"--opset is {opset}; the onnx installed here knows up to {newest}")


def whole_graph(model: TrainedModel, opset: int, notes: Mapping[str, str]) -> onnx.ModelProto:
    """Picture, resize, crop, normalise, backbone, head, temperature, softmax, label, familiar.

    Args:
        model: its backbone is exported in fp32.
        opset: version of the operators.
        notes: what the file says of itself, by name.

    Raises UsageError for a model or an opset that cannot be exported, and for one too large.
    """
    check_opset(opset)
    networks = [
        _network(part, opset, f"network{number}/" if model.backbone.info.parts else "")
        for number, part in enumerate(model.backbone.parts, start=1)
    ]
    head = GraphParts("head")
    features = networks[0][1]
    known: list[onnx.ValueInfoProto] = []
    if len(networks) > 1:
        each = [name for _, name in networks]
        features = head.add("Concat", *each, output=FEATURES, axis=1)
        sizes = [part.info.feature_size for part in model.backbone.parts]
        known = [_rows(name, size) for name, size in zip(each, sizes, strict=True)]
        known.append(_rows(FEATURES, sum(sizes)))
    answers = probabilities(head, model.head, features, model.temperature, PROBABILITIES)
    chosen(head, answers, LABEL)
    outputs = [
        _rows(PROBABILITIES, len(model.classes)),
        helper.make_tensor_value_info(LABEL, TensorProto.INT64, [COUNT]),
    ]
    if isinstance(model.familiarity, Familiarity):
        familiar(head, model.familiarity, features, FAMILIAR)
        outputs.append(helper.make_tensor_value_info(FAMILIAR, TensorProto.FLOAT, [COUNT]))
    parts = [one for some, _ in networks for one in some]
    return _joined([*parts, head], outputs, opset, notes, known)


def _network(part: Backbone, opset: int, prefix: str) -> tuple[list[GraphParts], str]:
    """From the picture to one network's features: the nodes, and the features' name.

    All names begin with the prefix, by which `onnx_pieces` finds them again.
    """
    info = part.info
    check_preprocessing(info.preprocessing)
    before = GraphParts(f"{prefix}preprocessing")
    prepared = prepared_bytes(before, info.preprocessing, PICTURE)
    if info.mirror:
        prepared = before.add("Concat", prepared, _mirrored(before, prepared), axis=0)
    normalised(before, info.preprocessing, prepared, f"{prefix}{INPUT}")
    network = GraphParts(f"{prefix}network")
    advice = "leave --opset out, or take another backbone"
    size = info.preprocessing.size
    graph = network_graph(part.module, info.name, size, opset=opset, advice=advice)
    network.take(onnx.compose.add_prefix_graph(graph, prefix) if prefix else graph)
    features = f"{prefix}{FEATURES}"
    if info.mirror:  # the means of both halves of the batch
        shape = network.constant([2, -1, info.feature_size])
        halves = network.add("Reshape", features, shape)
        features = network.add("ReduceMean", halves, network.constant([0]), keepdims=0)
    return [before, network], features


def _rows(name: str, columns: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [COUNT, columns])


def _mirrored(parts: GraphParts, maps: str) -> str:
    """Maps (n, 3, h, w) with their columns in the other order."""
    last, before_first = parts.constant([-1]), parts.constant([-(2**31)])
    return parts.add("Slice", maps, last, before_first, parts.constant([3]), last)


def preprocessing_alone(steps: Preprocessing, opset: int) -> onnx.ModelProto:
    """A network's first part, which gives bytes (n, 3, size, size) as float32; for its check."""
    parts = GraphParts("preprocessing")
    result = prepared_bytes(parts, steps, PICTURE)
    shape: list[int | str | None] = [COUNT, 3, steps.size, steps.size]
    output = helper.make_tensor_value_info(result, TensorProto.FLOAT, shape)
    return _joined([parts], [output], opset, {})


def _joined(
    parts: Sequence[GraphParts],
    outputs: list[onnx.ValueInfoProto],
    opset: int,
    notes: Mapping[str, str],
    known: Sequence[onnx.ValueInfoProto] = (),
) -> onnx.ModelProto:
    """The whole file; `known` are shapes of results inside."""
    shape: list[int | str | None] = [COUNT, "height", "width", 3]
    picture = helper.make_tensor_value_info(PICTURE, TensorProto.UINT8, shape)
    nodes = [node for part in parts for node in part.nodes]
    used = set(_names(nodes))
    constants = [tensor for part in parts for tensor in part.constants if tensor.name in used]
    graph = helper.make_graph(nodes, "headstart", [picture], outputs, constants, value_info=known)
    made = model_of(graph, opset)
    for name, value in notes.items():
        made.metadata_props.add(key=name, value=value)
    if made.ByteSize() > LARGEST:
        raise UsageError(
            f"the model has {made.ByteSize():,} bytes; one ONNX file holds {LARGEST:,}. Take a "
            "smaller backbone"
        )
    onnx.checker.check_model(made)
    return made


def _names(nodes: Iterable[onnx.NodeProto]) -> Iterator[str]:
    """What nodes take, also those within branches."""
    for node in nodes:
        yield from node.input
        for attribute in node.attribute:
            yield from _names(attribute.g.node)
