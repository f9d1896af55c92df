from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.recipes.tuning_set import options

from headstart.backbones.opening import open_backbone
from headstart.heads.fitted_heads import FittedLinear
from headstart.recipes.stages import unfreeze
from headstart.recipes.trained_model import TrainedModel
from headstart.recipes.tuned_network import TunedNetwork, as_tuned

NAMES = ("test_resnet", "test_vit", "test_efficientnet", "test_convnext")


def frozen(name: str = "test_resnet", classes: tuple[int, ...] = (0, 1, 2)) -> TrainedModel:
    """A model with a head that standardises, and a temperature."""
    size = 160 if name == "test_vit" else 64
    backbone = open_backbone(options(backbone=name, image_size=size).backbone, device="cpu")
    rng = np.random.default_rng(1)
    d = backbone.info.feature_size
    head = FittedLinear(
        classes=np.array(classes),
        coef=rng.normal(size=(len(classes), d)),
        intercept=rng.normal(size=len(classes)),
        mean=rng.normal(size=d),
        scale=rng.uniform(0.5, 2.0, size=d),
        C=1.0,
        n_iter=1,
    )
    return TrainedModel(backbone, head, ("x", "y", "z"), 1.7)


def pictures(model: TrainedModel) -> tuple[np.ndarray, torch.Tensor]:
    size = model.backbone.info.preprocessing.size
    pixels = np.random.default_rng(2).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    inputs = model.backbone.info.preprocessing.normalise(pixels)
    return pixels, torch.from_numpy(inputs).permute(0, 3, 1, 2)


@pytest.mark.parametrize("name", NAMES)
def test_before_the_first_step_the_logits_are_the_frozen_models(name: str) -> None:
    model = frozen(name)
    pixels, inputs = pictures(model)
    features = model.backbone.embed(pixels)
    assert isinstance(model.head, FittedLinear)
    expected = model.head.logits(features) / model.temperature
    network = TunedNetwork(model, 3).eval()
    unfreeze(network.backbone, "last-stage")
    folded = network.with_folded_norms(model.backbone.info.preprocessing.size).eval()
    with torch.no_grad():
        for found in (network(inputs), folded(inputs)):
            assert np.abs(found.numpy() - expected).max() < 1e-4
    again = as_tuned(network, model)
    np.testing.assert_allclose(
        again.probabilities(again.backbone.embed(pixels)), model.probabilities(features), atol=1e-4
    )


def test_a_class_that_the_head_has_not_seen_is_unlikely_and_can_be_learnt() -> None:
    model = frozen(classes=(0, 2))
    pixels, inputs = pictures(model)
    with torch.no_grad():
        shares = TunedNetwork(model, 3).eval()(inputs).softmax(dim=1).numpy()
    assert shares[:, 1].max() < 0.1
    np.testing.assert_allclose(
        shares[:, [0, 2]] / shares[:, [0, 2]].sum(axis=1, keepdims=True),
        model.probabilities(model.backbone.embed(pixels)),
        atol=1e-4,
    )


def test_batch_norms_are_folded_where_nothing_is_trained_and_come_back() -> None:
    model = frozen()
    network = TunedNetwork(model, 3)
    unfreeze(network.backbone, "last-stage")
    folded = network.with_folded_norms(64)
    kinds = {name: type(layer).__name__ for name, layer in folded.named_modules()}
    assert kinds["backbone.bn1"] != "BatchNorm2d"
    assert kinds["backbone.layer4.0.bn1"] == "BatchNorm2d"
    with torch.no_grad():
        for parameter in folded.parameters():
            if parameter.requires_grad:
                parameter.add_(1.0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.take(folded)
    for name, value in network.state_dict().items():
        trained = name.startswith(("backbone.layer4", "classifier")) and name.endswith(
            ("weight", "bias")
        )
        assert torch.equal(value, before[name] + 1 if trained else before[name]), name


def test_the_source_says_once_that_it_is_fine_tuned() -> None:
    model = frozen()
    once = as_tuned(TunedNetwork(model, 3), model)
    twice = as_tuned(TunedNetwork(once, 3), once)
    assert once.backbone.info.source == twice.backbone.info.source
    assert once.backbone.info.source == "fine-tuned from random weights, untrained"
