"""How much faster or slower one checkout is than another, in one paired run on this machine.

    python benchmarks/versions.py --old ../old/src --new src --pictures labels.csv --images images/

Both sides run by turns (old, new, new, old, ...), each command in a process of its own, from a copy
of the side's source and with its own cache folder: a first fit (nothing kept), a second fit (all
kept), a prediction of a picture that is kept and of one that was never seen, and a check (nothing
kept). Prints each side's median and spread (least to largest), and the median and spread of the
pairs' ratios, which tell more where a machine's speed drifts; once for the time that passes, and
once for the processors' time, which other programs on the machine disturb less.

The commands have only flags that every version knows; `--old-flags` and `--new-flags` add others.
Both copies are compiled, and warmed up by one command each, before anything is measured.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DONE, MUST_MEND = 0, 1  # a check leaves with 1 when it has found something grave


@dataclass(frozen=True)
class Side:
    """A copy of one checkout's source, with its flags and a folder for its cache and results."""

    name: str
    room: Path
    flags: tuple[str, ...]
    passed: dict[str, list[float]] = field(default_factory=dict)
    worked: dict[str, list[float]] = field(default_factory=dict)

    def prepare(self, source: Path) -> None:
        """Copy and compile the source, and run it once. Leaves when Python takes another one."""
        shutil.copytree(source, self.room / "src", ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run([sys.executable, "-m", "compileall", "-q", "src"], cwd=self.room, check=True)
        code = "import headstart; print(headstart.__file__)"
        found = self.start("-c", code).stdout.strip()
        if not Path(found).resolve().is_relative_to(self.room.resolve()):
            sys.exit(f"{self.name}: Python takes {found}, and not the source in {source}")
        self.run("warm-up", "--help")

    def start(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Python with this side's source and cache."""
        own = {"PYTHONPATH": self.room / "src", "HEADSTART_CACHE": self.room / "cache"}
        return subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, **{name: str(path) for name, path in own.items()}},
            cwd=self.room,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )

    def run(self, step: str, *arguments: object, allowed: Sequence[int] = (DONE,)) -> None:
        """Note how long one command takes, as `step`. Leaves when it fails."""
        command = ["-m", "headstart.cli", *map(str, arguments)]
        began, worked = time.perf_counter(), children_seconds()
        done = self.start(*command)
        passed, worked = time.perf_counter() - began, children_seconds() - worked
        if done.returncode not in allowed:
            said = done.stdout[-2000:]
            sys.exit(f"{self.name}: {shlex.join(command)}\nleft with {done.returncode}:\n{said}")
        self.passed.setdefault(step, []).append(passed)
        self.worked.setdefault(step, []).append(worked)

    def empty(self) -> None:
        """Nothing is kept any more."""
        shutil.rmtree(self.room / "cache", ignore_errors=True)


@dataclass(frozen=True)
class Task:
    """What both sides are given: a table and its pictures' folder, and two single pictures."""

    table: Path
    images: Path | None
    kept: Path
    unseen: Path

    def steps(self) -> Mapping[str, Callable[[str, Side], None]]:
        """What is measured, in an order in which each step finds what it needs."""
        return {
            "first fit, nothing kept": self.first_fit,
            "second fit, all kept": self.fit,
            "predict, picture kept": self.predict_kept,
            "predict, picture never seen": self.predict_unseen,
            "check, nothing kept": self.check,
        }

    def source(self) -> list[Path | str]:
        """The table with its flag."""
        images: list[Path | str] = ["--images", self.images] if self.images else []
        return [self.table, *images]

    def first_fit(self, step: str, side: Side) -> None:
        side.empty()
        self.fit(step, side)

    def fit(self, step: str, side: Side) -> None:
        side.run(step, "fit", *self.source(), *side.flags, "--out", side.room / "run")

    def predict_kept(self, step: str, side: Side) -> None:
        side.run(step, "predict", side.room / "run" / "model", self.kept)

    def predict_unseen(self, step: str, side: Side) -> None:
        side.run(step, "predict", side.room / "run" / "model", self.unseen)

    def check(self, step: str, side: Side) -> None:
        side.empty()
        out = ("--out", side.room / "check")
        side.run(step, "check", *self.source(), *side.flags, *out, allowed=(DONE, MUST_MEND))


