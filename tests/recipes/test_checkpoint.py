from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.program import run
from tests.recipes.tuning_set import options, write_pictures
from tests.warm_program import WarmProgram

from headstart.errors import DataError, UsageError
from headstart.model_dir import load_model
from headstart.options import FitOptions
from headstart.recipes.checkpoint import Checkpoints, Request, read_checkpoint
from headstart.recipes.fit import fit
from headstart.recipes.training_state import TrainingState

WORDS = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32", "--device", "cpu",
         "--precision", "fp32", "--recipe", "fine-tune", "--epochs", "4", "--batch-size", "8",
         "--views", "1")  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "set")


def kept(folder: Path, run: Path, **changes: Any) -> Checkpoints:
    return Checkpoints(run, Request(folder, options(**changes)))


def stopped_in_the_third(folder: Path, run: Path, **changes: Any) -> None:
    """A run that is stopped by a key in the middle of its third epoch."""
    checkpoints = kept(folder, run, **changes)
    epochs: list[int] = []
    whole = checkpoints.save

    def save(state: TrainingState, identity: Any) -> None:
        whole(state, identity)
        epochs.append(len(state.records))

    class Stopping:
        def start(self, label: str, total: int) -> None: ...
        def stop(self) -> None: ...
        def note(self, line: str) -> None: ...

        def advance(self, steps: int = 1) -> None:
            if len(epochs) == 2:
                raise KeyboardInterrupt

    checkpoints.save = save  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        fit(folder, options(**changes), Stopping(), checkpoints=checkpoints)
    assert epochs == [1, 2]


@pytest.mark.parametrize("augment", ["light", "strong"])
def test_a_stopped_run_goes_on_to_the_same_bits(augment: str, folder: Path, tmp_path: Path) -> None:
    straight = fit(folder, options(augment=augment, unfreeze="all", workers=1))
    stopped_in_the_third(folder, tmp_path / "run", augment=augment, unfreeze="all")
    checkpoints = read_checkpoint(tmp_path / "run")
    assert checkpoints.epochs() == 2
    request = checkpoints.request
    assert request.options == options(augment=augment, unfreeze="all")
    again = replace(request.options, embed=replace(request.options.embed, workers=2))
    resumed = fit(request.source, again, checkpoints=checkpoints)
    first, second = straight.model.backbone.tensors(), resumed.model.backbone.tensors()
    for name, value in first.items():
        assert np.array_equal(value, second[name]), name
    one, other = straight.model.head.to_arrays(), resumed.model.head.to_arrays()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert straight.model.temperature == resumed.model.temperature
    assert straight.history is not None
    assert resumed.history is not None
    losses = [[r.training_loss for r in h.records] for h in (straight.history, resumed.history)]
    assert losses[0] == losses[1]


def _another_class(folder: Path) -> None:
    shutil.move(folder / "a", folder / "c")


def _another_picture(folder: Path) -> None:
    shutil.copy(folder / "b" / "01.png", folder / "b" / "77.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_another_class, "the class list was a, b and is b, c"),
        (_another_picture, "the data digest was"),
    ],
)
def test_other_data_are_refused_with_the_difference(
    change: Callable[[Path], None], message: str, folder: Path, tmp_path: Path
) -> None:
    stopped_in_the_third(folder, tmp_path / "run")
    change(folder)
    found = read_checkpoint(tmp_path / "run")
    with pytest.raises(DataError, match="is of another training and cannot be resumed") as caught:
        fit(found.request.source, found.request.options, checkpoints=found)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone": "test_efficientnet"}, "the backbone was test_resnet and is test_efficient"),
        ({"image_size": 48}, "the picture size was 32 and is 48"),
    ],
)
def test_another_backbone_or_size_is_refused(
    change: dict[str, Any], message: str, folder: Path, tmp_path: Path
) -> None:
    stopped_in_the_third(folder, tmp_path / "run")
    found = read_checkpoint(tmp_path / "run")
    with pytest.raises(DataError) as caught:
        fit(folder, options(**change), checkpoints=found)
    assert message in str(caught.value)


def test_a_finished_run_and_a_folder_without_one_are_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="has no checkpoint; name the --out folder of a fit"):
        read_checkpoint(tmp_path / "none")
    assert run("fit", folder, *WORDS, "--out", tmp_path / "run") == 0
    assert not (tmp_path / "run" / "checkpoint").exists()
    assert run("resume", tmp_path / "run") == 2
    assert f"{tmp_path / 'run'} is finished" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["cut", "format", "tensors"])
def test_a_damaged_checkpoint_is_told(damage: str, folder: Path, tmp_path: Path) -> None:
    stopped_in_the_third(folder, tmp_path / "run")
    home = tmp_path / "run" / "checkpoint"
    facts = home / "state.json"
    if damage == "cut":
        facts.write_text(facts.read_text()[:-40])
    elif damage == "format":
        facts.write_text(json.dumps({**json.loads(facts.read_text()), "format": 9}))
    else:
        (home / "state.safetensors").write_bytes(b"none")
    with pytest.raises(DataError, match="damaged"):
        found = read_checkpoint(tmp_path / "run")
        fit(found.request.source, found.request.options, checkpoints=found)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_a_way_to_go_on(
    number: signal.Signals, folder: Path, tmp_path: Path, warm_program: WarmProgram
) -> None:
    code = (
        "import os\n"
        "from headstart.cli.__main__ import start\n"
        "from headstart.recipes.checkpoint import Checkpoints\n"
        "whole, times = Checkpoints.save, []\n"
        "def save(self, *parts):\n"
        "    whole(self, *parts)\n"
        "    times.append(1)\n"
        f"    len(times) < 2 or os.kill(os.getpid(), {int(number)})\n"
        "Checkpoints.save = save\n"
        "start()\n"
    )
    words = ("fit", str(folder), *WORDS, "--out", "run")
    ended = warm_program.run(*words, folder=tmp_path, code=code)
    assert ended.returncode == 128 + number, ended.stderr
    last = ended.stderr.decode().splitlines()[-2:]
    assert last == [
        "run/checkpoint has the state after 2 epochs; go on with: headstart resume run", "stopped",
    ]  # fmt: skip
    names = {path.name for path in (tmp_path / "run").rglob("*")}
    assert names == {"checkpoint", "state.json", "state.safetensors", ".headstart.json"}
    assert run("resume", tmp_path / "run") == 0  # from another folder
    assert load_model(tmp_path / "run" / "model").classes == ("a", "b")
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_a_request_means_the_same_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headstart.options.every_option import in_rooms

    given: FitOptions = in_rooms(
        {"images": Path("pictures"), "weights": Path("/w.pth"), "exclude": ("a", "b"), "seed": 3}
    )
    monkeypatch.chdir(tmp_path)
    values = json.loads(json.dumps(Request(Path("t.csv"), given, ("why",)).to_json()))
    monkeypatch.chdir("/")
    again = Request.from_json(values)
    assert again.source == tmp_path / "t.csv"
    assert again.options.read.images == str(tmp_path / "pictures")
    assert again.options.backbone.weights == Path("/w.pth")
    assert again.options.read.exclude == ("a", "b")
    assert again.options.split == given.split
    assert again.notes == ("why",)
