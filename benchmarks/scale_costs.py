"""What a million and a hundred million pictures cost, from rates that are measured here first.

    python benchmarks/scale_costs.py --images DIR --cores 2 --machines 16

The default backbone embeds the pictures of DIR in a process of its own; its processor's seconds,
without those of a start, give pictures a second of a core, and its cache the bytes of a picture.
Prints the table of docs/scale.md in Markdown.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from scale import command, contents, write_pictures

COUNTS = (1_000_000, 100_000_000)
FEATURES = 1280  # of the default backbone


def measured(folder: Path, place: Path) -> tuple[float, float, float]:
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


def main() -> None:
    """Measure, then multiply."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--cores", type=int, default=2, help="of one machine")
    parser.add_argument("--machines", type=int, default=16)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        rate, kept, size = measured(given.images, Path(place))
    one, many = rate * given.cores, rate * given.cores * given.machines
    print(f"measured: {rate:.1f} pictures a second of a core, {kept:,.0f} bytes kept of a picture, "
          f"{size:,.0f} bytes in its file\n")  # fmt: skip
    print("| | " + " | ".join(f"{count:,}" for count in COUNTS) + " |")
    print("| --- |" + " ---: |" * len(COUNTS))
    rows = {
        f"hours, one machine of {given.cores} cores": (1 / one / 3600, ",.1f"),
        f"hours, {given.machines} such machines": (1 / many / 3600, ",.1f"),
        "GB of pictures read": (size / 1e9, ",.0f"),
        f"MB/s that {given.machines} machines read": (None, f"{many * size / 1e6:,.1f}"),
        "GB in the cache": (kept / 1e9, ",.1f"),
        "GB of Parquet written by a cluster": (4 * FEATURES / 1e9, ",.1f"),
        "GB of memory for the features of a fit": (4 * FEATURES / 1e9, ",.1f"),
    }
    for words, (each, form) in rows.items():
        cells = [form if each is None else format(each * count, form) for count in COUNTS]
        print(f"| {words} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
