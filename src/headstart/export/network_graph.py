"""A backbone as an ONNX graph, by torch's own exporter. Needs torch, onnx and onnxscript."""

from __future__ import annotations

import warnings

import onnx
import torch

from headstart.backbones.backbone import Backbone
from headstart.backbones.runtimes.batch_norm_folding import fold_batch_norms
from headstart.errors import UsageError
from headstart.thread_counts import one_torch_thread

INPUT = "network_input"
FEATURES = "features"


def network_graph(backbone: Backbone, opset: int) -> onnx.GraphProto:
    """Inputs (n, 3, size, size) to features (n, d) in fp32, any n, batch norms folded.

    The backbone's own network stays as it is. Raises UsageError when torch cannot export it.
    """
    size = backbone.info.preprocessing.size
    with one_torch_thread():
        network = fold_batch_norms(backbone.module, size).eval()
        pictures = torch.zeros(2, 3, size, size)
        try:
            with warnings.catch_warnings():  # of the exporter, on its own parts
                warnings.simplefilter("ignore")
                made = torch.onnx.export(
                    network,
                    (pictures,),
                    dynamo=True,
                    input_names=[INPUT],
                    output_names=[FEATURES],
                    dynamic_shapes=({0: torch.export.Dim("n")},),
                    opset_version=opset,
                    verbose=False,
                )
        except torch.onnx.errors.OnnxExporterError as error:
            raise _not_exported(backbone, opset, str(error)) from error
    if made is None:
        raise _not_exported(backbone, opset, "torch gave no graph")
    exported: onnx.ModelProto = made.model_proto
    versions = {entry.domain: entry.version for entry in exported.opset_import}
    if versions.get("", versions.get("ai.onnx")) != opset or exported.functions:
        raise _not_exported(backbone, opset, f"torch gives {versions}, not that version")
    return exported.graph


def _not_exported(backbone: Backbone, opset: int, why: str) -> UsageError:
    first = next(iter(why.strip().splitlines()), "")
    return UsageError(
        f"torch cannot export {backbone.info.name} for --opset {opset}: {first}; "
        "leave --opset out, or take another backbone"
    )