def main() -> None:
    """Measure and print."""
    given = arguments()
    with tempfile.TemporaryDirectory() as scratch:
        old = Side("old", Path(scratch) / "old", tuple(shlex.split(given.old_flags)))
        new = Side("new", Path(scratch) / "new", tuple(shlex.split(given.new_flags)))
        old.prepare(given.old)
        new.prepare(given.new)
        kept = first_picture(given.pictures, given.images)
        task = Task(
            table=given.pictures.resolve(),
            images=given.images.resolve() if given.images else None,
            kept=kept,
            unseen=Path(scratch) / f"unseen{kept.suffix}",
        )
        for pair in range(given.repeat):
            measure(task, (old, new), pair)
            print(f"pair {pair + 1} of {given.repeat} done", file=sys.stderr, flush=True)
    print(f"pairs: {given.repeat}; each cell: median [least, largest]\n")
    show("seconds that pass", task, old.passed, new.passed)
    show("processor seconds", task, old.worked, new.worked)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--old", type=Path, required=True, help="folder that holds headstart/")
    parser.add_argument("--new", type=Path, default=Path("src"), help="the other one")
    parser.add_argument("--pictures", type=Path, required=True, help="table, or class folders")
    parser.add_argument("--images", type=Path, help="folder that the table's names are relative to")
    parser.add_argument("--repeat", type=int, default=5, help="pairs to run")
    for name in ("old", "new"):
        text = f"more flags of fit and check, such as --{name}-flags='--backbone resnet18'"
        parser.add_argument(f"--{name}-flags", default="", help=text)
    given = parser.parse_args()
    for name in ("old", "new"):
        if not (getattr(given, name) / "headstart" / "__init__.py").is_file():
            parser.error(f"--{name} {getattr(given, name)}: there is no headstart/ in it")
    if given.repeat < 1:
        parser.error(f"--repeat is {given.repeat}; it must be 1 or more")
    return given


def first_picture(table: Path, images: Path | None) -> Path:
    """A picture that the fit reads. Leaves when the table's first row names none."""
    if table.is_dir():
        found = sorted(path for path in table.rglob("*.*") if path.is_file())
    else:
        row = table.read_text(encoding="utf-8-sig").splitlines()[1]
        cells = [cell.strip(' "') for cell in row.replace(";", ",").replace("\t", ",").split(",")]
        paths = [(images or table.parent) / cell for cell in cells]
        found = [path for path in paths if path.is_file()]
    if not found:
        sys.exit(f"{table}: its first row names no picture in {images or table.parent}")
    return found[0].resolve()


def measure(task: Task, sides: Sequence[Side], pair: int) -> None:
    """Every step once on each side, by turns."""
    # Bytes behind a picture's end change nothing in it, and no cache has seen this content.
    task.unseen.write_bytes(task.kept.read_bytes() + pair.to_bytes(4, "big"))
    for place, (step, run) in enumerate(task.steps().items()):
        for side in sides if (pair + place) % 2 == 0 else reversed(sides):
            run(step, side)


def children_seconds() -> float:
    """Processor time of all processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def show(
    title: str, task: Task, old: Mapping[str, list[float]], new: Mapping[str, list[float]]
) -> None:
    """A line for each step."""
    print(f"{title:30}{'old':>24}{'new':>24}{'new / old':>26}")
    for step in task.steps():
        ratios = [b / a for a, b in zip(old[step], new[step], strict=True)]
        print(f"{step:30}{spread(old[step]):>24}{spread(new[step]):>24}{spread(ratios, 3):>26}")
    print()


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median with the least and the largest value."""
    shown = (statistics.median(values), min(values), max(values))
    median, least, largest = (f"{value:.{digits}f}" for value in shown)
    return f"{median} [{least}, {largest}]"


if __name__ == "__main__":
    main()
