from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from tests.program import run
from tests.recipes.test_checkpoint import WORDS
from tests.recipes.tuning_set import options, write_pictures

from headstart.errors import UsageError
from headstart.recipes.fit import fit
from headstart.recipes.processes import ALONE, Processes, asked_processes

TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
KILLED = (
    "import os, sys, time\n"
    "from pathlib import Path\n"
    "from headstart.cli.__main__ import start\n"
    "from headstart.recipes.batches import PictureBatches\n"
    "whole = PictureBatches.epoch\n"
    "def epoch(self, number):\n"
    "    if number == 3 and os.environ['RANK'] == '0':\n"
    "        Path('begun').touch()\n"  # and so has written the second epoch's state
    "    if number == 3 and os.environ['RANK'] == '1':\n"
    "        while not Path('begun').exists():\n"
    "            time.sleep(0.01)\n"
    "        os._exit(9)\n"
    "    return whole(self, number)\n"
    "PictureBatches.epoch = epoch\n"
    "sys.argv = ['headstart', *sys.argv[1:]]\n"
    "start()\n"
)


def losses(run_folder: Path) -> list[list[float]]:
    """Training and validation losses by epoch."""
    with (run_folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [[float(row["training_loss"]), float(row["validation_loss"])] for row in rows]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # 30 pictures: a last batch that does not divide evenly, and validation rows.
    return write_pictures(tmp_path_factory.mktemp("processes") / "set", 30)


def test_two_processes_have_the_losses_of_one(folder: Path, tmp_path: Path) -> None:
    words = ["fit", str(folder), *WORDS, "--augment", "strong", "--class-weight", "balanced"]
    assert run(*words, "--out", tmp_path / "one") == 0
    told = subprocess.run(
        [*TWO, "-m", "headstart", *words, "--out", str(tmp_path / "two")],
        capture_output=True, text=True, timeout=300, cwd=tmp_path,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("next:  headstart predict") == 1  # one process writes and tells
    for one, two in zip(losses(tmp_path / "one"), losses(tmp_path / "two"), strict=True):
        assert one == pytest.approx(two, abs=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "one", "two"]


def test_a_killed_process_ends_the_run_with_words_and_a_checkpoint(
    folder: Path, tmp_path: Path
) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    words = ["fit", str(folder), *WORDS, "--out", str(tmp_path / "run")]
    told = subprocess.run(
        [*TWO, str(script), *words], capture_output=True, text=True, timeout=300, cwd=tmp_path
    )
    assert told.returncode != 0
    assert (
        "run/checkpoint has the state after 2 epochs; go on with: headstart resume" in told.stderr
    )
    assert run("resume", tmp_path / "run") == 0
    assert len(losses(tmp_path / "run")) == 4


def test_other_recipes_run_in_one_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked_processes() == ALONE
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert asked_processes() == Processes(1, 2)
    for recipe in ("frozen", "auto"):
        with pytest.raises(UsageError, match=f"--recipe fine-tune, and here it is {recipe}"):
            fit(folder, options(recipe=recipe, epochs=None, batch_size=32))
