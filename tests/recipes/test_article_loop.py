"""The epoch loop on kept features does what the usual tutorial's loop through the backbone does."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_backbone
from headstart.options import BackboneOptions, LoopOptions
from headstart.recipes.batches import TensorBatches
from headstart.recipes.epoch_loop import EpochLoop
from headstart.recipes.stepped_head import SteppedHead, first_layer

SIDE, SEED, EPOCHS, BATCH, RATE = 64, 13, 10, 16, 1e-4
NAMES = ("bus", "car", "tram")
OPTIONS = LoopOptions(epochs=EPOCHS, learning_rate=RATE, batch_size=BATCH, keep="last")
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def crops() -> NDArray[np.uint8]:
    """One fixed crop of each of 40 pictures, whose tint tells the class, (40, SIDE, SIDE, 3)."""
    rng = np.random.default_rng(SEED)
    cut = []
    for number in range(40):
        tint = np.roll([190, 90, 60], number % len(NAMES))
        picture = np.clip(tint + rng.normal(0, 40, (80, 72, 3)), 0, 255).astype(np.uint8)
        top, left = rng.integers(0, 80 - SIDE + 1), rng.integers(0, 72 - SIDE + 1)
        cut.append(picture[top : top + SIDE, left : left + SIDE])
    return np.stack(cut)


@pytest.fixture
def backbone() -> Backbone:
    options = BackboneOptions(
        backbone="test_resnet", random_weights=True, precision="fp32", image_size=SIDE
    )
    return open_backbone(options, device="cpu")


def targets() -> NDArray[np.int64]:
    return np.arange(40, dtype=np.int64) % len(NAMES)


def inputs(crops: NDArray[np.uint8], backbone: Backbone) -> Tensor:
    """The crops as the tutorial gives them to a network: scaled, normalised, colours first."""
    known = backbone.info.preprocessing
    scaled = (crops / 255 - np.array(known.mean)) / np.array(known.std)
    return torch.from_numpy(scaled.transpose(0, 3, 1, 2).astype(np.float32))


def article_loop(network: nn.Module, pictures: Tensor) -> tuple[nn.Linear, Tensor]:
    """The trained last layer, and its weights before the first step.

    Every picture goes through the frozen network in every epoch; the order is the documented one.
    """
    network.eval()
    goals = torch.from_numpy(targets())
    torch.manual_seed(SEED)
    layer = nn.Linear(network(pictures[:1]).shape[1], len(NAMES))
    start = layer.weight.detach().clone()
    optimizer = torch.optim.Adam(layer.parameters(), lr=RATE)
    for epoch in range(1, EPOCHS + 1):
        order = np.random.default_rng([SEED, epoch]).permutation(len(pictures))
        for first in range(0, len(order), BATCH):
            batch = torch.from_numpy(order[first : first + BATCH])
            with torch.no_grad():
                features = network(pictures[batch])
            loss = nn.functional.cross_entropy(layer(features), goals[batch])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    return layer, start


def assert_same(weight: Tensor, bias: Tensor, crops: NDArray[np.uint8], backbone: Backbone) -> None:
    layer, start = article_loop(copy.deepcopy(backbone.module), inputs(crops, backbone))
    moved = float((layer.weight.detach() - start).abs().max())
    assert moved > 10 * TOLERANCE  # else any weights would be within the tolerance
    assert float((weight - layer.weight.detach()).abs().max()) < TOLERANCE
    assert float((bias - layer.bias.detach()).abs().max()) < TOLERANCE


def state_of(backbone: Backbone) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in backbone.module.state_dict().items()}


def assert_frozen(backbone: Backbone, before: dict[str, Tensor]) -> None:
    after = backbone.module.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_on_features_that_were_computed_once(crops: NDArray[np.uint8], backbone: Backbone) -> None:
    before = state_of(backbone)
    features = backbone.embed(crops)
    head = SteppedHead(OPTIONS, standardise=False, validation_fraction=0, random_state=SEED)
    head.fit(features, np.array(NAMES)[targets()])
    assert_frozen(backbone, before)
    assert head.classes_.tolist() == list(NAMES)
    weight, bias = torch.from_numpy(head.fitted_.coef), torch.from_numpy(head.fitted_.intercept)
    assert_same(weight, bias, crops, backbone)


def test_through_the_frozen_backbone(crops: NDArray[np.uint8], backbone: Backbone) -> None:
    before = state_of(backbone)
    layer = first_layer(backbone.info.feature_size, len(NAMES), SEED)
    pictures, goals = inputs(crops, backbone), torch.from_numpy(targets())
    batches = TensorBatches(pictures, goals, BATCH, seed=SEED)
    EpochLoop(options=OPTIONS, seed=SEED).run(nn.Sequential(backbone.module, layer), batches)
    assert_frozen(backbone, before)
    assert_same(layer.weight.detach(), layer.bias.detach(), crops, backbone)
