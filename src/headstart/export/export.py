"""From a fitted model to the bytes of a file, checked: ONNX in fp32 or int8, or a torch program."""

from __future__ import annotations

from typing import Any

from headstart.errors import UsageError
from headstart.export.check_pictures import GivenPictures
from headstart.export.exported_file import ONNX, TORCH
from headstart.export.onnx_export import export_onnx, notes
from headstart.options import ExportOptions
from headstart.progress import QUIET, Progress
from headstart.recipes.trained_model import TrainedModel


def exported(
    model: TrainedModel,
    kind: str,
    precision: str,
    *,
    options: ExportOptions,
    figures: dict[str, Any] | None = None,
    given: GivenPictures | None = None,
    progress: Progress = QUIET,
) -> bytes:
    """The file's bytes.

    Args:
        model: it stays as it is.
        kind: ".onnx" or ".pt2".
        precision: "fp32", or "int8" for ONNX.
        options: opset and bound.
        figures: what is known of the model, as `model_card.read_figures` gives it.
        given: pictures to compare on; int8 needs some.
        progress: told of the steps and of what was measured.

    Raises MissingExtraError, UsageError and ExportError, as `export_onnx` and `export_torch`.
    """
    if kind == TORCH:
        _refuse_joined(model, "a program of torch takes one prepared picture")
    if precision != "fp32":
        _refuse_joined(model, "--precision int8 is calibrated with one prepared picture")
    pictures = given.decoded if given else ()
    if kind == TORCH:
        from headstart.export.torch_program import export_torch

        return export_torch(model, figures=figures, pictures=pictures, progress=progress)
    made = export_onnx(
        model, opset=options.opset, figures=figures, pictures=pictures, progress=progress
    )
    if precision == "fp32":
        return made
    from headstart.export.int8 import quantised

    if given is None:
        raise ValueError("int8 needs pictures to calibrate with")
    progress.note("rounding to eight bits")
    loss = quantised(made, model, given, notes(model, figures, precision))
    for line in loss.lines():
        progress.note(line)
    loss.require(options.max_drop)
    return loss.content


def _refuse_joined(model: TrainedModel, what: str) -> None:
    info = model.backbone.info
    if info.parts:
        raise UsageError(
            f"{info.name} joins {len(info.parts)} networks, each with a picture prepared for it, "
            f"and {what}; export the model as {ONNX} in fp32, or fit one of the networks"
        )
