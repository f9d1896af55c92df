from __future__ import annotations

import pytest
from torch import nn

from headstart.backbones.architecture import build_architecture
from headstart.recipes.rates import Schedule, layered_groups
from headstart.recipes.stages import layers_of, unfreeze


def test_the_rate_rises_and_falls_along_a_cosine() -> None:
    factors = [Schedule(warm_up=0.2).factor(step, 20) for step in range(21)]
    assert factors[:4] == [0.25, 0.5, 0.75, 1.0]
    assert factors[4] == 1.0
    assert factors[12] == pytest.approx(0.5)
    assert factors[20] == pytest.approx(0.0)
    assert factors[4:] == sorted(factors[4:], reverse=True)
    assert Schedule().factor(0, 1) == 1.0


def test_a_layers_rate_decays_with_its_distance_from_the_last_one() -> None:
    backbone = build_architecture("test_vit", "pooled", None, 0).module
    unfreeze(backbone, "all")
    last = nn.Linear(3, 2)
    groups = layered_groups(backbone, last, rate=0.1, layer_decay=0.5, weight_decay=0.3)
    rate = {id(p): group["lr"] for group in groups for p in group["params"]}
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert rate[id(last.weight)] == 0.1
    named = dict(backbone.named_parameters())
    for depth, layer in enumerate(reversed(layers_of(backbone)), start=1):
        for name in layer:
            assert rate[id(named[name])] == pytest.approx(0.1 * 0.5**depth)
            spared = named[name].ndim <= 1 or name in ("pos_embed", "cls_token")
            assert decay[id(named[name])] == (0.0 if spared else 0.3), name
    assert len(rate) == len(named) + 2
    assert all(group["full_rate"] == group["lr"] for group in groups)


def test_what_is_frozen_is_in_no_group() -> None:
    backbone = build_architecture("test_resnet", "pooled", 32, 0).module
    unfreeze(backbone, "last-stage")
    groups = layered_groups(backbone, nn.Linear(3, 2), rate=1, layer_decay=1, weight_decay=0)
    count = sum(len(group["params"]) for group in groups)
    assert count == 2 + sum(p.requires_grad for p in backbone.parameters())
