"""Models for tests of explanations: tiny untrained networks with heads of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.arrays import ByteImage
from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_backbone
from headstart.heads.catalogue import make_head
from headstart.options import BackboneOptions, HeadOptions
from headstart.recipes.scratch import as_trained
from headstart.recipes.trained_model import TrainedModel

SIDE = 96


def opened(name: str = "test_resnet", **changes: Any) -> Backbone:
    """An untrained network at 96 pixels, whose last map has 3 x 3 positions."""
    usual: dict[str, Any] = {"random_weights": True, "precision": "fp32", "image_size": SIDE}
    return open_backbone(BackboneOptions(backbone=name, **{**usual, **changes}), device="cpu")


def fitted(backbone: Backbone, head: str = "linear", classes: int = 3) -> TrainedModel:
    """A model on features of noise, whose head has something to tell apart."""
    seen = backbone.embed(pixels(24, backbone.info.preprocessing.size))
    codes = np.arange(24) % classes
    X = seen + 0.1 * np.eye(classes)[codes] @ np.random.default_rng(2).normal(
        size=(classes, seen.shape[1])
    )
    learner = make_head(HeadOptions(head=head), 0).fit(X, codes)  # type: ignore[arg-type]
    names = tuple(f"class {number}" for number in range(classes))
    return TrainedModel(backbone, learner.fitted_, names, 1.7)


def pixels(count: int, side: int = SIDE) -> ByteImage:
    """Pictures of random blotches."""
    coarse = np.random.default_rng(4).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    wide = coarse.repeat(-(-side // 6), axis=1).repeat(-(-side // 6), axis=2)
    return np.ascontiguousarray(wide[:, :side, :side])


def scratch_model() -> TrainedModel:
    """The small CNN at 24 pixels, untrained."""
    from types import SimpleNamespace

    from headstart.backbones.small_cnn import SmallCNN
    from headstart.torch_random import OwnRandomNumbers

    with OwnRandomNumbers(1):
        network = SmallCNN(3, 24).eval()
    data: Any = SimpleNamespace(classes=("a", "b", "c"))
    return as_trained(network, data, 1.2, 24)
