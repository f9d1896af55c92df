"""Models that are exported: untrained networks with heads that were fitted on random numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import TinyNetwork, describe_tiny

from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_backbone
from headstart.export.onnx_export import export_onnx
from headstart.heads.catalogue import make_head
from headstart.heads.familiarity import Familiarity
from headstart.heads.familiarity_fit import fit_familiarity
from headstart.heads.fitted_heads import FittedHead
from headstart.options import BackboneOptions, HeadOptions
from headstart.recipes.trained_model import TrainedModel

CLASSES = ("cat, small", "dög", "owl")


def fitted_head(name: str, features: int, classes: int = 3, seed: int = 0) -> FittedHead:
    """A head on random features, of which the first ones tell the classes apart."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(classes), 25)
    X = rng.normal(size=(len(y), features)).astype(np.float32)
    X[np.arange(len(y)), y] += 2
    return make_head(HeadOptions(head=name), 0).fit(X, y).fitted_  # type: ignore[arg-type]


def fitted_familiarity(features: int, seed: int = 0) -> Familiarity:
    """Of random features that vary more along some axes than along others."""
    rng = np.random.default_rng(seed)
    X = 3 + rng.normal(size=(75, features)) / np.arange(1, features + 1)
    found = fit_familiarity(X.astype(np.float32), np.repeat(np.arange(3), 25), None, 0)
    assert found is not None
    return found


def tiny_model(
    head: str = "linear",
    backbone: str = "test_resnet",
    size: int = 32,
    precision: str = "fp32",
    mirror: bool = False,
) -> TrainedModel:
    """A model that costs nothing."""
    options = BackboneOptions(
        backbone=backbone,
        random_weights=True,
        mirror=mirror,
        image_size=size,
        precision=precision,  # type: ignore[arg-type]
    )
    opened = open_backbone(options, device="cpu")
    return TrainedModel(opened, fitted_head(head, opened.info.feature_size), CLASSES, 1.7)


def least_model(head: str, mirror: bool) -> TrainedModel:
    """A model whose network is one convolution: for what a head or mirrored pictures change."""
    backbone = Backbone(replace(describe_tiny(), mirror=mirror), TinyNetwork(0))
    return TrainedModel(backbone, fitted_head(head, 8), CLASSES, 1.7)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """One model for all tests that only look."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(tmp_path_factory.mktemp("cache")))
        made = tiny_model()
        return replace(made, familiarity=fitted_familiarity(made.backbone.info.feature_size))


@pytest.fixture(scope="session")
def exported(model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file."""
    figures = {"data": {"digest": "d" * 64}, "test": {"accuracy": 0.9}, "folds": None}
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    path.write_bytes(export_onnx(model, opset=18, figures=figures))
    return path
