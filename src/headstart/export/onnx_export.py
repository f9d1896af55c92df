"""A model written as one ONNX file, after it has answered pictures as the model does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.arrays import ByteImage, Float32Array, FloatArray
from headstart.backbones.backbone import BackboneInfo
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.runtimes.onnx_runtime import (
    PICTURE,
    OnnxNetwork,
    columns,
    on_canvas,
    outputs_read,
)
from headstart.errors import MissingExtraError
from headstart.export.agreement import compare
from headstart.export.check_pictures import check_pictures
from headstart.export.onnx_file import FORMAT, PREFIX, sealed
from headstart.progress import QUIET, Progress
from headstart.recipes.trained_model import TrainedModel

if TYPE_CHECKING:
    import onnx


def export_onnx(
    model: TrainedModel,
    *,
    opset: int,
    figures: dict[str, Any] | None = None,
    pictures: Sequence[ByteImage] = (),
    progress: Progress = QUIET,
) -> bytes:
    """The model as an ONNX file in fp32, compared with the model.

    Args:
        model: it stays as it is.
        opset: version of ONNX's operators.
        figures: what is known of the model, as `model_card.read_figures` gives it.
        pictures: decoded ones (h, w, 3) to compare on, besides drawn ones and noise.
        progress: told of the steps.

    Raises:
        MissingExtraError: onnx, onnxscript or onnxruntime are not installed.
        UsageError: an opset, a head or a backbone that cannot be exported.
        ExportError: the file does not answer as the model does.
    """
    needs_packages()
    from headstart.export.onnx_graph import check_opset, preprocessing_alone, whole_graph

    check_opset(opset)
    progress.note(f"exporting {model.backbone.info.name} by torch; this takes some seconds")
    graph = whole_graph(model, opset, notes(model, figures, "fp32"))
    content = finished(graph)
    steps = [part.info.preprocessing for part in model.backbone.parts]
    progress.note("comparing its answers with the model's own")
    agreement = compare(
        model,
        answering(content),
        [_preparing(preprocessing_alone(one, opset)) for one in steps],
        check_pictures(steps, pictures),
    )
    for line in agreement.lines():
        progress.note(line)
    agreement.require()
    return content


def answering(content: bytes) -> Any:
    """What answers pictures (n, h, w, 3) by an exported file with probabilities (n, k).

    `familiar` is behind them where the file knows it, (n, k + 1).
    """
    network = OnnxNetwork(content, "the exported model")
    outputs = outputs_read(network.session)

    def answer(batch: ByteImage) -> FloatArray:
        given = {PICTURE: np.ascontiguousarray(batch)}
        return columns(network.session.run(outputs, given)).astype(np.float64)

    return answer


def canvases(prepared: ByteImage, steps: Preprocessing) -> ByteImage:
    """Prepared pictures (n, size, size, 3) as ones that the graph prepares to the same bytes."""
    return np.stack([on_canvas(picture, steps) for picture in prepared])


def _preparing(graph: onnx.ModelProto) -> Callable[[ByteImage], Float32Array]:
    """What prepares pictures (n, h, w, 3) by a graph."""
    session = OnnxNetwork(graph.SerializeToString(), "its resize").session
    return lambda batch: np.asarray(session.run(None, {PICTURE: np.ascontiguousarray(batch)})[0])


def finished(graph: onnx.ModelProto) -> bytes:
    """The file's bytes, with the digest by which a damaged one is told."""
    graph.metadata_props.add(key=f"{PREFIX}digest", value=sealed(graph.SerializeToString()))
    return bytes(graph.SerializeToString())


def notes(model: TrainedModel, figures: dict[str, Any] | None, precision: str) -> dict[str, str]:
    """What the file says of itself, by name; all but three are JSON."""
    from importlib.metadata import version

    info = model.backbone.info
    said = {
        "classes": list(model.classes),
        "label_type": model.label_type,
        "preprocessing": info.preprocessing.to_json(),
        "backbone": _backbone_note(info, precision),
        "head": model.head.name,
        "temperature": model.temperature,
        "familiarity": None if model.familiarity is None else model.familiarity.facts(),
        "data": figures["data"]["digest"] if figures else None,
        "figures": figures,
    }
    if info.parts:
        said["networks"] = [
            {
                **_backbone_note(part, precision),
                "feature_size": part.feature_size,
                "preprocessing": part.preprocessing.to_json(),
            }
            for part in info.parts
        ]
    texts = {name: json.dumps(value, allow_nan=False) for name, value in said.items()}
    return {
        f"{PREFIX}{name}": value
        for name, value in {"format": FORMAT, "version": version("headstart"), **texts}.items()
    }


def _backbone_note(info: BackboneInfo, precision: str) -> dict[str, Any]:
    return {
        "name": info.name,
        "layer": info.layer,
        "source": info.source,
        "weights": info.weights_id,
        "parameters": info.parameters,
        "fitted_precision": info.precision,
        "exported_precision": precision,
    }


def needs_packages() -> None:
    """Raise MissingExtraError unless all that exports is installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f'exporting needs {error.name}: pip install "headstart[export]"'
        ) from error
