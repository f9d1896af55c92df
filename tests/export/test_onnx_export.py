"""An exported file is the model: the same answers in every batch, and the model as it was."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tests.export.conftest import CLASSES, fitted_head, tiny_model
from tests.kept_lines import KeptLines

from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import HeldNetwork
from headstart.backbones.small_cnn import SmallCNNBackbone
from headstart.errors import ExportError, UsageError
from headstart.export import onnx_export
from headstart.export.onnx_export import export_onnx
from headstart.heads.familiarity import Familiarity
from headstart.heads.fitted_heads import FittedLinear
from headstart.recipes.trained_model import TrainedModel


def session(content: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def state_of(model: TrainedModel) -> dict[str, Any]:
    module = model.backbone.module
    return {
        "training": [part.training for part in module.modules()],
        "gradients": [part.requires_grad for part in module.parameters()],
        "devices": {str(part.device) for part in module.parameters()},
        "tensors": {name: tensor.clone() for name, tensor in module.state_dict().items()},
    }


def test_input_and_outputs_are_named_and_free(exported: Path) -> None:
    ready = session(exported.read_bytes())
    assert [(i.name, i.type, i.shape) for i in ready.get_inputs()] == [
        ("image", "tensor(uint8)", ["n", "height", "width", 3])
    ]
    assert [(o.name, o.type, o.shape) for o in ready.get_outputs()] == [
        ("probabilities", "tensor(float)", ["n", 3]),
        ("label", "tensor(int64)", ["n"]),
        ("familiar", "tensor(float)", ["n"]),
    ]


def test_any_batch_of_any_size_has_the_models_answers(exported: Path, model: TrainedModel) -> None:
    ready = session(exported.read_bytes())
    rng = np.random.default_rng(3)
    steps = model.backbone.info.preprocessing
    for height, width in ((50, 41), (33, 90), (36, 36)):
        images = rng.integers(0, 256, (7, height, width, 3), dtype=np.uint8)
        prepared = np.stack([steps.prepare(image) for image in images])
        features = model.backbone.embed(prepared)
        expected = model.probabilities(features)
        assert model.familiarity is not None
        expected_familiar = model.familiarity.of(features)
        alone = np.concatenate([ready.run(None, {"image": image[None]})[0] for image in images])
        for count in (1, 2, 7):
            found, label, familiar = ready.run(None, {"image": images[:count]})
            assert familiar.tolist() == pytest.approx(expected_familiar[:count].tolist())
            assert np.abs(found - expected[:count]).max() < 1e-5
            assert np.abs(found - alone[:count]).max() < 1e-5
            assert label.tolist() == found.argmax(axis=1).tolist()
            assert np.abs(found.sum(axis=1) - 1).max() < 1e-5


def test_the_file_says_what_it_is(exported: Path, model: TrainedModel) -> None:
    made = onnx.load(exported)
    notes = {item.key: item.value for item in made.metadata_props}
    assert made.producer_name == "headstart"
    assert {entry.domain: entry.version for entry in made.opset_import} == {"": 18}
    assert json.loads(notes["headstart.classes"]) == list(CLASSES)
    steps = json.loads(notes["headstart.preprocessing"])
    assert steps == model.backbone.info.preprocessing.to_json()
    assert json.loads(notes["headstart.data"]) == "d" * 64
    assert json.loads(notes["headstart.figures"])["test"] == {"accuracy": 0.9}
    assert json.loads(notes["headstart.backbone"])["name"] == "test_resnet"
    assert notes["headstart.version"] == made.producer_version
    for private in (b"site-packages", str(Path.cwd()).encode(), b".py"):
        assert private not in exported.read_bytes()


def test_the_models_network_stays_as_it_was() -> None:
    """C56: also where its batch norms and dropout make a difference in training."""
    made = tiny_model()
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3),
        torch.nn.BatchNorm2d(8),
        torch.nn.Dropout(0.5),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 12),
    )
    assert isinstance(network[1], torch.nn.BatchNorm2d)
    network[1].running_mean = torch.full((8,), 0.5)
    info = replace(made.backbone.info, name="made here", feature_size=12)
    backbone = Backbone(info, HeldNetwork(network))
    changed = replace(made, backbone=backbone, head=fitted_head("linear", 12))
    before = state_of(changed)
    told = KeptLines()
    content = export_onnx(changed, opset=18, progress=told)
    after = state_of(changed)
    tensors = [state.pop("tensors") for state in (before, after)]
    assert before == after
    assert not any(after["training"])
    assert all(torch.equal(tensor, tensors[1][name]) for name, tensor in tensors[0].items())
    assert {"Dropout", "BatchNormalization"}.isdisjoint(
        node.op_type for node in onnx.load_from_string(content).graph.node
    )
    assert any("all of the resized bytes are Pillow's" in line for line in told.lines)


@pytest.mark.parametrize("opset", [20, 23])
def test_an_attention_backbone_in_the_opset_that_is_asked_for(opset: int) -> None:
    content = export_onnx(tiny_model("svm", "test_vit", 160), opset=opset)
    made = onnx.load_from_string(content)
    assert {entry.domain: entry.version for entry in made.opset_import} == {"": opset}
    onnx.checker.check_model(made)


def test_the_small_cnn(model: TrainedModel) -> None:
    network = SmallCNNBackbone()
    features = 8 * (32 // 4) ** 2
    info = replace(model.backbone.info, name="small_cnn", feature_size=features)
    small = replace(
        model,
        backbone=Backbone(info, HeldNetwork(network)),
        head=fitted_head("linear", features),
        familiarity=None,
    )
    ready = session(export_onnx(small, opset=18))
    assert [output.name for output in ready.get_outputs()] == ["probabilities", "label"]


def test_a_model_fitted_in_bf16_and_on_mirrored_pictures_is_compared_with_both() -> None:
    told = KeptLines()
    export_onnx(tiny_model("knn", precision="bf16", mirror=True), opset=18, progress=told)
    assert any("features in bf16" in line and "in the median" in line for line in told.lines)


@pytest.mark.parametrize(
    ("opset", "message"),
    [
        (12, r"--opset is 12; the operator ReduceMean.*the least is 18"),
        (17, r"--opset is 17.*the least is 18"),
        (99, r"--opset is 99; the onnx installed here knows up to \d+"),
    ],
)
def test_an_opset_that_cannot_be_had(opset: int, message: str, model: TrainedModel) -> None:
    with pytest.raises(UsageError, match=message):
        export_onnx(model, opset=opset)


def test_a_file_that_answers_otherwise_is_not_given(
    model: TrainedModel, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = copy.copy(model.head)
    assert isinstance(head, FittedLinear)
    turned = replace(model, head=replace(head, intercept=head.intercept + np.eye(3)[0] / 50))
    content = exported.read_bytes()
    monkeypatch.setattr(onnx_export, "finished", lambda graph: content)
    with pytest.raises(ExportError, match=r"a probability differs by 0\.00\d*, the bound is 1e-03"):
        export_onnx(turned, opset=18)


def test_a_file_with_another_familiar_is_not_given(
    model: TrainedModel, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = model.familiarity
    assert isinstance(known, Familiarity)
    other = replace(model, familiarity=replace(known, distances=known.distances * 1e9))
    content = exported.read_bytes()
    monkeypatch.setattr(onnx_export, "finished", lambda graph: content)
    with pytest.raises(ExportError, match=r"familiar differs by \d\S* more than rounding explains"):
        export_onnx(other, opset=18)


def test_a_head_without_nodes_is_refused_before_the_backbone_is_exported(
    model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = replace(model.backbone.info.preprocessing, interpolation="nearest")
    info = replace(model.backbone.info, preprocessing=steps)
    odd = replace(model, backbone=Backbone(info, model.backbone.network))
    with pytest.raises(UsageError, match="'nearest' interpolation, which cannot be exported"):
        export_onnx(odd, opset=18)
