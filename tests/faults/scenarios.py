"""What is tried: each verb over its own earlier results, with files of the user beside them.

What a verb computes is computed once and kept; a trial writes it again. So a trial takes some
hundredths of a second and does all that the real command does with files.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.faults.fault_layer import Killed

from headstart.cli.main import main
from headstart.cli.stopping import exit_code
from headstart.errors import UsageError
from headstart.model_dir import save_model
from headstart.options import BackboneOptions, FitOptions
from headstart.outputs import disk
from headstart.outputs.permission import replacing
from headstart.samples import drawn_set

BACKBONE = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32", "--device=cpu")
COMPARE = ("--image-size", "32", "--device=cpu", "--folds", "0", "--epochs", "1")
FIT_A = (*BACKBONE, "--folds", "0", "--epochs", "2")  # with a history, which B has not
FIT_B = (*BACKBONE, "--folds", "2", "--seed", "5")
SCRATCH = ("--recipe", "scratch", "--image-size", "32", "--device=cpu", "--folds", "0")
DRAWN = 12  # pictures of the demo
OLD, NEW = "old", "new"

Version = str  # OLD or NEW: two results that differ
Call = Callable[[Path, Version], None]


@dataclass(frozen=True)
class Scenario:
    """One command in one situation.

    Attributes:
        name: how the tests and the table call it.
        verb: the command.
        call: run it in a folder, for its first or its second result.
        results: folder or files of the results, relative to that folder.
        as_one: True when all results are replaced in one step.
        beside: files of the user, made before the first run.
        later: files of the user, put beside the results after it.
        is_first: True when there are no earlier results.
    """

    name: str
    verb: str
    call: Call
    results: tuple[str, ...]
    as_one: bool = True
    beside: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    is_first: bool = False


@dataclass(frozen=True)
class Ended:
    """How a call ended: exit code, and what it said of it."""

    code: int
    words: str = ""


def ended(call: Call, root: Path, version: Version) -> Ended:
    """Run a call to its end. What was killed has no exit code, -1."""
    shown = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(shown):
        try:
            call(root, version)
        except SystemExit as stop:
            return Ended(int(stop.code or 0), shown.getvalue())
        except KeyboardInterrupt as stop:  # of a call from Python
            return Ended(exit_code(stop), "stopped")
        except OSError as error:
            return Ended(1, f"error: {error.filename}: cannot be read or written: {error}")
        except UsageError as error:
            return Ended(2, f"error: {error}")
        except Killed:
            return Ended(-1)
    return Ended(0, shown.getvalue())


def command(
    *arguments: str, at: str = "", old: tuple[str, ...] = (), new: tuple[str, ...] = ()
) -> Call:
    """A call of the program in a folder; `{set}` is the folder of pictures, `{model}` a model."""

    def call(root: Path, version: Version) -> None:
        places = {"set": str(root.parent / "set"), "model": str(root.parent / "model")}
        asked = [text.format(**places) for text in (*arguments, *(old if version == OLD else new))]
        with chdir(root / at):
            main(asked)

    return call


def _demo(root: Path, version: Version) -> None:
    """The demo with a tiny network."""
    demo = found("headstart.cli.demo")
    tiny = BackboneOptions(backbone="test_resnet", random_weights=True, image_size=32)
    fit = demo.fit

    def fit_tiny(table: Path, *, out: Path, options: FitOptions) -> int:
        return int(fit(table, out=out, options=replace(options, backbone=tiny)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "fit", fit_tiny)
        command("demo", "demo")(root, version)


def _save(root: Path, version: Version) -> None:
    load_model = found("headstart.model_dir").load_model  # as it is now: remembered
    model = load_model(root.parent / ("model" if version == NEW else "other"), device="cpu")
    save_model(model, root / "model")


def _keep(root: Path, version: Version) -> None:
    """What the cache keeps of a backbone is written by the same step."""
    with replacing(root / "kept.json") as new, disk.create(new) as file:
        file.write(version.encode())


def _checkpoint(root: Path, version: Version) -> None:
    """Where a training stands after its first epoch, and after its second."""
    import torch

    from headstart.recipes.checkpoint import Checkpoints, Identity, Request
    from headstart.recipes.training_history import EpochRecord
    from headstart.recipes.training_state import TrainingState

    module = torch.nn.Linear(3, 2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(0.5)
    state = TrainingState(module, torch.optim.AdamW(module.parameters(), lr=0.1), 0.9)
    for epoch in range(1, 2 if version == OLD else 3):
        for parameter in module.parameters():  # of the sum for an input of ones
            parameter.grad = torch.ones_like(parameter)  # torch computes none in a forked process
        state.optimizer.step()
        state.after_step()
        state.take(EpochRecord(epoch, 1.0, 0.5, None, None, 1.0), by_loss=False)
    request = Request(Path("labels.csv"), FitOptions())
    Checkpoints(root / "run", request).save(state, Identity({"class list": ["a", "b"]}))


def _clear(root: Path, version: Version) -> None:
    """The cache with foreign files in it: filled at first, then cleared."""
    if version == OLD:
        shutil.copytree(root.parent / "cache", root / "cache", dirs_exist_ok=True)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        main(["cache", "--clear"])


IMAGES = ("{set}/labels.csv", "--images", "{set}/images")
FIT = ("fit", *IMAGES)
RUN = command(*FIT, "--out", "run", old=FIT_A, new=FIT_B)
EPOCHS = (("--epochs", "1"), ("--epochs", "2"))
MODELS = (("--models", "small_cnn"), ("--models", "small_cnn:once,small_cnn"))
COMPARISON = command(
    "compare", *IMAGES, *COMPARE, "--out", "comparison", old=MODELS[0], new=MODELS[1]
)
RANK = command(
    "rank", *IMAGES, "--backbones", "test_resnet@32", "--folds", "2",
    "--weights", "test_resnet={model}/model.safetensors",
    "--device=cpu", "--out", "rank", old=("--sample", "8"), new=("--sample", "12"),
)  # fmt: skip
PREDICT = ("predict", "{model}", "--device=cpu", "--out", "answers.csv", "--show", "sheet.png")
EVALUATE = ("evaluate", "{model}", "--device=cpu", "--images", "{set}/images", "--out", "figures")
CHECK = ("check", *IMAGES, *BACKBONE, "--write-fixes", "fixes.csv")
EMBED = ("embed", *IMAGES, *BACKBONE, "--out", "features.npz")
EXPORT = ("export", "{model}", "--out", "model.onnx")
EXPLAIN = ("explain", "{model}", "--device=cpu")
SCENARIOS = (
    Scenario("fit, the first one", "fit", RUN, ("run",), is_first=True),
    Scenario("fit", "fit", RUN, ("run",)),
    Scenario(
        "fit, notes of the user in the run", "fit", RUN, ("run",), later=("run/a.txt", "run/m.csv")
    ),
    Scenario(
        "fit into the current folder",
        "fit",
        command(*FIT, "--out", ".", at="work", old=FIT_A, new=FIT_B),
        ("work",),
        as_one=False,
        beside=("work/table.csv", "work/pictures/1.jpg"),
    ),
    Scenario(
        "fit from scratch",
        "fit --recipe scratch",
        command(*FIT, *SCRATCH, "--out", "run", old=EPOCHS[0], new=EPOCHS[1]),
        ("run",),
    ),
    Scenario("compare", "compare", COMPARISON, ("comparison",)),
    Scenario(
        "compare, another model of the user among the models",
        "compare",
        COMPARISON,
        ("comparison",),
        as_one=False,
        later=("comparison/models/mine/model/headstart.json", "comparison/models/notes.txt"),
    ),
    Scenario("rank", "rank", RANK, ("rank",)),
    Scenario(
        "predict",
        "predict --out --show",
        command(*PREDICT, old=("{set}/images",), new=("{set}/images/1.jpg",)),
        ("answers.csv", "sheet.png"),
        as_one=False,
    ),
    Scenario(
        "evaluate",
        "evaluate --out",
        command(*EVALUATE, old=("{set}/labels.csv",), new=("{set}/few.csv",)),
        ("figures",),
    ),
    Scenario(
        "check",
        "check --write-fixes",
        command(*CHECK, old=("--seed", "1"), new=("--seed", "2")),
        ("check", "fixes.csv"),
        as_one=False,
    ),
    Scenario("export", "export", command(*EXPORT, new=("--opset", "20")), ("model.onnx",)),
    Scenario(
        "explain, one picture",
        "explain",
        command(*EXPLAIN, old=("{set}/images/2.jpg",), new=("{set}/images/1.jpg",)),
        ("why.png",),
    ),
    Scenario(
        "explain, a folder",
        "explain",
        command(*EXPLAIN, "--out=why", old=("{set}/images/2.jpg",), new=("{set}/images/1.jpg",)),
        ("why",),
        later=("why/notes.txt",),
    ),
    Scenario("embed", "embed", command(*EMBED, new=("--views", "1")), ("features.npz",)),
    Scenario("demo, the first one", "demo", _demo, ("demo",), as_one=False, is_first=True),
    Scenario("demo", "demo", _demo, ("demo",), as_one=False),
    Scenario("save", "ImageClassifier.save", _save, ("model",), later=("model/notes.txt",)),
    Scenario(
        "checkpoint",
        "fit --recipe fine-tune",
        _checkpoint,
        ("run/checkpoint",),
        later=("run/notes.txt", "run/checkpoint/mine.txt"),
    ),
    Scenario("a kept file", "every verb's cache", _keep, ("kept.json",)),
    Scenario(
        "clear",
        "cache --clear",
        _clear,
        ("cache",),
        as_one=False,
        beside=("cache/downloads/thesis.pdf", "cache/features/mine.sqlite"),
        later=("cache/backbones/mine.json",),
    ),
)


def found(place: str) -> Any:
    """A module, or a class in one. The verbs' modules are hidden by the verbs themselves."""
    with suppress(ImportError):
        return import_module(place)
    module, _, name = place.rpartition(".")
    return getattr(import_module(module), name)


def prepare_shared(folder: Path) -> None:
    """Pictures, models and a filled cache that the scenarios read."""
    table = drawn_set.write_drawn(folder / "set", count=24)
    few = table.read_text().splitlines(keepends=True)[:13]
    (folder / "set" / "few.csv").write_text("".join(few))
    (folder / "runs").mkdir()
    for name, call in (("model", FIT_B), ("other", (*FIT_B[:-1], "7"))):
        fit = command(*FIT, *call, "--out", name)
        assert ended(fit, folder / "runs", NEW).code == 0
        shutil.copytree(folder / "runs" / name / "model", folder / name)


def write_users_file(path: Path) -> None:
    """A file that must never change."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jpg":
        Image.fromarray(np.full((8, 8, 3), 90, dtype=np.uint8)).save(path)
    else:
        path.write_text(f"{path.name} of the user\n" * 20)
