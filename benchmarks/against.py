"""headstart beside other ways to train a classifier on a frozen network, each in a process.

    python -m benchmarks.against --table LABELS.csv --images DIR [--ways loop,headstart,...]
        [--python fastai=ENV/bin/python] [--epochs 5] [--measured 3] [--accuracy 0.9] [--json FILE]

All get the same pictures, the same split (30% for the test, classes in proportion, by the seed),
the same weights of EfficientNet-Lite0 and the same machine. The ways are the programs of
`benchmarks/rivals/`: a loop in plain torch, fastai, Hugging Face's Trainer, scikit-learn, AutoGluon
and headstart. A way whose packages are in another environment is run by the Python that `--python`
names; without its packages it is left out, and that is said.

Prints a table in Markdown: lines that the user writes (those between "What a user writes" and
"End", without blank ones and comments); the test's accuracy at the end; seconds from the start of
the process to the end, and to the first accuracy of `--accuracy` or more, each also in seconds of
the processors, which others on the machine disturb less; the most memory of its processes together
(what they share counted once). Of the loop a few epochs are measured and 50 told: see its file.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from benchmarks.rivals.clock import BEGAN, NAME
from sklearn.model_selection import train_test_split

from headstart.backbones.weights import wheel
from headstart.data.inputs import read_images
from headstart.options import ReadOptions

HERE = Path(__file__).parent
WAYS = {
    "loop": "loop in plain torch, 50 epochs",
    "fastai_learner": "fastai, vision_learner frozen",
    "trainer": "Hugging Face, Trainer",
    "scikit": "scikit-learn, a picture at a time",
    "autogluon_predictor": "AutoGluon",
    "headstart_fit": "headstart fit",
}
TEST, SEED = 0.3, 0
LOOK = 0.25  # seconds between two looks at memory


@dataclass
class Ran:
    """What a way gave.

    Attributes:
        told: accuracies with their epoch and seconds, in the order in which they came.
        memory: bytes.
        problem: why there is nothing; "" for none.
    """

    way: str
    lines: int
    versions: dict[str, str] = field(default_factory=dict)
    told: list[dict[str, float]] = field(default_factory=list)
    memory: int = 0
    problem: str = ""

    def reached(self, accuracy: float) -> dict[str, float] | None:
        """The first that is as accurate; None for never."""
        return next((one for one in self.told if one["accuracy"] >= accuracy), None)


def main() -> None:
    """Run the ways and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--python", action="append", default=[], help="WAY=PYTHON")
    parser.add_argument("--epochs", type=int, default=5, help="of fastai, Trainer and AutoGluon")
    parser.add_argument("--measured", type=int, default=3, help="of the loop's epochs")
    parser.add_argument("--accuracy", type=float, default=0.9)
    parser.add_argument("--json", type=Path, help="keep what was told in this file")
    given = parser.parse_args()
    pythons = dict(text.split("=", 1) for text in given.python)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        weights = write_inputs(folder, given.table, given.images)
        ran = []
        for way in given.ways.split(","):
            epochs = given.measured if way == "loop" else given.epochs
            words = [str(folder), str(weights), str(epochs)]
            ran.append(run_way(way, pythons.get(way, sys.executable), words))
            print(f"{way}: {ran[-1].problem or 'done'}", file=sys.stderr)
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in ran], indent=1) + "\n")
    print("\n".join(table(ran, given.accuracy)))


def write_inputs(folder: Path, source: Path, images: Path) -> Path:
    """The table with its split, copies of its pictures, and the weights under timm's names."""
    found = read_images(source, ReadOptions(images=images))
    found.raise_if_bad()
    labels = found.labels or ()
    (folder / "images").mkdir()
    paths = [folder / "images" / f"{row}{Path(name).suffix}" for row, name in enumerate(found.ids)]
    for path, image in zip(paths, found.images, strict=True):
        shutil.copyfile(image.name, path)
    _, test = train_test_split(
        range(len(paths)), test_size=TEST, stratify=labels, random_state=SEED
    )
    held = set(test)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "split"))
        for row, (path, label) in enumerate(zip(paths, labels, strict=True)):
            writer.writerow((path, label, "test" if row in held else "train"))
    return write_weights(folder / "weights.pth")


