"""Whether gentle crops and mirror images make the linear head better, over several splits.

    python -m benchmarks.gentle_views --table LABELS.csv --images DIR [--backbones NAME@SIZE,...]

Four ways on the same folds: the pictures alone; with K random crops of each training picture that
keep 50% to 100% of its area; with the features of the mirror image averaged in (`--mirror`); with
both. The folds are drawn `--splits` times; differences are to the pictures alone on the same folds,
with the corrected resampled t test over all folds. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.views import difference, known, spread

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_backbone
from headstart.data.dataset import Dataset
from headstart.data.split import Split
from headstart.features.embed import Features
from headstart.images.decode import decode
from headstart.images.views import augment, view_rng
from headstart.options import (
    DEFAULT_BACKBONE,
    BackboneOptions,
    FitOptions,
    HeadOptions,
    LoopOptions,
    ReadOptions,
    SplitOptions,
)
from headstart.recipes.data_preparation import choose_folds, prepare_data, read_labelled
from headstart.recipes.folds import cross_validate
from headstart.recipes.head_choice import head_maker

SCALE = (0.5, 1.0)  # share of the picture's area that a crop keeps
SEED = 13


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--backbones", default=DEFAULT_BACKBONE, help="NAME or NAME@SIZE, ...")
    parser.add_argument("--views", type=int, default=8, help="crops of each picture, K")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--folds", type=int, default=10)
    given = parser.parse_args()
    print("| backbone | learnt from | accuracy | log loss | accuracy, difference | "
          "log loss, difference | passes | embedding | fits |")  # fmt: skip
    print("| --- | --- | ---: | ---: | --- | --- | ---: | ---: | ---: |")
    for name in given.backbones.split(","):
        measure(name, given)


def measure(name: str, given: argparse.Namespace) -> None:
    """Print the rows of one backbone."""
    bare, _, side = name.partition("@")
    backbone = open_backbone(BackboneOptions(backbone=bare, image_size=int(side) if side else None))
    read = ReadOptions(images=given.images)
    options = FitOptions(read=read, split=SplitOptions(folds=given.folds, seed=SEED))
    data, plain = prepare_data(read_labelled(given.table, read), backbone, options)
    began = time.perf_counter()
    straight, turned = crops(data, backbone, given.views)
    each = (time.perf_counter() - began) / (2 * (1 + given.views))
    both = (straight + turned) / np.float32(2)
    none = plain.views
    # The first crop is the picture itself, so that its mirror image is at hand too.
    ways = {
        "the pictures": (plain, 1),
        f"{given.views} crops": (Features(plain.values, straight[:, 1:]), 1 + given.views),
        "mirror": (Features(both[:, 0], none), 2),
        f"{given.views} crops, mirror": (Features(both[:, 0], both[:, 1:]), 2 * (1 + given.views)),
    }
    splits = [
        choose_folds(data, replace(options.split, seed=SEED + number))
        for number in range(given.splits)
    ]
    folds = [fold for split in splits for fold in split]
    first: tuple[list[float], list[float]] | None = None
    for way, (features, passes) in ways.items():
        began = time.process_time()
        found = figures(data, features, splits)
        seconds = (time.process_time() - began) / len(splits)
        first = first or found
        cells = [name, way, *(spread(values, folds) for values in found)]
        pairs = [] if found is first else zip(found, first, strict=True)
        cells += [difference(mine, its, folds) for mine, its in pairs] or ["", ""]
        cells += [str(passes), f"{passes * each:.0f} s", f"{seconds:.1f} s"]
        print(f"| {' | '.join(cells)} |", flush=True)


def crops(data: Dataset, backbone: Backbone, views: int) -> tuple[Float32Array, Float32Array]:
    """Features of each picture and its crops, and of their mirror images, (n, 1 + views, d)."""
    steps = backbone.info.preprocessing

    def inputs(row: int) -> ByteImage:
        rgb = decode(data.table.images[row].read(), minimum_side=steps.resize)
        cut = [
            augment(
                rgb,
                view_rng(SEED, data.digests[row], number),
                size=steps.size,
                interpolation=steps.interpolation,
                scale=SCALE,
            )
            for number in range(views)
        ]
        return np.stack([steps.prepare(rgb), *cut])

    def both_ways(row: int) -> tuple[Float32Array, Float32Array]:
        pixels = inputs(row)
        return backbone.embed(pixels), backbone.embed(np.ascontiguousarray(pixels[:, :, ::-1]))

    with backbone.threads(os.cpu_count() or 1) as pool:
        found = list(pool.map(both_ways, range(len(data))))
    return np.stack([one for one, _ in found]), np.stack([two for _, two in found])


def figures(
    data: Dataset, features: Features, splits: Sequence[list[Split]]
) -> tuple[list[float], list[float]]:
    """Accuracy and log loss of each fold of each split."""
    make = head_maker(HeadOptions(), LoopOptions(), SEED)
    measured = [
        one for folds in splits for one in cross_validate(data, features, folds, make).metrics
    ]
    return [known(one.accuracy) for one in measured], [known(one.log_loss) for one in measured]


if __name__ == "__main__":
    main()
