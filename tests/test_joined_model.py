"""A model on the features of two networks: saved, opened again, served, refused when damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from sklearn.base import clone
from tests.tiny_classifier import LABELS, classifier, embedder

from headstart.classifier import load_folder
from headstart.errors import ModelFolderError, UsageError
from headstart.export.export import exported
from headstart.images.source import EncodedImage, local_files
from headstart.model_dir import load_model
from headstart.options import EmbedOptions, ExportOptions
from headstart.serve.predictor import Computing, open_predictor

JOINED = "test_resnet@32+test_efficientnet@48"


@pytest.fixture
def folder(pictures: Sequence[Path], tmp_path: Path) -> Path:
    made = classifier(backbone=JOINED, image_size=None, mirror=True)
    made.fit(pictures, LABELS).save(tmp_path / "model")
    return tmp_path / "model"


def test_a_saved_model_answers_as_before(folder: Path, pictures: Sequence[Path]) -> None:
    again = load_folder(folder, device="cpu")
    assert (again.backbone, again.image_size, again.mirror) == (JOINED, None, True)
    fitted = clone(again).fit(pictures, LABELS)
    assert np.array_equal(again.predict_proba(pictures), fitted.predict_proba(pictures))
    whole = embedder(backbone=JOINED, image_size=None, mirror=True).fit_transform(pictures)
    assert whole.shape[1] == again.model_.backbone.info.feature_size


def test_the_server_answers_as_predict_does(folder: Path, pictures: Sequence[Path]) -> None:
    model = load_model(folder, device="cpu")
    expected = model.predict(
        local_files(list(pictures)), options=EmbedOptions(device="cpu", cache=False)
    )
    predictor = open_predictor(folder, Computing(EmbedOptions(device="cpu")))
    found = predictor.predict(
        [EncodedImage(file.read_bytes()) for file in pictures] + [EncodedImage(b"")]
    )
    np.testing.assert_allclose(found.probabilities[:-1], expected.probabilities, atol=1e-6)
    assert found.errors[-1] == "empty (0 bytes)" and np.isnan(found.probabilities[-1]).all()
    assert predictor.description()["backbone"] == JOINED


def test_timm_opens_each_network(folder: Path) -> None:
    model = load_model(folder, device="cpu")
    described = json.loads((folder / "headstart.json").read_text())
    assert described["timm"]["opens"] is False
    assert not (folder / "config.json").exists()
    for number, part in enumerate(model.backbone.parts, start=1):
        network = timm.create_model(f"local-dir:{folder / f'network{number}'}", pretrained=True)
        steps = part.info.preprocessing
        shape = (2, steps.size, steps.size, 3)
        pixels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
        inputs = torch.from_numpy(steps.normalise(pixels)).permute(0, 3, 1, 2)
        with torch.inference_mode():
            theirs = network.eval()(inputs)
            theirs = (theirs + network(inputs.flip(3))) / 2  # as --mirror does
        np.testing.assert_allclose(part.embed(pixels), theirs.numpy(), atol=1e-4)
    card = (folder / "README.md").read_text()
    assert "for each of the 2 networks in turn" in card and "THIS_FOLDER/network1" in card


def test_one_network_in_its_place_leaves_nothing_of_the_two(
    folder: Path, pictures: Sequence[Path]
) -> None:
    classifier().fit(pictures, LABELS).save(folder)
    assert not list(folder.glob("network*"))
    assert (folder / "model.safetensors").exists()
    load_model(folder, device="cpu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "network2" / "model.safetensors").unlink(), "missing or damaged"),
        (
            lambda folder: shutil.copy(
                folder / "network1" / "model.safetensors", folder / "network2"
            ),
            "network2.*its tensors are not those of the saved model",
        ),
        (
            lambda folder: (folder / "network1" / "config.json").write_text("{}"),
            "network1.*is damaged or was edited",
        ),
        (
            lambda folder: (folder / "config.json").write_text("{}"),
            "was not saved with the model, and timm would read it",
        ),
    ],
)
def test_a_damaged_part_is_refused(change: object, message: str, folder: Path) -> None:
    change(folder)  # type: ignore[operator]
    with pytest.raises(ModelFolderError, match=message):
        load_model(folder, device="cpu")


def test_what_needs_one_network_is_refused_by_name(folder: Path, pictures: Sequence[Path]) -> None:
    with pytest.raises(UsageError, match=r"joins networks, and recipe fine-tune trains one"):
        classifier(backbone=JOINED, image_size=None, recipe="fine-tune").fit(pictures, LABELS)
    model = load_model(folder, device="cpu")
    for kind, precision in ((".pt2", "fp32"), (".onnx", "int8")):
        with pytest.raises(UsageError, match=r"joins 2 networks.*as \.onnx in fp32"):
            exported(model, kind, precision, options=ExportOptions())
