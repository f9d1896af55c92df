"""How fast each runtime is alone, inside `headstart embed`, and from a cold start.

    python benchmarks/runtimes.py [--pictures 2000] [--backbones NAME,NAME] [--table T --images F]

Prints for each backbone, all measured in this run: the bare rate of each runtime and precision that
is installed (what `headstart runtimes` measures), then the rate of `headstart embed` by torch and
by the runtime that `auto` takes, with empty features and the graph kept, between two measurements
of the bare ones. With a table of labels: seconds of `fit` with the graph kept and no features, of
the same fit again, and of `predict` for a picture not seen before; wall and of the processor,
which a busy machine changes less. ResNet18 has random weights, since only its speed is of interest.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

SIDE = 224
UNTRAINED = ("resnet18",)


class Spent(NamedTuple):
    """Seconds of a command, and what it printed."""

    wall: float
    processor: float
    printed: str


def headstart(cache: Path, *words: object) -> Spent:
    """Run the program with a cache folder of its own."""
    command = [sys.executable, "-m", "headstart", *map(str, words)]
    environment = {**os.environ, "HEADSTART_CACHE": str(cache)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(wall, spent, done.stdout)


def make_pictures(folder: Path, count: int) -> None:
    """Smooth coloured noise as JPEG files."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 256, (SIDE // 16, SIDE // 16, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:05d}.jpg", quality=90)


def bare_rates(cache: Path, name: str) -> tuple[dict[str, float], str]:
    """Pictures per second by "runtime precision", and which of them `auto` takes."""
    printed = headstart(cache, "runtimes", *backbone(name)).printed
    row = re.compile(r"^ *(\w+) +(fp32|bf16) +([\d.]+) +\S+( +\*)?", re.MULTILINE)
    found = {f"{m[1]} {m[2]}": (float(m[3]), bool(m[4])) for m in row.finditer(printed)}
    best = next(key for key, (_, is_best) in found.items() if is_best)
    return {key: rate for key, (rate, _) in found.items()}, best


def backbone(name: str) -> list[str]:
    """The flags that name it."""
    return ["--backbone", name, *(["--random-weights"] if name in UNTRAINED else [])]


def embed_rate(cache: Path, name: str, way: str, folder: Path) -> float:
    """Pictures per second of `headstart embed` in a way, such as "torch fp32"."""
    runtime, precision = way.split()
    for kept in (cache / "features").glob("*"):
        kept.unlink()
    for kept in cache.glob("images.sqlite*"):
        kept.unlink()
    flags = ["--runtime", runtime, "--precision", precision, "--out", cache / "f.npz"]
    printed = headstart(cache, "embed", folder, *backbone(name), *flags).printed
    found = re.search(r"(\d+) pictures,.* ([\d.]+) s", printed)
    if found is None:
        raise RuntimeError(printed)
    return int(found[1]) / float(found[2])


def report(cache: Path, name: str, folder: Path) -> None:
    """Print one backbone's rates."""
    before, best = bare_rates(cache, name)
    ways = list(dict.fromkeys(("torch fp32", best)))
    rates = {way: embed_rate(cache, name, way, folder) for way in ways}
    after, _ = bare_rates(cache, name)
    bare = {way: (before[way] + after[way]) / 2 for way in before}
    print(f"{name}: " + ", ".join(f"{way} {rate:.1f}/s" for way, rate in bare.items()))
    for way, rate in rates.items():
        shares = ", ".join(f"{rate / bare[other]:.2f} of bare {other}" for other in ways)
        print(f"{name}: headstart embed by {way} {rate:.1f}/s, {shares}")


def from_a_cold_start(cache: Path, table: Path, images: Path, place: Path) -> None:
    """Print the seconds of a fit, a second one, and one picture."""
    headstart(cache, "runtimes")
    first = next(path for path in sorted(images.iterdir()) if path.suffix == ".jpg")
    with Image.open(first) as picture:
        picture.convert("RGB").rotate(2).save(place / "new.jpg")
    for kept in (*(cache / "features").glob("*"), *cache.glob("images.sqlite*")):
        kept.unlink()
    run = place / "run"
    fit = ("fit", table, "--images", images, "--out", run)
    for what, words in (
        ("fit, graph kept and no features", fit),
        ("the same fit again", fit),
        ("predict, a new picture", ("predict", run / "model", place / "new.jpg")),
        ("predict, the same again", ("predict", run / "model", place / "new.jpg")),
    ):
        spent = headstart(cache, *words)
        print(f"{what}: {spent.wall:.1f} s, {spent.processor:.2f} s of the processor")


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--backbones", default="tf_efficientnet_lite0,resnet18")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--images", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        if chosen.table is not None and chosen.images is not None:
            from_a_cold_start(place / "cache", chosen.table, chosen.images, place)
        make_pictures(place / "pictures", chosen.pictures)
        for one in filter(None, chosen.backbones.split(",")):
            report(place / "cache", one, place / "pictures")


if __name__ == "__main__":
    main()
