"""Seconds, memory and page of `headstart check` on many drawn pictures whose features are kept.

    python benchmarks/check_size.py [--pictures 20000] [--classes 10] [--folder DIR]

Draws small pictures, a shape on a ground of two colours, its kind the class, with other shapes as
clutter; of a hundred pictures two have the label of another class and one is a copy of another,
saved anew. A first `headstart embed` fills the cache (its seconds are told too); then `headstart
check` runs as a process of its own. The default backbone at 64 pixels gives features of the usual
width and passes quickly. With --folder the pictures and the cache stay there for the next run.

Prints a line for each command: by the clock, of the processor (all threads), and the most memory;
then the parts of the check and the page's size.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 64
SEED = 13
WRONG, COPIED = 0.02, 0.01


def main() -> None:
    """Draw, embed, check, and print what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="kept; default: a folder that goes")
    given = parser.parse_args()
    if given.folder is not None:
        measure(given.folder, given.pictures, given.classes)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), given.pictures, given.classes)


def measure(folder: Path, count: int, classes: int) -> None:
    """Draw what is not there yet, and run both commands."""
    table = folder / f"drawn_{count}_{classes}.csv"
    if not table.exists():
        draw_set(table, folder / f"drawn_{count}_{classes}", count, classes)
    os.environ["HEADSTART_CACHE"] = str(folder / "cache")
    side = ("--image-size", str(SIDE))
    seconds("embed", str(table), "--out", str(folder / "features.npz"), *side)
    seconds("check", str(table), "--out", str(folder / "check"), "--fail-on", "never", *side)
    found = json.loads((folder / "check" / "check.json").read_text())
    parts = {name: round(value, 1) for name, value in found["record"]["seconds"].items()}
    page = (folder / "check" / "check.html").stat().st_size / 1e6
    print(f"parts of the check: {parts}; page {page:.1f} MB")


def seconds(*words: str) -> None:
    """Run the program in a process of its own and print what it took."""
    began = time.perf_counter()
    child = os.posix_spawn(
        sys.executable, [sys.executable, "-m", "headstart", *words], dict(os.environ)
    )
    _, status, used = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"headstart {words[0]} ended with {os.waitstatus_to_exitcode(status)}")
    clock, processor = time.perf_counter() - began, used.ru_utime + used.ru_stime
    memory = used.ru_maxrss / 1024
    print(f"{words[0]}: {clock:.1f} s by the clock, {processor:.1f} CPU s, {memory:.0f} MB",
          flush=True)  # fmt: skip


def draw_set(table: Path, images: Path, count: int, classes: int) -> None:
    """Pictures, and a table with their names and labels in random order."""
    images.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    kinds = rng.permutation(np.arange(count) % classes)
    labels = np.where(rng.random(count) < WRONG, rng.integers(classes, size=count), kinds)
    copied = rng.random(count) < COPIED
    names = [f"{number:06d}.jpg" for number in rng.permutation(count)]
    rows = []
    for row, (name, kind) in enumerate(zip(names, kinds.tolist(), strict=True)):
        if row and copied[row]:
            source = int(rng.integers(row))
            with Image.open(images / names[source]) as picture:
                picture.save(images / name, quality=70)
            labels[row] = labels[source]
        else:
            draw(kind, classes, rng).save(images / name, quality=90)
        rows.append((name, f"kind {labels[row]:03d}"))
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label"), *((images.name + "/" + n, label)
                                                          for n, label in rows)])  # fmt: skip


def draw(kind: int, classes: int, rng: np.random.Generator) -> Image.Image:
    """A star or polygon whose corners and hue are the class, over clutter and noise."""
    ground = rng.uniform(0, 255, (2, 2, 3)).astype(np.uint8)
    picture = Image.fromarray(ground).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for _ in range(3):
        x, y, width, height = rng.uniform(0, SIDE, 4) * (1, 1, 0.4, 0.4)
        pen.rectangle((x, y, x + width, y + height), fill=colour(rng.random()))
    corners = 3 + kind % 5
    middle, radius = rng.uniform(0.35, 0.65, 2) * SIDE, rng.uniform(0.2, 0.35) * SIDE
    turn = rng.uniform(0, 2 * np.pi) + np.arange(2 * corners) * np.pi / corners
    reach = radius * np.where(np.arange(2 * corners) % 2, 0.5, 1.0)
    points = middle[:, None] + reach * np.stack([np.cos(turn), np.sin(turn)])
    pen.polygon([(x, y) for x, y in points.T.tolist()], fill=colour(kind / classes))
    noise = rng.normal(0, 8, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def colour(hue: float) -> tuple[int, int, int]:
    """A strong colour of a hue from 0 to 1."""
    wheel = 2 * np.pi * (hue + np.arange(3) / 3)
    red, green, blue = (127.5 + 127.5 * np.cos(wheel)).astype(int).tolist()
    return red, green, blue


if __name__ == "__main__":
    main()
