from __future__ import annotations

import pytest
import timm
from torch import nn

from headstart.backbones.architecture import build_architecture
from headstart.errors import UsageError
from headstart.recipes.stages import layers_of, stages_of, undecayed, unfreeze

pytestmark = pytest.mark.usefixtures("narrow_vgg11")
NAMES = ("test_resnet", "test_vit", "test_efficientnet", "test_convnext", "test_vgg_like")


def network(name: str) -> nn.Module:
    if name == "test_vgg_like":
        return build_architecture("vgg11", "pooled", 32, 0).module
    return build_architecture(name, "pooled", None, 0).module


@pytest.mark.parametrize("name", NAMES)
def test_each_parameter_is_in_one_stage_and_one_layer(name: str) -> None:
    backbone = network(name)
    every = sorted(name for name, _ in backbone.named_parameters())
    for groups in (stages_of(backbone), layers_of(backbone)):
        assert sorted(name for group in groups for name in group) == every
        assert len(groups) > 3


@pytest.mark.parametrize("name", NAMES)
def test_stages_from_the_last_and_all(name: str) -> None:
    backbone = network(name)
    stages = stages_of(backbone)
    for what, count in (("last-stage", 1), ("2", 2), ("all", len(stages))):
        parts = unfreeze(backbone, what)
        trained = {n for n, p in backbone.named_parameters() if p.requires_grad}
        assert trained == {name for stage in stages[-count:] for name in stage}
        assert sum(part.weights for part in parts) == sum(p.numel() for p in backbone.parameters())
        assert [part.trained == part.weights for part in parts] == [
            place >= len(stages) - count for place in range(len(stages))
        ]


def test_a_stage_of_vgg_ends_at_its_pooling() -> None:
    parts = unfreeze(network("test_vgg_like"), "last-stage")
    assert [part.name for part in parts] == [
        "features.0", "features.3", "features.6 to features.8", "features.11 to features.13",
        "features.16 to features.18",
    ]  # fmt: skip


def test_a_last_norm_goes_with_the_stage_before() -> None:
    assert stages_of(network("test_convnext"))[-1][-1].startswith(("head.norm", "norm"))
    assert len(stages_of(network("test_convnext"))[-1]) > 2


def test_norms_alone() -> None:
    backbone = network("test_resnet")
    parts = unfreeze(backbone, "norm")
    trained = {n for n, p in backbone.named_parameters() if p.requires_grad}
    assert trained
    named = dict(backbone.named_parameters())
    assert trained == {name for name, p in named.items() if p.ndim == 1 and "fc" not in name}
    assert all(0 < part.trained < part.weights for part in parts)
    with pytest.raises(UsageError, match="'norm', and this backbone has no normalisation layers"):
        unfreeze(network("test_vgg_like"), "norm")


def test_more_stages_than_there_are() -> None:
    with pytest.raises(UsageError, match="--unfreeze is 6, and this backbone has 5 stages"):
        unfreeze(network("test_resnet"), "6")


def test_what_timm_spares_from_weight_decay() -> None:
    assert "pos_embed" in undecayed(timm.create_model("test_vit", num_classes=0))
    assert undecayed(nn.Linear(2, 2)) == set()
