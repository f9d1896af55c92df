"""A network as an ONNX graph, by torch's own exporter. Needs torch, onnx and onnxscript."""

from __future__ import annotations

import warnings
from importlib.metadata import version

import onnx
import torch
from onnx import helper
from torch import nn

from headstart.backbones.runtimes.batch_norm_folding import fold_batch_norms
from headstart.backbones.runtimes.last_map import WithMap
from headstart.errors import UsageError
from headstart.options import LEAST_OPSET
from headstart.thread_counts import one_torch_thread

INPUT = "network_input"
FEATURES = "features"
MAP = "map"
LARGEST = 2**31 - 1  # bytes; what one file of this format can hold


def network_graph(
    network: nn.Module,
    name: str,
    size: int,
    *,
    opset: int = LEAST_OPSET,
    advice: str,
    with_map: bool = False,
) -> onnx.GraphProto:
    """Inputs (n, 3, size, size) to features (n, d) in fp32, any n, batch norms folded.

    A second output with `with_map` is the last map before the pooling, (n, c, h, w), where there is
    one. The network itself, in fp32 and eval mode, stays as it is. Raises UsageError, which ends
    with the advice, when torch cannot export it.
    """
    with one_torch_thread():
        folded = fold_batch_norms(network, size).eval()
        pictures = torch.zeros(2, 3, size, size)
        outputs = [FEATURES]
        if with_map and _has_map(folded, pictures):
            folded, outputs = WithMap(folded, name), [FEATURES, MAP]
        try:
            with warnings.catch_warnings():  # of the exporter, on its own parts
                warnings.simplefilter("ignore")
                made = torch.onnx.export(
                    folded,
                    (pictures,),
                    dynamo=True,
                    input_names=[INPUT],
                    output_names=outputs,
                    dynamic_shapes=({0: torch.export.Dim("n")},),
                    opset_version=opset,
                    verbose=False,
                )
        except torch.onnx.errors.OnnxExporterError as error:
            raise _not_exported(name, opset, str(error), advice) from error
    if made is None:
        raise _not_exported(name, opset, "torch gave no graph", advice)
    exported: onnx.ModelProto = made.model_proto
    versions = {entry.domain: entry.version for entry in exported.opset_import}
    if versions.get("", versions.get("ai.onnx")) != opset or exported.functions:
        raise _not_exported(name, opset, f"torch gives {versions}, not that version", advice)
    return _without_notes(exported.graph)


def _has_map(network: nn.Module, pictures: torch.Tensor) -> bool:
    try:
        with torch.no_grad():
            WithMap(network, "")(pictures)
    except UsageError:
        return False
    return True


def network_file(network: nn.Module, name: str, size: int) -> bytes:
    """The graph of `network_graph`, with the map, as an ONNX file. Raises UsageError as it does."""
    advice = "take --runtime torch"
    graph = network_graph(network, name, size, advice=advice, with_map=True)
    made = model_of(graph, LEAST_OPSET)
    if made.ByteSize() > LARGEST:
        raise _not_exported(name, LEAST_OPSET, f"it has {made.ByteSize():,} bytes", advice)
    return bytes(made.SerializeToString())


def model_of(graph: onnx.GraphProto, opset: int) -> onnx.ModelProto:
    """A model that has this graph and says that this program made it."""
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(
        graph,
        producer_name="headstart",
        producer_version=version("headstart"),
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
    )


def _without_notes(graph: onnx.GraphProto) -> onnx.GraphProto:
    """The graph without what the exporter notes: lines of source files and their places."""
    for part in (*graph.node, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    return graph


def _not_exported(name: str, opset: int, why: str, advice: str) -> UsageError:
    first = next(iter(why.strip().splitlines()), "")
    return UsageError(f"torch cannot export {name} for --opset {opset}: {first}; {advice}")
