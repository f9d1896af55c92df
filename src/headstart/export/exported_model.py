"""A model that was exported as an ONNX file, opened to answer. Needs onnxruntime alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headstart.arrays import ByteImage, FloatArray
from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.joining import embed_prepared, join_backbones
from headstart.backbones.network_name import MOST_JOINED
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.runtimes.onnx_runtime import ANSWERS, FAMILIAR, PICTURE, OnnxNetwork
from headstart.errors import MissingExtraError, ModelFolderError, UsageError
from headstart.export.onnx_file import OnnxFile, read_onnx
from headstart.export.onnx_pieces import FEATURES, head_piece, network_piece
from headstart.heads.familiarity import METHOD, UNFAMILIAR
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


@dataclass(frozen=True)
class GivenFamiliarity:
    """How familiar pictures are, as the exported graph has given it already: the last column.

    Attributes:
        noted: what the file says of it; an older one says nothing.
    """

    noted: Mapping[str, Any]

    def of(self, features: np.ndarray[Any, Any]) -> FloatArray:
        """From 0 to 1, (n,)."""
        return np.asarray(features[:, -1], dtype=np.float64)

    def facts(self) -> dict[str, Any]:
        """As `Familiarity.facts`, as far as the file says it."""
        return {"method": METHOD, "unfamiliar_below": UNFAMILIAR, **self.noted}


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphHead(FittedHead):
    """The head of joined networks, which a graph computes.

    Attributes:
        columns: features of all networks, d.
        graph: from these to answers.
    """

    name = "exported"

    columns: int
    graph: OnnxNetwork

    @property
    def n_features(self) -> int:
        return self.columns

    def answer(self, rows: np.ndarray[Any, Any]) -> FloatArray:
        exact = _of_each(self.graph, ANSWERS, rows).reshape(len(rows), len(self.classes))
        return np.asarray(exact / exact.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class GraphFamiliarity(GivenFamiliarity):
    """How familiar pictures are, of the features of joined networks.

    Attributes:
        graph: the head's.
    """

    graph: OnnxNetwork

    def of(self, features: np.ndarray[Any, Any]) -> FloatArray:
        return _of_each(self.graph, FAMILIAR, features).reshape(len(features))


def _of_each(graph: OnnxNetwork, output: str, rows: np.ndarray[Any, Any]) -> FloatArray:
    """An output for features (n, d), one by one, so that none depends on the others."""
    single = rows.astype(np.float32, copy=False)
    try:
        found = [graph.session.run([output], {FEATURES: row[None]})[0] for row in single]
    except Exception as error:  # its errors have no base of their own
        raise ModelFolderError(f"{graph.name} cannot be run: {error}") from error
    return np.asarray(found, dtype=np.float64)


_Parts = tuple[Backbone, FittedHead, GivenFamiliarity | None]


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
    model = _described(file, path)
    given = embed_prepared(model.backbone, _black(model))
    answers = model.probabilities(given)
    if answers.shape != (1, len(model.classes)) or not np.isfinite(answers).all():
        raise ModelFolderError(f"{path} gives no probabilities of its classes")
    if model.familiarity is not None and not 0 <= model.familiarity.of(given)[0] <= 1:
        raise ModelFolderError(f"{path} does not say how familiar a picture is")
    return model


def _described(file: OnnxFile, path: Path) -> TrainedModel:
    try:
        classes = check_classes(file.note("classes"), path)
        label_type = check_label_type(file.note("label_type"), classes, path)
        noted = _of_familiarity(file)
        whole = _joined if "networks" in file.notes else _single
        backbone, head, familiarity = whole(file, len(classes), noted, path)
    except (ModelFolderError, MissingExtraError):
        raise
    except (
        LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError
    ) as error:  # fmt: skip
        raise ModelFolderError(f"{path} is damaged: {error!r}") from error
    return TrainedModel(backbone, head, classes, 1.0, label_type, familiarity)


def _single(file: OnnxFile, k: int, noted: Mapping[str, Any], path: Path) -> _Parts:
    """The whole graph in the place of a network, whose features are its answers."""
    network = OnnxNetwork(file.content, str(path))
    tells = _check_session(network.session, (PICTURE, "tensor(uint8)"), k, path)
    described = {**file.note("backbone"), "preprocessing": file.note("preprocessing")}
    info = _info(described, k + tells, file.notes["digest"], path)
    head = GivenProbabilities(classes=np.arange(k), columns=info.feature_size)
    return Backbone(info, network), head, GivenFamiliarity(noted) if tells else None


def _joined(file: OnnxFile, k: int, noted: Mapping[str, Any], path: Path) -> _Parts:
    """Each network for itself, and the head's graph behind them."""
    parts = []
    described = list(file.note("networks"))
    if not 2 <= len(described) <= MOST_JOINED:
        raise ValueError(f"it joins {len(described)} networks")
    for number, one in enumerate(described, start=1):
        network = OnnxNetwork(network_piece(file.content, number), f"{path}, network {number}")
        size = int(one["feature_size"])
        ends = [[(end.name, end.type) for end in ends] for ends in (
            network.session.get_inputs(), network.session.get_outputs())]  # fmt: skip
        shape = network.session.get_outputs()[0].shape[1:] if ends[1] else []
        if ends[0] != [(PICTURE, "tensor(uint8)")] or len(ends[1]) != 1 or shape != [size]:
            raise ModelFolderError(f"{path} is damaged: network {number} gives no such features")
        digest = f"{file.notes['digest']}, network {number}"
        parts.append(Backbone(_info(one, size, digest, path), network))
    graph = OnnxNetwork(head_piece(file.content), f"{path}, its head")
    tells = _check_session(graph.session, (FEATURES, "tensor(float)"), k, path)
    columns = sum(part.info.feature_size for part in parts)
    head = GraphHead(classes=np.arange(k), columns=columns, graph=graph)
    familiarity = GraphFamiliarity(noted, graph) if tells else None
    return join_backbones(parts), head, familiarity


