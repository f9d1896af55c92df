"""ResNet18 and VGG16-BN equal torchvision's own models with the same weights, in both namings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file

from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_backbone
from headstart.options import BackboneOptions, LayerName

SIDE = 64  # pixels; all of VGG is compared at the 224 it was made for, too


def inputs(side: int) -> tuple[np.ndarray, torch.Tensor]:
    """The same two pictures as bytes for us and as normalised floats for torchvision."""
    pixels = np.random.default_rng(3).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    floats = ((pixels / 255.0 - mean) / std).astype(np.float32).transpose(0, 3, 1, 2)
    return pixels, torch.from_numpy(floats)


def open_file(name: str, file: Path, layer: LayerName = "pooled", size: int = SIDE) -> Backbone:
    options = BackboneOptions(
        backbone=name, weights=file, layer=layer, image_size=size, precision="fp32"
    )
    return open_backbone(options, device="cpu")


def random_model(name: str) -> Any:
    torch.manual_seed(4)
    model = torchvision.models.get_model(name, weights=None).eval()
    for module in model.modules():  # statistics as after training, not 0 and 1
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.get_buffer("running_mean"), -0.1, 0.1)
            torch.nn.init.uniform_(module.get_buffer("running_var"), 0.9, 1.1)
    return model


def test_resnet18_from_a_torch_file(tmp_path: Path) -> None:
    model = random_model("resnet18")
    torch.save(model.state_dict(), tmp_path / "r.pth")
    pixels, floats = inputs(SIDE)
    theirs = torch.nn.Sequential(*list(model.children())[:-1])(floats).flatten(1)
    ours = open_file("resnet18", tmp_path / "r.pth").embed(pixels)
    assert np.abs(ours - theirs.detach().numpy()).max() < 1e-4
    # The logits of torchvision's own last layer follow from our features.
    weight, bias = (p.detach().numpy() for p in (model.fc.weight, model.fc.bias))
    logits = model(floats).detach().numpy()
    assert np.abs(ours @ weight.T + bias - logits).max() < 1e-4


@pytest.fixture(scope="module")
def vgg() -> Any:
    return random_model("vgg16_bn")


@pytest.fixture(scope="module")
def vgg_file(vgg: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its weights, half a gigabyte, in torchvision's naming."""
    file = tmp_path_factory.mktemp("vgg") / "v.safetensors"
    save_file(vgg.state_dict(), file)
    return file


@pytest.fixture(scope="module")
def fc7(vgg_file: Path) -> Backbone:
    """Up to fc7, opened once: its weights are read, put in their places and hashed in seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(vgg_file.parent / "cache"))
        return open_file("vgg16_bn", vgg_file, "fc7")


def layers_of(vgg: Any, floats: torch.Tensor) -> dict[str, torch.Tensor]:
    with torch.inference_mode():
        maps = vgg.features(floats)
        hidden = vgg.avgpool(maps).flatten(1)
        return {
            "pooled": maps.mean(dim=(2, 3)),
            "fc6": vgg.classifier[:2](hidden),
            "fc7": vgg.classifier[:5](hidden),
            "last": vgg.classifier(hidden),
        }


def test_vgg16_bn_in_torchvisions_naming(vgg: Any, vgg_file: Path, fc7: Backbone) -> None:
    at: tuple[tuple[LayerName, int], ...]
    at = (("pooled", SIDE), ("fc6", SIDE), ("fc7", SIDE), ("last", 224))
    for layer, side in at:
        pixels, floats = inputs(side)
        theirs = layers_of(vgg, floats)[layer]
        backbone = fc7 if layer == "fc7" else open_file("vgg16_bn", vgg_file, layer, side)
        ours = backbone.embed(pixels)
        assert ours.shape == tuple(theirs.shape)
        assert np.abs(ours - theirs.numpy()).max() < 1e-4, layer


def test_vgg16_bn_in_timms_naming(vgg: Any, fc7: Backbone, tmp_path: Path) -> None:
    places = {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2"}
    state = {}
    for name, tensor in vgg.state_dict().items():
        layer, _, kind = name.rpartition(".")
        if layer in places and kind == "weight":
            side = 7 if layer == "classifier.0" else 1
            tensor = tensor.reshape(4096, -1, side, side)
        new = places.get(layer, "head.fc" if layer == "classifier.6" else layer)
        state[f"{new}.{kind}"] = tensor.contiguous()
    save_file(state, tmp_path / "timm.safetensors")
    pixels, _ = inputs(SIDE)
    first = open_file("vgg16_bn", tmp_path / "timm.safetensors", "fc7")
    assert first.info.fingerprint == fc7.info.fingerprint
    assert np.array_equal(first.embed(pixels), fc7.embed(pixels))
