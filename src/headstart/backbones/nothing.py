"""A backbone that gives no features: for work that needs pictures recognised and measured only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import nn

SIDE = 224  # pixels; large pictures may be decoded at a reduced scale above twice this

BATCH = 16  # pictures that a thread reads before it says so


class _Nothing(Backbone):
    """Gives 0 numbers a picture, without torch."""

    def embed(self, pixels: ByteImage) -> Float32Array:
        return np.empty((len(pixels), 0), dtype=np.float32)

    def usual_batch(self) -> int:
        return BATCH

    @contextmanager
    def lanes(self) -> Iterator[None]:
        yield


def no_backbone() -> Backbone:
    """A backbone of feature size 0; embedding with it reads, recognises and measures pictures."""
    steps = Preprocessing(SIDE, SIDE, "center", "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    info = BackboneInfo(
        name="none",
        layer="pooled",
        precision="fp32",
        preprocessing=steps,
        feature_size=0,
        parameters=0,
        weights_id="none",
        source="no backbone",
        classifier=None,
    )
    return _Nothing(info, _no_network)


def _no_network() -> nn.Module:
    raise NotImplementedError("this backbone has no network")
