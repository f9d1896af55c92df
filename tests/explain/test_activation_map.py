"""The map's mean is the logit, where the head is linear on what is the mean of the map."""

from __future__ import annotations

import numpy as np
import pytest
from tests.explain.models import fitted, opened, pixels, scratch_model

from headstart.explain.activation_map import activation_map
from headstart.explain.score import class_score
from headstart.recipes.trained_model import TrainedModel


def scores(model: TrainedModel, count: int = 3) -> np.ndarray:
    """The model's own answers as log probabilities less their mean, (n, k)."""
    size = model.backbone.info.preprocessing.size
    answers = model.probabilities(model.backbone.embed(pixels(count, size)))
    return np.stack([class_score(answers, place) for place in range(answers.shape[1])], axis=1)


def maps(model: TrainedModel, count: int = 3) -> list[list[np.ndarray]]:
    shown = pixels(count, model.backbone.info.preprocessing.size)
    found = []
    for row in range(count):
        classes = range(len(model.classes))
        found.append([activation_map(model, shown[row : row + 1], place) for place in classes])
    assert all(values is not None for row in found for values in row)
    return found  # type: ignore[return-value]


@pytest.mark.usefixtures("narrow_vgg11")
@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "vgg11"])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_mean_of_the_map_is_the_logit(name: str, mirror: bool, precision: str) -> None:
    """Standardisation, C and temperature folded in; also of a picture with its mirror image."""
    model = fitted(opened(name, mirror=mirror, precision=precision))
    for row, (found, wanted) in enumerate(zip(maps(model), scores(model), strict=True)):
        means = np.array([values.mean() for values in found])
        assert np.abs(means - wanted).max() < 1e-9, row
        assert np.ptp(found[0]) > 0.01  # a map, and not its mean repeated
        assert found[0].shape == (3, 3)


def test_two_classes_have_maps_that_differ_by_their_sign() -> None:
    model = fitted(opened(), classes=2)
    ((first, second),) = maps(model, 1)
    assert np.allclose(first, -second, atol=1e-12)


def test_a_mirrored_picture_has_the_mirrored_map() -> None:
    model = fitted(opened(mirror=True))
    shown = pixels(1)
    turned = activation_map(model, np.ascontiguousarray(shown[:, :, ::-1]), 0)
    plain = activation_map(model, shown, 0)
    assert turned is not None
    assert plain is not None
    assert np.allclose(turned[:, ::-1], plain, atol=1e-5)


def test_the_small_cnns_map_is_exact_too() -> None:
    model = scratch_model()
    for found, wanted in zip(maps(model), scores(model), strict=True):
        assert np.allclose([values.mean() for values in found], wanted, atol=1e-5)
        assert found[0].shape == (6, 6)


@pytest.mark.parametrize("head", ["svm", "knn", "mlp"])
def test_other_heads_have_no_exact_map(head: str) -> None:
    assert activation_map(fitted(opened(), head), pixels(1), 0) is None


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "test_vit", "test_convnext"])
def test_networks_with_layers_after_the_pooling_or_without_maps_have_none(name: str) -> None:
    model = fitted(opened(name, image_size=None if name == "test_vit" else 96))
    assert activation_map(model, pixels(1, model.backbone.info.preprocessing.size), 0) is None
