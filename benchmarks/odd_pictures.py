"""How far strangers lie from a set of pictures, by three measures of distance.

    python benchmarks/odd_pictures.py --table LABELS.csv --images DIR [--backbone NAME]

Strangers (noise, one colour, text, a ramp, a turned picture, drawn vehicles) are added to the set
one at a time. Distances are the mean to the five nearest, in robust standard deviations above the
set's median. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from headstart.arrays import Float32Array, FloatArray
from headstart.audit.odd_pictures import NEIGHBOURS, neighbour_distance
from headstart.backbones.opening import open_backbone
from headstart.data.read_table import read_table
from headstart.features.embed import embed_images
from headstart.images.source import local_files
from headstart.options import DEFAULT_BACKBONE, BackboneOptions, EmbedOptions, ReadOptions
from headstart.samples.drawn_set import write_drawn

SIDE = 224


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE)
    given = parser.parse_args()
    backbone = open_backbone(BackboneOptions(backbone=given.backbone))
    table = read_table(given.table, ReadOptions(images=given.images))
    features = embed_images(table.images, backbone)[1].values
    with tempfile.TemporaryDirectory() as folder:
        uncached = EmbedOptions(cache=False)
        strangers = make_strangers(Path(folder), Path(table.images[0].name))
        others = embed_images(local_files(strangers), backbone, uncached)[1].values
    measures: dict[str, Callable[[Float32Array], FloatArray]] = {
        "cosine": neighbour_distance,
        "cosine of standardised columns": lambda X: neighbour_distance(standardised(X)),
        "Euclid of standardised columns": lambda X: euclidean(standardised(X)),
    }
    print("| picture | " + " | ".join(measures) + " |")
    print("| --- |" + " ---: |" * len(measures))
    farthest = [float(deviations(measure(features)).max()) for measure in measures.values()]
    print("| the set's own farthest | " + " | ".join(f"{value:.1f}" for value in farthest) + " |")
    for path, row in zip(strangers, others, strict=True):
        together = np.concatenate([features, row[None]])
        values = [deviations(measure(together))[-1] for measure in measures.values()]
        print(f"| {path.stem} | " + " | ".join(f"{value:.1f}" for value in values) + " |")


def make_strangers(folder: Path, picture: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    page = Image.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(page)
    for line in range(10, SIDE, 12):
        pen.text((5, line), "some lines of a scanned page", fill="black")
    ramp = np.repeat(np.linspace(0, 255, SIDE).astype(np.uint8)[None, :], SIDE, axis=0)
    with Image.open(picture) as opened:
        turned = opened.convert("RGB").rotate(90, expand=True)
    images = {
        "noise": Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)),
        "one grey": Image.new("RGB", (SIDE, SIDE), (200, 200, 200)),
        "page of text": page,
        "ramp": Image.fromarray(ramp).convert("RGB"),
        "one of the set, turned": turned,
    }
    paths = []
    for name, image in images.items():
        paths.append(folder / f"{name}.png")
        image.save(paths[-1])
    drawn = write_drawn(folder / "drawn", count=3)
    for number, path in enumerate(sorted((drawn.parent / "images").iterdir())):
        paths.append(path.rename(folder / f"drawn vehicle {number + 1}.jpg"))
    return paths


def standardised(X: Float32Array) -> Float32Array:
    deviation = X.std(axis=0)
    return np.asarray((X - X.mean(axis=0)) / np.where(deviation > 0, deviation, 1), np.float32)


def euclidean(X: Float32Array) -> FloatArray:
    squares = (X**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * X @ X.T, 0))
    np.fill_diagonal(distances, np.inf)
    return np.asarray(np.sort(distances, axis=1)[:, :NEIGHBOURS].mean(axis=1), np.float64)


def deviations(distances: FloatArray) -> FloatArray:
    median = np.median(distances)
    return np.asarray((distances - median) / (1.4826 * np.median(np.abs(distances - median))))


if __name__ == "__main__":
    main()
