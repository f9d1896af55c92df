"""What series told by names do to the accuracy: folds that ignore them against folds that do not.

    python benchmarks/series.py [--table LABELS.csv --images DIR] [--backbone NAME] [--scenes 150]

Sets: the table as it is; three crops of each of its pictures, named as crops are; and drawn scenes
in three frames, named as frames of clips are. The accuracy is the mean of ten folds with its
corrected standard error; copies and near-duplicates are kept together in all of them. Prints tables
in Markdown.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from headstart.audit.name_series import look_for_series
from headstart.backbones.opening import open_backbone
from headstart.data.dataset import Dataset
from headstart.data.image_table import ImageTable
from headstart.data.inputs import read_images
from headstart.data.split import stratified_folds
from headstart.evaluate.significance import p_words
from headstart.features.embed import Features
from headstart.heads.linear import LinearHead
from headstart.options import BackboneOptions, FitOptions, ReadOptions
from headstart.recipes.data_preparation import prepare_data
from headstart.recipes.folds import cross_validate
from headstart.samples.drawn_set import draw_picture

MEMBERS = 3
Named = tuple[str, str, Image.Image]  # file name, label, picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--scenes", type=int, default=150, help="drawn scenes")
    given = parser.parse_args()
    print("| pictures | series found | of a series' pictures, nearest in it | by chance | p |")
    print("| --- | ---: | ---: | ---: | --- |")
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        sets: list[tuple[str, ImageTable, str]] = []
        if given.table:
            table = read_images(given.table, ReadOptions(images=given.images))
            sets.append(("photographs as they are", table, ""))
            crops = written(root / "crops", cropped(table))
            sets.append((f"{MEMBERS} crops of each photograph", crops, r"^(.+)_car"))
        drawn = written(root / "drawn", frames(given.scenes))
        sets.append((f"{given.scenes} drawn scenes in {MEMBERS} frames", drawn, "^(clip[0-9]+)_"))
        for name, table, pattern in sets:
            lines.append(measured(name, table, pattern, given.backbone))
    print("\n| pictures | folds that ignore series | folds that keep them together | feigned |")
    print("| --- | ---: | ---: | ---: |")
    print("\n".join(line for line in lines if line))


def written(folder: Path, pictures: Iterable[Named]) -> ImageTable:
    """The pictures as files with a table."""
    (folder / "images").mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("image", "label"))
        for name, label, picture in pictures:
            picture.save(folder / "images" / name, quality=90)
            rows.writerow((name, label))
    return read_images(folder / "labels.csv", ReadOptions(images=folder / "images"))


def cropped(table: ImageTable) -> Iterator[Named]:
    """Crops of 60% of the sides, at places drawn by chance: photo12_car0.jpg."""
    rng = np.random.default_rng(0)
    for source, label in zip(table.images, table.labels or (), strict=True):
        whole = Image.open(str(source)).convert("RGB")
        width, height = (round(0.6 * side) for side in whole.size)
        for number in range(MEMBERS):
            x, y = (
                int(rng.integers(0, all_ - part + 1))
                for all_, part in zip(whole.size, (width, height), strict=True)
            )
            stem = Path(str(source)).stem
            yield f"photo{stem}_car{number}.jpg", label, whole.crop((x, y, x + width, y + height))


def frames(scenes: int) -> Iterator[Named]:
    """A drawn scene, of which the camera moves and the light changes: clip3_0001.jpg."""
    for scene in range(scenes):
        emergency = scene % 2 == 0
        whole = draw_picture(np.random.default_rng([7, scene]), emergency=emergency)
        rng = np.random.default_rng([8, scene])
        for number in range(MEMBERS):
            x, y = rng.integers(0, 45, 2).tolist()
            part = whole.crop((x, y, x + 180, y + 180))
            part = ImageEnhance.Brightness(part).enhance(float(rng.uniform(0.7, 1.3)))
            yield f"clip{scene}_{number:04d}.jpg", str(int(emergency)), part


def measured(name: str, table: ImageTable, pattern: str, backbone_name: str) -> str:
    """Prints what is found; a line with the accuracy without and with groups."""
    options = FitOptions(backbone=BackboneOptions(backbone=backbone_name))
    backbone = open_backbone(options.backbone)
    data, features = prepare_data(table, backbone, options)
    found = look_for_series(data.table, data, features.values)
    if found is None:
        print(f"| {name}, {len(data)} | 0 | – | – | – |", flush=True)
    elif found.test is not None:
        test = found.test
        print(
            f"| {name}, {len(data)} | {len(found.apart)} | {test.near / test.tested:.1%} | "
            f"{test.expected / test.tested:.1%} | {p_words(test.p_value)} |",
            flush=True,
        )
    if not pattern:
        return ""
    given = FitOptions(
        read=ReadOptions(group_pattern=pattern), backbone=BackboneOptions(backbone=backbone_name)
    )
    grouped = read_images(table.source, ReadOptions(images=images_of(table), group_pattern=pattern))
    kept, kept_features = prepare_data(grouped, backbone, given)
    apart, with_error = accuracy(data, features)
    together, its_error = accuracy(kept, kept_features)
    return (
        f"| {name}, {len(data)} | {apart:.3f} ± {with_error:.3f} | {together:.3f} ± "
        f"{its_error:.3f} | {100 * (apart - together):+.1f} points |"
    )


def images_of(table: ImageTable) -> Path:
    return Path(str(table.images[0])).parent


def accuracy(data: Dataset, features: Features) -> tuple[float, float]:
    """Mean of ten folds, with its corrected standard error."""
    folds = stratified_folds(data.labels, folds=10, groups=data.groups)
    figures = cross_validate(data, features, folds, partial(LinearHead, random_state=42)).to_json()
    return figures["accuracy_mean"], figures["accuracy_standard_error"]


if __name__ == "__main__":
    main()
