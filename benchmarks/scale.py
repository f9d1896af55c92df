"""Does a picture cost the same among many? Seconds and memory of `headstart embed` by their number.

    python benchmarks/scale.py --pictures 1000 10000 --rows 1000000 --near 10000 40000 100000
    python benchmarks/scale.py --pictures --costs DIR --cores 2 --machines 16

The second command prints what a million and a hundred million pictures cost: the default backbone
embeds those of DIR, whose seconds and bytes are multiplied.

Pictures are made from a few thousand different ones by other bytes behind the end. What counts is
the processor's seconds, since a machine may have other work; the start, measured with one picture,
is taken off. Prints tables in Markdown, and draws the plot of the first with --plot.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from headstart.data.near_duplicates import NearThresholds, near_pairs
from headstart.data.read_table import read_table
from headstart.options import ReadOptions

COUNTS = (1_000_000, 100_000_000)
FEATURES = 1280  # of the default backbone
DIFFERENT = 2000
FOLDERS = 100
TINY = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32", "--device", "cpu")


class Cost(NamedTuple):
    """What a command took: seconds of the processor and of the clock, and memory at the most."""

    processor: float
    clock: float
    megabytes: float


def command(*words: str | Path) -> Cost:
    """Run the program in a process of its own."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "headstart", *map(str, words)], stderr=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words} ended with {process.returncode}")
    clock = time.perf_counter() - began
    return Cost(usage.ru_utime + usage.ru_stime, clock, usage.ru_maxrss * 1024 / 1e6)


def contents(count: int) -> list[bytes]:
    """Small JPEGs of coarse random squares."""
    rng = np.random.default_rng(13)
    made = []
    for _ in range(count):
        squares = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        file = io.BytesIO()
        squares.resize((64, 48), Image.Resampling.BICUBIC).save(file, "JPEG", quality=85)
        made.append(file.getvalue())
    return made


def write_pictures(folder: Path, count: int, different: list[bytes]) -> None:
    """So many files, each of other bytes; what stands behind a JPEG's end is not decoded."""
    folder.mkdir()
    for number in range(count):
        content = different[number % len(different)] + number.to_bytes(8, "big")
        (folder / f"{number:07d}.jpg").write_bytes(content)


def embedding(place: Path, counts: list[int], plot: Path | None) -> None:
    """Pictures a second and memory, each with a cache of its own."""
    different = contents(DIFFERENT)
    rows = []
    for count in (1, *counts):
        folder = place / f"pictures{count}"
        write_pictures(folder, count, different)
        cache = place / f"cache{count}"
        os.environ["HEADSTART_CACHE"] = str(cache)
        rows.append(command("embed", folder, *TINY, "--out", place / "features.npz"))
        sizes = {name: sum(f.stat().st_size for f in cache.rglob(f"{name}*.sqlite*"))
                 for name in ("images", "")}  # fmt: skip
        kept = sizes["images"], sizes[""] - sizes["images"]
    start = rows[0]
    print(
        "| pictures | processor, s | a second of it | MB at the most |\n"
        "| ---: | ---: | ---: | ---: |"
    )
    rates = []
    for count, row in zip(counts, rows[1:], strict=True):
        rates.append(count / (row.processor - start.processor))
        print(f"| {count:,} | {row.processor:.1f} | {rates[-1]:.0f} | {row.megabytes:.0f} |")
    print(f"\nstart {start.processor:.1f} s, {start.megabytes:.0f} MB; slowest rate of fastest "
          f"{min(rates) / max(rates):.3f}; kept of a picture: {kept[0] / counts[-1]:.0f} bytes of "
          f"measures, {kept[1] / counts[-1]:.0f} of features")  # fmt: skip
    if plot is not None:
        draw(counts, rates, [row.megabytes for row in rows[1:]], plot)