def _info(described: Mapping[str, Any], features: int, digest: str, path: Path) -> BackboneInfo:
    """What is known of a network. Raises LookupError, TypeError, ValueError, ModelFolderError."""
    steps = Preprocessing.from_json(described["preprocessing"])
    if not 0 < steps.size <= steps.resize <= 2 * LARGEST_SIDE:
        raise ModelFolderError(f"{path} is damaged: its preprocessing is {steps.to_json()}")
    return BackboneInfo(
        name=str(described["name"]),
        layer=str(described["layer"]),
        precision=str(described["exported_precision"]),
        preprocessing=steps,
        feature_size=features,
        parameters=int(described["parameters"]),
        weights_id=digest,
        source=str(described["source"]),
        classifier=None,
        runtime="onnx",
        device="cpu",
    )


def _of_familiarity(file: OnnxFile) -> dict[str, Any]:
    """What the file says of how familiarity is told. Raises ValueError for what that cannot be."""
    noted = file.note("familiarity") if "familiarity" in file.notes else None
    if noted is None:
        return {}
    found = {"held_out": int(noted["held_out"]), "share_kept": float(noted["share_kept"])}
    if not (found["held_out"] > 0 and 0 <= found["share_kept"] <= 1):
        raise ValueError(f"of familiarity it says {found}")
    return found


def _check_session(session: Any, wanted: tuple[str, str], classes: int, path: Path) -> bool:
    """Whether it tells how familiar pictures are. Raises ModelFolderError for other ends."""
    inputs = [(item.name, item.type) for item in session.get_inputs()]
    outputs = {item.name: item.shape for item in session.get_outputs()}
    if inputs != [wanted] or outputs.get(ANSWERS, [])[1:] != [classes]:
        raise ModelFolderError(f"{path} is damaged: its graph is not that of a classifier")
    if len(outputs.get(FAMILIAR, [1])) != 1:
        raise ModelFolderError(f"{path} is damaged: {FAMILIAR} is no single number a picture")
    return FAMILIAR in outputs


def _black(model: TrainedModel) -> list[ByteImage]:
    sides = [part.info.preprocessing.size for part in model.backbone.parts]
    return [np.zeros((1, side, side, 3), dtype=np.uint8) for side in sides]
