"""Features averaged over a picture and its mirror image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart import ImageClassifier, load
from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.opening import open_backbone
from headstart.options import BackboneOptions


@pytest.fixture(scope="module")
def opened() -> tuple[Backbone, Backbone]:
    """The same network without and with a mirror."""
    plain = BackboneOptions(backbone="test_resnet", random_weights=True, image_size=32)
    mirrored = BackboneOptions(
        backbone="test_resnet", random_weights=True, image_size=32, mirror=True
    )
    return open_backbone(plain, device="cpu"), open_backbone(mirrored, device="cpu")


def drawn(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def test_features_are_the_mean_of_both_ways(opened: tuple[Backbone, Backbone]) -> None:
    plain, mirrored = opened
    pixels = drawn()
    turned = np.ascontiguousarray(pixels[:, :, ::-1])
    expected = (plain.embed(pixels) + plain.embed(turned)) / 2
    assert np.array_equal(mirrored.embed(pixels), expected)
    assert np.array_equal(mirrored.embed(turned), mirrored.embed(pixels))
    assert not np.array_equal(plain.embed(pixels), mirrored.embed(pixels))


def test_the_mean_of_the_map_is_the_features(opened: tuple[Backbone, Backbone]) -> None:
    _, mirrored = opened
    pixels = drawn()
    maps = mirrored.feature_map(pixels)
    np.testing.assert_allclose(maps.mean((2, 3)), mirrored.embed(pixels), atol=1e-5)
    turned = mirrored.feature_map(np.ascontiguousarray(pixels[:, :, ::-1]))
    np.testing.assert_allclose(turned[..., ::-1], maps, atol=1e-6)


def test_a_saved_model_keeps_its_mirror(tmp_path: Path) -> None:
    pictures = [Image.fromarray(array) for array in drawn(12)]
    labels = ["a", "b"] * 6
    classifier = ImageClassifier(
        "test_resnet", random_weights=True, image_size=32, mirror=True, C=1.0
    ).fit(pictures, labels)
    classifier.save(tmp_path / "model")
    described = json.loads((tmp_path / "model" / "headstart.json").read_text())
    assert described["backbone"]["mirror"] is True
    assert "mirror image" in described["timm"]["why_not"]
    restored = load(tmp_path / "model")
    assert restored.mirror is True
    answers = restored.predict_proba(pictures)
    assert np.array_equal(answers, classifier.predict_proba(pictures))


def test_a_description_from_before_has_no_mirror(opened: tuple[Backbone, Backbone]) -> None:
    values = opened[0].info.to_json()
    assert "mirror" not in values  # and older versions read it
    assert BackboneInfo.from_json(values) == opened[0].info
    with pytest.raises(ValueError, match="mirror is 1, expected true or false"):
        BackboneInfo.from_json({**values, "mirror": 1})
