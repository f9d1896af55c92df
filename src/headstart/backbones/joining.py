"""Two or three backbones as one whose features are theirs side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import Backbone, joined_info
from headstart.backbones.runtimes.joined_networks import JoinedNetworks


def join_backbones(parts: Sequence[Backbone]) -> Backbone:
    """One backbone whose features are those of the parts, in their order; one alone stays itself.

    Each part keeps its own place in the cache, so that joining what was embedded costs nothing.
    """
    if len(parts) == 1:
        return parts[0]
    return Backbone(joined_info([part.info for part in parts]), JoinedNetworks(tuple(parts)))


def prepared_for_each(backbone: Backbone, rgb: Iterable[ByteImage]) -> list[ByteImage]:
    """Decoded pictures (h, w, 3) as each of the networks takes them, (n, size, size, 3)."""
    steps = [part.info.preprocessing for part in backbone.parts]
    found = [[one.prepare(picture) for one in steps] for picture in rgb]
    return [np.stack(pictures) for pictures in zip(*found, strict=True)]


def embed_prepared(backbone: Backbone, prepared: Sequence[ByteImage]) -> Float32Array:
    """Features (n, d) of pictures that are prepared for each of the networks."""
    found = [part.embed(pixels) for part, pixels in zip(backbone.parts, prepared, strict=True)]
    return found[0] if len(found) == 1 else np.concatenate(found, axis=1)
