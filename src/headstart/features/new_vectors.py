"""Features of pictures that were just loaded; with a mirror, half of each may be kept already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import Backbone
from headstart.features.cache import FeatureStore
from headstart.features.loading import Loaded
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


def new_vectors(
    loaded: Sequence[Loaded], backbone: Backbone | None, plain: FeatureStore | None
) -> list[dict[str, Float32Array]]:
    """Features of the prepared inputs of some pictures, by view; `plain` is `plain_features`."""
    places = [(i, name) for i, item in enumerate(loaded) for name in item.pixels]
    found: list[dict[str, Float32Array]] = [{} for _ in loaded]
    if places and backbone is not None:
        inputs = np.stack([loaded[i].pixels[name] for i, name in places])
        keys = [(loaded[i].digest, name) for i, name in places]
        vectors = backbone.embed(inputs) if plain is None else _with(plain, backbone, inputs, keys)
        for (i, name), vector in zip(places, vectors, strict=True):
            found[i][name] = vector
    return found


def _with(
    plain: FeatureStore, backbone: Backbone, inputs: ByteImage, keys: Sequence[tuple[str, str]]
) -> Float32Array:
    """`backbone.embed(inputs)` to the bit, where of kept pictures the mirror image alone is run.

    `keys` are the content (sha256) and the view of each of the inputs (n, size, size, 3).
    """
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
