"""Embedding of files in one call, with all that comes of it in one object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headstart.backbones.backbone import Backbone
from headstart.data.dataset import ImageRecords
from headstart.features.embed import Features, embed_images
from headstart.images.source import ImageSource, local_files
from headstart.options import EmbedOptions


class Embedded:
    """The records and the features of some files, side by side."""

    def __init__(self, records: ImageRecords, features: Features) -> None:
        self.records, self.features = records, features
        self.values, self.views = features.values, features.views
        self.computed = features.computed
        self.digests, self.statistics = records.digests, records.statistics
        self.errors = records.errors


def embed_files(
    paths: Sequence[Path], backbone: Backbone, options: EmbedOptions | None = None, **more: Any
) -> Embedded:
    """Features of files on this machine."""
    return Embedded(*embed_images(local_files(paths), backbone, options, **more))


def paths_of(images: Sequence[ImageSource]) -> list[Path]:
    """The paths of files on this machine."""
    return [Path(image.name) for image in images]


def same(first: Embedded, second: Embedded) -> bool:
    """Whether the features are equal to the bit."""
    return np.array_equal(first.values, second.values) and np.array_equal(first.views, second.views)
