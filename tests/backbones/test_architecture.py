"""timm's networks cut to a layer; weights that do not fit are named."""

from __future__ import annotations

import pytest
import torch

from headstart.backbones.architecture import build_architecture, check_name, fill
from headstart.errors import UsageError, WeightsError

FIRST = "layer1.0.conv1.weight"  # one tensor of the small network


def test_unknown_name_gets_suggestions() -> None:
    with pytest.raises(UsageError, match=r"'resnet19'; did you mean .*resnet18"):
        check_name("resnet19")


def test_layers_are_for_vgg() -> None:
    with pytest.raises(UsageError, match=r"layer 'fc7' is for VGG"):
        build_architecture("resnet18", "fc7", None, 0)


def test_image_size_that_does_not_fit() -> None:
    with pytest.raises(UsageError, match=r"14|15 x 15|divisible"):
        build_architecture("vit_tiny_patch16_224", "pooled", 15, 0)


def test_random_weights_come_from_the_seed_and_leave_torchs_state() -> None:
    state = torch.random.get_rng_state()
    first = build_architecture("test_resnet", "pooled", 32, 7).module.state_dict()
    second = build_architecture("test_resnet", "pooled", 32, 7).module.state_dict()
    other = build_architecture("test_resnet", "pooled", 32, 8).module.state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def small_state(seed: int = 1) -> dict[str, torch.Tensor]:
    backbone = build_architecture("test_resnet", "pooled", 32, seed)
    return {name: tensor.clone() for name, tensor in backbone.module.state_dict().items()}


def test_missing_and_misshapen_tensors_are_named() -> None:
    state = small_state()
    name = next(iter(state))
    gone = next(n for n in state if n.endswith("running_var"))
    del state[gone]
    state[name] = torch.zeros(1)
    state["stranger.weight"] = torch.zeros(3)
    backbone = build_architecture("test_resnet", "pooled", 32)
    with pytest.raises(WeightsError) as caught:
        fill(backbone, state, "file x.pth")
    text = str(caught.value)
    assert gone in text
    assert f"{name} is (1,)" in text
    assert "stranger.weight" in text


def test_left_over_tensors_are_told_and_a_classifier_is_not() -> None:
    state = small_state() | {"fc.weight": torch.zeros(2, 2), "stranger": torch.zeros(3)}
    backbone = build_architecture("test_resnet", "pooled", 32)
    notes = fill(backbone, state, "file x.pth")
    assert len(notes) == 1
    assert "stranger" in notes[0]
    assert "fc.weight" not in notes[0]
    assert torch.equal(backbone.module.state_dict()[FIRST], state[FIRST])


def test_classifier_is_named_where_a_linear_head_fits() -> None:
    assert build_architecture("test_resnet", "pooled", 32, 0).classifier == "fc"
    assert build_architecture("test_vit", "pooled", None, 0).classifier == "head"


def test_half_precision_files_are_taken_as_fp32() -> None:
    state = {name: t.half() if t.is_floating_point() else t for name, t in small_state().items()}
    backbone = build_architecture("test_resnet", "pooled", 32)
    fill(backbone, state, "file")
    assert backbone.module.state_dict()[FIRST].dtype == torch.float32
