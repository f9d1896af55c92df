"""A model folder is complete, opens in timm, and refuses what it does not know."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from headstart.backbones.opening import open_backbone
from headstart.errors import ModelFolderError, UsageError
from headstart.heads.catalogue import make_head
from headstart.images.source import local_files
from headstart.model_dir import load_model, save_model
from headstart.options import BackboneOptions, EmbedOptions, HeadOptions
from headstart.recipes.trained_model import TrainedModel

TINY = "test_resnet"
CPU = EmbedOptions(device="cpu")


def fitted(head: str, pictures: list[Path], **changed: object) -> TrainedModel:
    plain = {"backbone": TINY, "random_weights": True, "precision": "fp32", "image_size": 32}
    options = BackboneOptions(**{**plain, **changed})  # type: ignore[arg-type]
    backbone = open_backbone(options, device="cpu")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, backbone.info.feature_size)).astype(np.float32)
    X[:30, :20] += 1
    y = np.repeat([0, 1], 30)
    learner = make_head(HeadOptions(head=head), 0).fit(X, y)  # type: ignore[arg-type]
    return TrainedModel(backbone, learner.fitted_, ("cat, small", "dög"), 1.7)


@pytest.mark.parametrize("head", ["linear", "svm", "knn", "mlp"])
def test_saved_and_loaded_answers_are_equal(
    head: str, pictures: list[Path], tmp_path: Path
) -> None:
    model = fitted(head, pictures)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model", device="cpu")
    assert again.classes == model.classes
    assert again.backbone.info == model.backbone.info
    first, second = (
        m.predict(local_files(pictures), options=CPU).probabilities for m in (model, again)
    )
    assert np.array_equal(first, second)
    no_cache = again.predict(local_files(pictures), options=EmbedOptions(device="cpu", cache=False))
    assert np.allclose(no_cache.probabilities, first, atol=1e-6)


def test_two_calls_are_equal_to_the_bit(pictures: list[Path]) -> None:
    model = fitted("mlp", pictures)
    options = EmbedOptions(device="cpu", cache=False)
    first, second = (
        model.predict(local_files(pictures), options=options).probabilities for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_timm_opens_the_folder_with_the_same_answers(pictures: list[Path], tmp_path: Path) -> None:
    model = fitted("linear", pictures)
    save_model(model, tmp_path / "model")
    network = timm.create_model(f"local-dir:{tmp_path / 'model'}", pretrained=True).eval()
    steps = model.backbone.info.preprocessing
    config = timm.data.resolve_model_data_config(network)
    assert list(config["input_size"]) == [3, 32, 32]
    assert list(config["mean"]) == list(steps.mean)
    pixels = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    inputs = torch.from_numpy(steps.normalise(pixels)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        theirs = network(inputs).softmax(dim=1).numpy()
    ours = model.probabilities(model.backbone.embed(pixels))
    assert np.abs(ours - theirs).max() < 1e-4
    described = json.loads((tmp_path / "model" / "headstart.json").read_text())
    assert described["timm"] == {"opens": True, "why_not": None}


def test_embedded_backbone_opens_in_timm_too(pictures: list[Path], tmp_path: Path) -> None:
    model = fitted(
        "linear", pictures, backbone="tf_efficientnet_lite0", random_weights=False, image_size=64
    )
    save_model(model, tmp_path / "model")
    network = timm.create_model(f"local-dir:{tmp_path / 'model'}", pretrained=True).eval()
    pixels = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    floats = model.backbone.info.preprocessing.normalise(pixels)
    with torch.inference_mode():
        theirs = network(torch.from_numpy(floats).permute(0, 3, 1, 2)).softmax(dim=1).numpy()
    assert np.abs(model.probabilities(model.backbone.embed(pixels)) - theirs).max() < 1e-4


@pytest.mark.usefixtures("narrow_vgg11")
@pytest.mark.parametrize(
    ("head", "backbone", "reason"),
    [
        ("svm", {}, "svm head is no single linear layer"),
        (
            "linear",
            {"backbone": "vgg11", "image_size": 32},
            "last layer of vgg11 does not take the 64",
        ),
    ],
)
def test_the_json_says_why_timm_cannot(
    head: str, backbone: dict[str, object], reason: str, pictures: list[Path], tmp_path: Path
) -> None:
    save_model(fitted(head, pictures, **backbone), tmp_path / "model")
    described = json.loads((tmp_path / "model" / "headstart.json").read_text())
    assert described["timm"]["opens"] is False
    assert reason in described["timm"]["why_not"]
    assert not (tmp_path / "model" / "config.json").exists()
    load_model(tmp_path / "model", device="cpu")


def test_folder_has_no_pickle_and_no_device(pictures: list[Path], tmp_path: Path) -> None:
    save_model(fitted("mlp", pictures), tmp_path / "model")
    for file in (tmp_path / "model").iterdir():
        assert file.suffix in (".json", ".safetensors") or file.name == "README.md"
        assert b"cuda" not in file.read_bytes()
        assert file.read_bytes()[:2] != b"\x80\x04"


def test_moving_the_folder_changes_nothing(pictures: list[Path], tmp_path: Path) -> None:
    model = fitted("linear", pictures)
    save_model(model, tmp_path / "model")
    moved = Path(shutil.move(tmp_path / "model", tmp_path / "elsewhere"))
    answers = load_model(moved, device="cpu").predict(local_files(pictures), options=CPU)
    assert np.array_equal(
        answers.probabilities, model.predict(local_files(pictures), options=CPU).probabilities
    )


class Boom:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("UNSAFE_PICKLE_RAN",)


def test_foreign_and_damaged_folders_are_refused(
    pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil").mkdir()
    for name in ("headstart.json", "model.safetensors", "head.safetensors"):
        (tmp_path / "evil" / name).write_bytes(pickle.dumps(Boom(), protocol=2))
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Boom(), protocol=2))
    for path in (tmp_path / "evil", tmp_path / "evil.pt", tmp_path, tmp_path / "gone"):
        with pytest.raises(ModelFolderError):
            load_model(path)
    assert not (tmp_path / "UNSAFE_PICKLE_RAN").exists()
    save_model(fitted("linear", pictures), tmp_path / "good")

    def broken(change: str) -> Path:
        folder = tmp_path / f"broken-{change}"
        shutil.copytree(tmp_path / "good", folder)
        return folder

    def edit(folder: Path, **values: object) -> Path:
        file = folder / "headstart.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **values}))
        return folder

    weights = broken("weights") / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-2000] ^= 255  # the last layer's tensors come first in the file
    weights.write_bytes(bytes(content))
    cases = {
        "tensors are not those": weights.parent,
        "format 99": edit(broken("format"), format=99),
        "1 classes|classes are": edit(broken("few"), classes=["a"]),
        "damaged": edit(broken("head"), head="pickle"),
        "3 classes|does not fit": edit(broken("many"), classes=["a", "b", "c"]),
    }
    (broken("missing") / "head.safetensors").unlink()
    cases["missing or damaged"] = tmp_path / "broken-missing"
    for message, folder in cases.items():
        with pytest.raises(ModelFolderError, match=message):
            load_model(folder, device="cpu")


def test_saving_never_destroys_something_else(pictures: list[Path], tmp_path: Path) -> None:
    model = fitted("linear", pictures)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "config.json").write_text("all of it")
    with pytest.raises(UsageError, match=r"config\.json was not written by this program"):
        save_model(model, precious)
    assert [path.name for path in precious.iterdir()] == ["config.json"]
    save_model(model, tmp_path / "model")
    (tmp_path / "model" / "notes.txt").write_text("mine")
    save_model(model, tmp_path / "model")
    assert (tmp_path / "model" / "notes.txt").read_text() == "mine"
    load_model(tmp_path / "model", device="cpu")
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
