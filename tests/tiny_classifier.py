"""A classifier that costs nothing: an untrained backbone at 32 pixels."""

from __future__ import annotations

from typing import Any

from headstart import ImageClassifier, ImageEmbedder

TINY: dict[str, Any] = {
    "backbone": "test_resnet",
    "random_weights": True,
    "image_size": 32,
    "device": "cpu",
    "precision": "fp32",
}
LABELS = ["red"] * 6 + ["blue"] * 6  # of the twelve pictures of `conftest.pictures`


def classifier(**changes: Any) -> ImageClassifier:
    """A classifier on the tiny backbone."""
    return ImageClassifier(**{**TINY, **changes})


def embedder(**changes: Any) -> ImageEmbedder:
    """An embedder on the tiny backbone."""
    return ImageEmbedder(**{**TINY, **changes})