def draw(counts: list[int], rates: list[float], megabytes: list[float], plot: Path) -> None:
    """The rate and the memory over the number of pictures."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, values, label in (
        (left, rates, "pictures a second of the processor"),
        (right, megabytes, "MB at the most"),
    ):
        axes.plot(counts, values, "o-")
        axes.set(xscale="log", xlabel="pictures", ylabel=label)
        axes.set_ylim(0)
    figure.savefig(plot)


def table(place: Path, rows: int) -> None:
    """Reading a table whose every row names a file of its own."""
    names = [f"{row % FOLDERS:02d}/{row:07d}.jpg" for row in range(rows)]
    for folder in range(FOLDERS):
        (place / "files" / f"{folder:02d}").mkdir(parents=True)
    for name in names:
        (place / "files" / name).touch()
    path = place / "files" / "labels.csv"
    path.write_text("image,label\n" + "".join(f"{name},{name[1]}\n" for name in names))
    clock, processor = time.perf_counter(), time.process_time()
    read = read_table(path, ReadOptions())
    print(f"\na table of {len(read):,} rows: {time.process_time() - processor:.1f} s of the "
          f"processor, {time.perf_counter() - clock:.1f} s")  # fmt: skip


def near(counts: list[int]) -> None:
    """The search for near-duplicates among random thumbnails, one in a hundred of them repeated."""
    print("\n| pictures | near pairs | processor, s |\n| ---: | ---: | ---: |")
    rng = np.random.default_rng(5)
    for count in counts:
        coarse = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
        coarse[::100] = coarse[0]
        thumbnails = coarse.repeat(2, axis=1).repeat(2, axis=2)
        hashes = rng.integers(0, 2**63, count, dtype=np.uint64)
        hashes[::100] = hashes[0]
        began = time.process_time()
        found = sum(len(pairs) for pairs in near_pairs(hashes, thumbnails, None, NearThresholds()))
        print(f"| {count:,} | {found:,} | {time.process_time() - began:.1f} |", flush=True)


def rates(folder: Path, place: Path) -> tuple[float, float, float]:
    """Pictures a second of a core, bytes that the cache keeps of one, and bytes of one's file."""
    write_pictures(place / "one", 1, contents(1))
    os.environ["HEADSTART_CACHE"] = str(place / "cache0")
    command("embed", place / "one", "--out", place / "one.npz", "--device", "cpu")
    start = command("embed", place / "one", "--out", place / "one.npz", "--no-cache")
    os.environ["HEADSTART_CACHE"] = str(place / "cache1")
    whole = command("embed", folder, "--out", place / "all.npz", "--skip-bad", "--device", "cpu")
    pictures = [path for path in folder.rglob("*") if path.suffix in (".jpg", ".png", ".jpeg")]
    kept = sum(path.stat().st_size for path in (place / "cache1").rglob("*.sqlite*"))
    size = sum(path.stat().st_size for path in pictures) / len(pictures)
    rate = len(pictures) / (whole.processor - start.processor)
    return rate, kept / len(pictures), size


def costs(images: Path, place: Path, cores: int, machines: int) -> None:
    """What many pictures cost, by multiplying what `rates` measures."""
    rate, kept, size = rates(images, place)
    one, many = rate * cores, rate * cores * machines
    print(f"measured: {rate:.1f} pictures a second of a core, {kept:,.0f} bytes kept of a picture, "
          f"{size:,.0f} bytes in its file\n")  # fmt: skip
    print("| | " + " | ".join(f"{count:,}" for count in COUNTS) + " |")
    print("| --- |" + " ---: |" * len(COUNTS))
    rows = {
        f"hours, one machine of {cores} cores": (1 / one / 3600, ",.1f"),
        f"hours, {machines} such machines": (1 / many / 3600, ",.1f"),
        "GB of pictures read": (size / 1e9, ",.0f"),
        f"MB/s that {machines} machines read": (None, f"{many * size / 1e6:,.1f}"),
        "GB in the cache": (kept / 1e9, ",.1f"),
        "GB of Parquet written by a cluster": (4 * FEATURES / 1e9, ",.1f"),
        "GB of memory for the features of a fit": (4 * FEATURES / 1e9, ",.1f"),
    }
    for words, (each, form) in rows.items():
        cells = [form if each is None else format(each * count, form) for count in COUNTS]
        print(f"| {words} | " + " | ".join(cells) + " |")


def main() -> None:
    """Make everything in a temporary folder and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--near", type=int, nargs="*", default=[])
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--costs", type=Path, help="a folder of pictures as they will be")
    parser.add_argument("--cores", type=int, default=2, help="of one machine")
    parser.add_argument("--machines", type=int, default=16)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.pictures:
            embedding(Path(folder), given.pictures, given.plot)
        if given.rows:
            table(Path(folder), given.rows)
        if given.costs:
            costs(given.costs, Path(folder), given.cores, given.machines)
    near(given.near)


if __name__ == "__main__":
    main()
