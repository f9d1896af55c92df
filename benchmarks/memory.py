"""Memory of predict and fit: tables of many rows, a huge picture in a small file, a sparse file.

    python benchmarks/memory.py --rows 1000000 --fit-rows 200000

Each command is a process of its own, and its highest resident memory is what the system says.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from headstart.samples.drawn_set import write_drawn

Image.MAX_IMAGE_PIXELS = None
PICTURES = 240
SIDE = 14_000


def measured(*words: str | Path) -> tuple[int, float, float, str]:
    """Exit code, gigabytes at the most, seconds and what was said of errors."""
    command = [sys.executable, "-m", "headstart", *map(str, words)]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        said = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    return process.returncode, usage.ru_maxrss * 1024 / 1e9, seconds, said.decode()


def show(what: str, result: tuple[int, float, float, str], words: str = "") -> None:
    """One line of figures."""
    code, gigabytes, seconds, said = result
    found = next((line.strip() for line in said.splitlines() if words and words in line), "")
    print(f"{what}: {gigabytes:.2f} GB, {seconds:.0f} s, exit code {code}  {found}", flush=True)


def write_rows(table: Path, rows: int, folder: Path) -> None:
    """A table of so many rows that name the drawn pictures again and again."""
    lines = (folder / "labels.csv").read_text(encoding="utf-8").splitlines()
    with table.open("w", encoding="utf-8") as file:
        file.write(lines[0] + "\n")
        for row in range(rows):
            file.write(lines[1 + row % PICTURES] + "\n")


def main() -> None:
    """Make the inputs in a temporary folder, run the commands, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--fit-rows", type=int, default=200_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["HEADSTART_CACHE"] = str(folder / "cache")
        drawn = write_drawn(folder / "set", count=PICTURES).parent
        images = ("--images", drawn / "images")
        model = folder / "run" / "model"
        show("fit, 240 rows", measured("fit", drawn / "labels.csv", *images, "--out", model.parent))
        for rows in (given.rows // 10, given.rows):
            table = folder / f"{rows}.csv"
            write_rows(table, rows, drawn)
            answers = ("--out", folder / "answers.csv")
            show(f"predict, {rows:,} rows", measured("predict", model, table, *images, *answers))
            written = sum(1 for _ in (folder / "answers.csv").open("rb")) - 1
            if written != rows:
                raise SystemExit(f"{written} answers for {rows} rows")
        write_rows(folder / "fit.csv", given.fit_rows, drawn)
        more = measured("fit", folder / "fit.csv", *images, "--out", folder / "more")
        show(f"fit, {given.fit_rows:,} rows", more)
        for number in range(4):  # four contents, so that each is decoded
            huge = Image.new("L", (SIDE, SIDE), number)
            huge.save(folder / f"huge{number}.png")
        pictures = [folder / f"huge{number}.png" for number in range(4)]
        kilobytes = pictures[0].stat().st_size // 1000
        what = f"predict, four PNG of {kilobytes} kB with 14,000 x 14,000 pixels, 4 workers"
        show(what, measured("predict", model, *pictures, "--workers", "4"))
        tight = ("--memory-limit", "1000000000")
        show(
            f"{what}, {' '.join(tight)}", measured("predict", model, pictures[0], *tight), "pixels"
        )
        sparse = folder / "sparse.jpg"
        with sparse.open("wb") as file:
            file.truncate(10_000_000_000)
        show("predict, a sparse file of 10 GB", measured("predict", model, sparse), "bytes")


if __name__ == "__main__":
    main()
