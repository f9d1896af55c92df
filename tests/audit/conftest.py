"""Made-up labelled features, without pictures and without a backbone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.arrays import FloatArray, IntArray
from headstart.data.dataset import Dataset
from headstart.data.duplicates import DuplicatePair, Duplicates
from headstart.data.image_table import ImageTable, class_order
from headstart.features.embed import Features
from headstart.images.source import LocalFile
from headstart.images.statistics import ImageStatistics

MakeFact = Callable[..., ImageStatistics]
MakeTable = Callable[..., ImageTable]
MakeLabelled = Callable[..., tuple[Dataset, Features]]


def _fact(rng: np.random.Generator | None = None, **changes: Any) -> ImageStatistics:
    rng = rng or np.random.default_rng(0)
    values: dict[str, Any] = {
        "width": 224,
        "height": 224,
        "format": "JPEG",
        "mode": "RGB",
        "frames": 1,
        "file_bytes": int(rng.integers(9_000, 30_000)),
        "exif": {},
        "jpeg_quality": 90,
        "difference_hash": int(rng.integers(2**62)),
        "mean_colour": tuple(rng.uniform(60, 200, 3).round(3).tolist()),
        "brightness": float(rng.uniform(70, 180)),
        "contrast": float(rng.uniform(40, 80)),
        "sharpness": float(rng.uniform(600, 2500)),
        "thumbnail": rng.integers(0, 256, 192).astype(np.uint8).tobytes(),
        "border": tuple(rng.uniform(0, 255, 24).round(3).tolist()),
    }
    return ImageStatistics(**{**values, **changes})


def _table(ids: Sequence[str], labels: Sequence[str] | None, **changes: Any) -> ImageTable:
    values: dict[str, Any] = {
        "ids": tuple(ids),
        "images": tuple(LocalFile.at(Path("/nowhere") / name) for name in ids),
        "labels": None if labels is None else tuple(labels),
        "source": Path("labels.csv"),
        "lines": tuple(range(2, len(ids) + 2)),
    }
    return ImageTable(**{**values, **changes})


def _labelled(
    X: FloatArray,
    labels: Sequence[str],
    group: IntArray | None = None,
    pairs: Sequence[DuplicatePair] = (),
) -> tuple[Dataset, Features]:
    n, rng = len(X), np.random.default_rng(1)
    names = [f"{number}.jpg" for number in rng.permutation(n)]
    classes = class_order(labels)
    position = {name: number for number, name in enumerate(classes)}
    data = Dataset(
        table=_table(names, labels),
        digests=tuple(str(row) for row in range(n)),
        statistics=tuple(_fact(rng) for _ in range(n)),
        duplicates=Duplicates(np.arange(n) if group is None else group, tuple(pairs)),
        targets=np.array([position[label] for label in labels], dtype=np.int64),
        classes=classes,
    )
    views = np.empty((n, 0, X.shape[1]), dtype=np.float32)
    return data, Features(X.astype(np.float32), views)


@pytest.fixture
def make_fact() -> MakeFact:
    """Facts of an ordinary picture, drawn at random, with changes."""
    return _fact


@pytest.fixture
def make_table() -> MakeTable:
    """A table of names and labels whose files are not there."""
    return _table


@pytest.fixture
def make_labelled() -> MakeLabelled:
    """Labelled features; names, statistics and order say nothing about the labels."""
    return _labelled


@pytest.fixture
def two_blobs() -> tuple[FloatArray, list[str]]:
    """120 rows of two classes in 6 columns, 2.4 standard deviations apart."""
    rng = np.random.default_rng(3)
    labels = [("cat", "dog")[code] for code in rng.permutation(np.arange(120) % 2)]
    X = rng.normal(size=(120, 6))
    X[:, 0] += [2.4 * (label == "dog") for label in labels]
    return X, labels
