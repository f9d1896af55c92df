"""Features of a network that averages in the mirror image, half of them kept without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import Backbone
from headstart.features.cache import FeatureStore
from headstart.progress import QUIET, Progress


def plain_features(
    backbone: Backbone, folder: Path, progress: Progress = QUIET
) -> FeatureStore | None:
    """What is kept in a folder of the same network without its mirror; None where nothing is."""
    if not backbone.info.mirror:
        return None
    info = replace(backbone.info, mirror=False)
    store = FeatureStore(folder, info.fingerprint, info.feature_size, progress)
    return store if store.path.exists() else None


def embed_with(
    plain: FeatureStore | None,
    backbone: Backbone,
    inputs: ByteImage,
    keys: Sequence[tuple[str, str]],
) -> Float32Array:
    """`backbone.embed(inputs)` to the bit, where of kept pictures the mirror image alone is run.

    Args:
        plain: `plain_features` of the backbone.
        inputs: prepared pictures (n, size, size, 3).
        keys: content (sha256) and view of each, (n,).
    """
    if plain is None:
        return backbone.embed(inputs)
    known: dict[tuple[str, str], Float32Array] = {}
    for view in {view for _, view in keys}:
        digests = [digest for digest, of in keys if of == view]
        known |= {(digest, view): row for digest, row in plain.get(digests, view).items()}
    kept = np.array([key in known for key in keys], dtype=np.bool_)
    found = np.empty((len(keys), backbone.info.feature_size), dtype=np.float32)
    if not kept.all():
        found[~kept] = backbone.embed(inputs[~kept])
    if kept.any():
        halves = np.stack([known[key] for key in keys if key in known])
        found[kept] = backbone.embed_mirror(inputs[kept], halves)
    return found
