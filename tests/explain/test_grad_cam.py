"""Grad-CAM against what is known of it: the exact map of a linear head, and gradients."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest
from tests.explain.models import fitted, opened, pixels

from headstart.errors import MissingExtraError, UsageError
from headstart.explain.activation_map import activation_map
from headstart.explain.grad_cam import grad_cam
from headstart.explain.score import class_score, score_gradient


@pytest.mark.parametrize("mirror", [False, True])
def test_of_a_linear_head_it_is_the_exact_map_without_the_bias(mirror: bool) -> None:
    model = fitted(opened(mirror=mirror))
    exact = activation_map(model, pixels(1), 1)
    assert exact is not None
    difference = exact - grad_cam(model, pixels(1), 1)
    assert np.ptp(difference) < 1e-3 * np.ptp(exact)


@pytest.mark.parametrize("head", ["svm", "mlp", "knn"])
def test_every_head_has_a_map(head: str) -> None:
    found = grad_cam(fitted(opened(), head), pixels(1), 0)
    assert found.shape == (3, 3)
    assert np.isfinite(found).all()
    assert np.ptp(found) > 0


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "test_mambaout", "test_convnext"])
def test_networks_with_layers_behind_the_pooling_have_a_map(name: str) -> None:
    found = grad_cam(fitted(opened(name)), pixels(1), 0)
    assert found.shape == (3, 3)
    assert np.ptp(found) > 0


@pytest.mark.usefixtures("narrow_vgg11")
def test_vggs_later_layers_have_one_too() -> None:
    found = grad_cam(fitted(opened("vgg11", layer="fc6")), pixels(1), 0)
    assert found.shape == (3, 3)
    assert np.ptp(found) > 0


def test_a_network_of_tokens_says_what_to_take() -> None:
    model = fitted(opened("test_vit", image_size=None))
    with pytest.raises(UsageError, match=r"test_vit has no map .*method occlusion"):
        grad_cam(model, pixels(1, model.backbone.info.preprocessing.size), 0)


def test_without_captum_the_error_has_the_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without(name: str, *more: Any, **options: Any) -> Any:
        if name.startswith("captum"):
            raise ImportError(name)
        return plain(name, *more, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r'pip install "headstart\[explain\]"'):
        grad_cam(fitted(opened()), pixels(1), 0)


@pytest.mark.parametrize("head", ["linear", "svm", "mlp", "knn"])
def test_the_gradient_says_how_the_score_changes(head: str) -> None:
    model = fitted(opened(), head)
    features = model.backbone.embed(pixels(1))[0].astype(np.float64)
    gradient = score_gradient(model, features, 0)
    step = 1e-3 * np.random.default_rng(0).normal(size=len(features)) * features.std()
    up, down = (model.probabilities((features + way * step)[None]) for way in (1, -1))
    wanted = (class_score(up, 0) - class_score(down, 0))[0] / 2
    assert gradient @ step == pytest.approx(wanted, rel=0.02, abs=1e-6)
