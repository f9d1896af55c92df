"""A mirrored network computes half where the plain one's features are kept, to the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.embedding import embed_files

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_backbone
from headstart.backbones.runtimes.torch_runtime import TorchRuntime
from headstart.options import BackboneOptions, EmbedOptions


def opened(*, mirror: bool) -> Backbone:
    options = BackboneOptions(
        backbone="test_resnet", random_weights=True, image_size=32, mirror=mirror
    )
    return open_backbone(options, device="cpu")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each call of the network had."""
    counts: list[int] = []
    plain = TorchRuntime.embed

    def counted(self: TorchRuntime, pixels: ByteImage) -> Float32Array:
        counts.append(len(pixels))
        return plain(self, pixels)

    monkeypatch.setattr(TorchRuntime, "embed", counted)
    return counts


@pytest.mark.parametrize("views", [0, 2])
def test_kept_features_are_half_of_the_mirrored_ones(
    views: int, own_cache: Path, pictures: list[Path], run: list[int]
) -> None:
    without = EmbedOptions(cache=False, views=views)
    expected = embed_files(pictures, opened(mirror=True), without)
    each = 1 + views
    assert sum(run) == 2 * len(pictures) * each
    known = len(pictures) // 2
    embed_files(pictures[:known], opened(mirror=False), EmbedOptions(views=views))
    run.clear()
    found = embed_files(pictures, opened(mirror=True), EmbedOptions(views=views))
    assert sum(run) == (2 * len(pictures) - known) * each
    assert found.computed == len(pictures)
    assert np.array_equal(found.values, expected.values)
    assert np.array_equal(found.views, expected.views)
    run.clear()
    assert embed_files(pictures, opened(mirror=True), EmbedOptions(views=views)).computed == 0
    assert run == []


def test_no_file_is_made_for_features_that_nobody_kept(
    own_cache: Path, pictures: list[Path]
) -> None:
    embed_files(pictures, opened(mirror=True))
    assert len(list((own_cache / "features").glob("*.sqlite"))) == 1
