"""What is measured of a picture, and what follows, does not depend on who read it first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headstart.data.dataset import ImageRecords, make_dataset
from headstart.data.image_table import ImageTable
from headstart.features import loading
from headstart.features.embed import embed_images, inspect_images
from headstart.images import statistics
from headstart.images.decode import decode_picture
from headstart.images.source import local_files
from headstart.images.statistics import MINIMUM_SIDE
from headstart.options import EmbedOptions, SplitOptions
from headstart.recipes.data_preparation import choose_split

SIDES = (224, 256, 518)  # pixels that backbones need of the shorter side
LARGE = (2400, 1800)
# Just below and just above the sizes at which a backbone's reduced decoding changes.
AROUND = [
    (2 * part * side + step, 2 * part * side + step)
    for side, part in ((256, 2), (518, 2), (256, 4))
    for step in (-1, 1)
]
Make = Callable[..., Any]


def scene(size: tuple[int, int], seed: int) -> Image.Image:
    """Coarse shapes with fine lines, which look different at every scale."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    lines = Image.fromarray(rng.integers(0, 2, (size[1] // 2, size[0] // 2), dtype=np.uint8) * 90)
    soft = coarse.resize(size, Image.Resampling.BICUBIC)
    soft.paste((0, 0, 0), mask=lines.resize(size, Image.Resampling.NEAREST))
    return soft


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photographs around all limits, and a copy of the first in another quality and size."""
    folder = tmp_path_factory.mktemp("photographs")
    scenes = [scene(size, seed) for seed, size in enumerate([LARGE, *AROUND])]
    scenes.append(scenes[0].resize((1600, 1200), Image.Resampling.BICUBIC))
    paths = []
    for number, picture in enumerate(scenes):
        paths.append(folder / f"{number}.jpg")
        picture.save(paths[-1], quality=90 if number < len(scenes) - 1 else 60)
    return paths


def groups_and_test(paths: list[Path], records: ImageRecords) -> tuple[list[int], list[int]]:
    labels = tuple("ab"[n % 2] for n in range(len(paths)))
    names = tuple(path.name for path in paths)
    table = ImageTable(names, tuple(local_files(paths)), labels, Path("labels.csv"))
    data, _ = make_dataset(table, records)
    split = choose_split(data, SplitOptions(test_fraction=0.3))
    return data.groups.tolist(), split.test.tolist()


def test_statistics_groups_and_split_are_the_files_own(
    photographs: list[Path],
    make_backbone: Make,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = local_files(photographs)
    alone = inspect_images(images, EmbedOptions(cache=False))
    groups, tested = groups_and_test(photographs, alone)
    assert groups[0] == groups[-1]
    assert len(set(groups)) == len(photographs) - 1
    values: dict[int, list[Any]] = {side: [] for side in SIDES}
    for number, order in enumerate(((518, 256), (256, 518), (224, 518))):
        cache = own_cache / str(number)
        monkeypatch.setenv("HEADSTART_CACHE", str(cache))
        for turn, side in enumerate((*order, *order)):
            if turn == len(order):  # the second time without what was measured, or computed
                gone = "images.sqlite*" if number % 2 else "features/*"
                for file in cache.glob(gone):
                    file.unlink()
            backbone = make_backbone(f"needs{side}", seed=side, resize=side)
            records, features = embed_images(images, backbone, EmbedOptions(device="cpu"))
            assert records.statistics == alone.statistics
            assert groups_and_test(photographs, records) == (groups, tested)
            values[side].append(features.values)
    for found in values.values():
        assert all(np.array_equal(found[0], other) for other in found[1:])


@pytest.fixture
def decoded_at(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The sides that pictures are decoded for."""
    asked: list[int | None] = []

    def counted(*given: Any, minimum_side: int | None = None, **more: Any) -> Any:
        asked.append(minimum_side)
        return decode_picture(*given, minimum_side=minimum_side, **more)

    monkeypatch.setattr(loading, "decode_picture", counted)
    monkeypatch.setattr(statistics, "decode_picture", counted)
    return asked


@pytest.mark.parametrize(("side", "times"), [(256, 1), (518, 2)])
def test_a_second_decoding_only_where_scales_differ(
    side: int,
    times: int,
    photographs: list[Path],
    make_backbone: Make,
    decoded_at: list[int | None],
) -> None:
    for _ in range(2):  # and never again
        embed_images(
            local_files(photographs[:1]), make_backbone(resize=side), EmbedOptions(device="cpu")
        )
    assert decoded_at == [side, MINIMUM_SIDE][:times]


def test_the_default_backbone_measures_what_it_decodes() -> None:
    from headstart.backbones.opening import open_backbone
    from headstart.options import BackboneOptions

    backbone = open_backbone(BackboneOptions(random_weights=True), device="cpu")
    assert backbone.info.preprocessing.resize == MINIMUM_SIDE
