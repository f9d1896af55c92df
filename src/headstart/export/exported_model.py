"""A model that was exported as an ONNX file, opened to answer. Needs onnxruntime alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headstart.arrays import FloatArray
from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.runtimes.onnx_runtime import ANSWERS, FAMILIAR, PICTURE, OnnxNetwork
from headstart.errors import ModelFolderError, UsageError
from headstart.export.onnx_file import OnnxFile, read_onnx
from headstart.heads.fitted_heads import FittedHead
from headstart.model_checks import check_classes, check_label_type
from headstart.options.backbone_and_features import LARGEST_SIDE
from headstart.recipes.trained_model import TrainedModel

SUFFIX = ".onnx"


@dataclass(frozen=True, kw_only=True, eq=False)
class GivenProbabilities(FittedHead):
    """No head: the exported graph has given probabilities already.

    Attributes:
        columns: that are given: k, and one more where the graph gives `familiar`.
    """

    name = "exported"

    columns: int

    @property
    def n_features(self) -> int:
        return self.columns

    def answer(self, rows: np.ndarray[Any, Any]) -> FloatArray:
        exact = rows[:, : len(self.classes)].astype(np.float64)
        return np.asarray(exact / exact.sum(axis=1, keepdims=True))


class GivenFamiliarity:
    """How familiar pictures are, as the exported graph has given it already: the last column."""

    def of(self, features: np.ndarray[Any, Any]) -> FloatArray:
        """From 0 to 1, (n,)."""
        return np.asarray(features[:, -1], dtype=np.float64)


def open_model(path: Path, *, device: str = "auto", runtime: str = "auto") -> TrainedModel:
    """The model in a model folder or in an exported file.

    Raises ModelFolderError for anything else, and UsageError for a device or a runtime that cannot
    be had.
    """
    if is_exported(path):
        return load_exported(path, device=device, runtime=runtime)
    from headstart import model_dir

    return model_dir.load_model(path, device=device, runtime=runtime)


def is_exported(path: Path) -> bool:
    """Whether a path means an exported file, by its name: model.onnx."""
    return path.suffix.lower() == SUFFIX and not path.is_dir()


def load_exported(path: Path, *, device: str = "auto", runtime: str = "auto") -> TrainedModel:
    """Read a file that `headstart export` wrote.

    Raises ModelFolderError for anything else, MissingExtraError without onnxruntime, and
    UsageError for a device other than a processor and another runtime.
    """
    if device not in ("auto", "cpu"):
        raise UsageError(f"--device is {device}; an exported model is run on a processor, cpu")
    if runtime not in ("auto", "onnxruntime"):
        raise UsageError(f"--runtime is {runtime}; an exported model is run by onnxruntime")
    file = read_onnx(path)
    network = OnnxNetwork(file.content, str(path))
    model = _described(file, network, path)
    _check_session(network.session, len(model.classes), path)
    given = model.backbone.embed(_black(model))
    answers = model.probabilities(given)
    if answers.shape != (1, len(model.classes)) or not np.isfinite(answers).all():
        raise ModelFolderError(f"{path} gives no probabilities of its classes")
    if model.familiarity is not None and not 0 <= model.familiarity.of(given)[0] <= 1:
        raise ModelFolderError(f"{path} does not say how familiar a picture is")
    return model


def _described(file: OnnxFile, network: OnnxNetwork, path: Path) -> TrainedModel:
    tells = any(output.name == FAMILIAR for output in network.session.get_outputs())
    try:
        classes = check_classes(file.note("classes"), path)
        label_type = check_label_type(file.note("label_type"), classes, path)
        described = file.note("backbone")
        info = BackboneInfo(
            name=str(described["name"]),
            layer=str(described["layer"]),
            precision=str(described["exported_precision"]),
            preprocessing=Preprocessing.from_json(file.note("preprocessing")),
            feature_size=len(classes) + tells,
            parameters=int(described["parameters"]),
            weights_id=file.notes["digest"],
            source=str(described["source"]),
            classifier=None,
            runtime="onnx",
            device="cpu",
        )
    except ModelFolderError:
        raise
    except (
        LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError
    ) as error:  # fmt: skip
        raise ModelFolderError(f"{path} is damaged: {error!r}") from error
    steps = info.preprocessing
    if not 0 < steps.size <= steps.resize <= 2 * LARGEST_SIDE:
        raise ModelFolderError(f"{path} is damaged: its preprocessing is {steps.to_json()}")
    head = GivenProbabilities(classes=np.arange(len(classes)), columns=info.feature_size)
    familiarity = GivenFamiliarity() if tells else None
    return TrainedModel(Backbone(info, network), head, classes, 1.0, label_type, familiarity)


def _check_session(session: Any, classes: int, path: Path) -> None:
    inputs = [(item.name, item.type) for item in session.get_inputs()]
    outputs = {item.name: item.shape for item in session.get_outputs()}
    if inputs != [(PICTURE, "tensor(uint8)")] or outputs.get(ANSWERS, [])[1:] != [classes]:
        raise ModelFolderError(f"{path} is damaged: its graph is not that of a classifier")
    if len(outputs.get(FAMILIAR, [1])) != 1:
        raise ModelFolderError(f"{path} is damaged: {FAMILIAR} is no single number a picture")


def _black(model: TrainedModel) -> np.ndarray[Any, Any]:
    side = model.backbone.info.preprocessing.size
    return np.zeros((1, side, side, 3), dtype=np.uint8)