def write_weights(path: Path) -> Path:
    """The embedded weights, as `timm.create_model` reads a file."""
    import timm

    entry = wheel.find_package(NAME)
    place = wheel.locate(entry) if entry else None
    if place is None:
        raise SystemExit("the package with the weights is not installed")
    state = torch.load(place, map_location="cpu", weights_only=True)
    torch.save(wheel.rename(state, timm.create_model(NAME).state_dict()), path)
    return path


def run_way(way: str, python: str, words: Sequence[str]) -> Ran:
    """Run a way in a process of its own and look at its memory meanwhile."""
    ran = Ran(way, lines_of(HERE / "rivals" / f"{way}.py"))
    environment = {
        **os.environ,
        "PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE.parent / 'src'}",
        "HEADSTART_CACHE": f"{words[0]}/cache",
        BEGAN: str(time.time()),
    }
    command = [python, "-m", f"benchmarks.rivals.{way}", *words]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=said, text=True, cwd=words[0]
        )
        watcher = threading.Thread(target=watch, args=(process, ran))
        watcher.start()
        output, _ = process.communicate()
        watcher.join()
        said.seek(0)
        last = (said.read().strip().splitlines() or [""])[-1]
    for line in output.splitlines():
        if line.startswith('{"'):
            take(json.loads(line), ran)
    if process.returncode:
        ran.problem = last
    return ran


def take(values: Mapping[str, object], ran: Ran) -> None:
    """Keep a line that a way told."""
    if "versions" in values:
        ran.versions = dict(values["versions"])  # type: ignore[call-overload]
    else:
        ran.told.append(dict(values))  # type: ignore[arg-type]


def watch(process: subprocess.Popen[str], ran: Ran) -> None:
    """Keep the most memory of a process and its descendants."""
    while process.poll() is None:
        ran.memory = max(ran.memory, sum(map(memory_of, family(process.pid))))
        time.sleep(LOOK)


def family(parent: int) -> list[int]:
    """A process and its descendants, as far as Linux tells."""
    try:
        text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except OSError:
        return [parent]
    return [parent, *(one for child in text.split() for one in family(int(child)))]


def memory_of(process: int) -> int:
    """Bytes of a process; of what several share, its part."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def lines_of(path: Path) -> int:
    """Lines of a program that a user would write."""
    count, is_theirs = 0, False
    for line in map(str.strip, path.read_text(encoding="utf-8").splitlines()):
        if line.startswith("# "):
            is_theirs = line == "# What a user writes" or (is_theirs and "End" not in line)
        elif is_theirs and line:
            count += 1
    return count


def table(ran: Sequence[Ran], accuracy: float) -> list[str]:
    """The results in Markdown."""
    rows = [
        f"| way | lines | accuracy | seconds | processors' | to {accuracy:g} | processors' | MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in ran:
        versions = ", ".join(f"{name} {number}" for name, number in one.versions.items())
        name = f"{WAYS[one.way]} ({versions})" if versions else WAYS[one.way]
        if one.problem or not one.told:
            rows.append(f"| {name} | {one.lines} | " + "- | " * 5 + "- |")
            continue
        end, reached = one.told[-1], one.reached(accuracy)
        times = [end["seconds"], end["processors"]]
        times += [reached["seconds"], reached["processors"]] if reached else []
        shown = [f"{seconds:.0f}" for seconds in times] + ["never"] * (4 - len(times))
        cells = [name, f"{one.lines}", f"{end['accuracy']:.3f}", *shown, f"{one.memory / 1e6:.0f}"]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


if __name__ == "__main__":
    main()
