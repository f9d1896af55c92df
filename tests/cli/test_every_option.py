"""Each option of each verb does something: another value gives other results, or is refused.

The table below has for each option two ways to give it. A flag that the table does not know, or
whose two ways end the same, fails. What a run records of its options does not count.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from matplotlib.figure import Figure
from tests.program import run
from tests.small_set import write_small_set

from headstart.backbones.backbone import Backbone
from headstart.cli.main import VERBS, app
from headstart.errors import DataError

Flags = Mapping[str, str | tuple[str, ...] | None]  # None for a switch
LEAVE_OUT = "leave out"
NO_FLAGS: Flags = MappingProxyType({})


class Change(NamedTuple):
    """Two ways to give an option, beside the flags of its verb; "leave out" takes one of these.

    `look` says where they must differ: in the "results" (exit code, figures, answers, which files
    there are), in what "passes" through the backbone at once and by how many threads, in the
    "cache", in the "notes", or in the headings of the "page".
    """

    second: Flags
    first: Flags = NO_FLAGS
    both: Flags = NO_FLAGS
    source: str = "labels.csv"
    look: str = "results"


BACKBONE: Flags = {
    "--backbone": "test_resnet",
    "--random-weights": None,
    "--image-size": "32",
    "--device": "cpu",
}
IMAGES: Flags = {"--images": "images"}
EXACT: Flags = {"--folds": "0"}
STEPS: Flags = {"--epochs": "3", "--folds": "0"}
USUAL: dict[str, Flags] = {
    "fit": {**IMAGES, **BACKBONE, **EXACT},
    "check": {**IMAGES, **BACKBONE},
    "embed": {**IMAGES, **BACKBONE},
    "compare": {
        **IMAGES,
        **EXACT,
        "--image-size": "32",
        "--device": "cpu",
        "--models": "test_resnet",
        "--weights": "test_resnet=a.safetensors",
    },
    "rank": {
        **IMAGES,
        "--backbones": "test_resnet@32",
        "--weights": "test_resnet=a.safetensors",
        "--folds": "2",
        "--device": "cpu",
    },
    "evaluate": {**IMAGES, "--device": "cpu", "--out": "out"},
    "predict": {**IMAGES, "--device": "cpu", "--out": "out.csv"},
}
SCRATCH: dict[str, Flags] = {
    "fit": {
        "--recipe": "scratch",
        "--backbone": LEAVE_OUT,
        "--random-weights": LEAVE_OUT,
        "--epochs": "2",
    },
    "compare": {"--models": "small_cnn", "--weights": LEAVE_OUT, "--epochs": "2"},
}
TUNED: dict[str, Flags] = {
    "fit": {"--recipe": "fine-tune", "--epochs": "1", "--folds": LEAVE_OUT},
    "compare": {"--models": "test_resnet:fine-tune", "--epochs": "1", "--folds": LEAVE_OUT},
}


def steps(flag: str, value: str) -> dict[Any, Change]:
    """An option of the epoch loop: fit tries it on a head, compare on the small CNN."""
    return {
        ("fit", flag): Change({flag: value}, both={"--epochs": "3"}),
        ("compare", flag): Change({flag: value}, both=SCRATCH["compare"]),
    }


def small_cnn(flag: str, value: str, look: str = "results") -> dict[Any, Change]:
    """An option of the small CNN."""
    change = Change({flag: value}, look=look)
    return {(verb, flag): change._replace(both=SCRATCH[verb]) for verb in SCRATCH}


def tuned(flag: str, value: str) -> dict[Any, Change]:
    """An option of fine-tuning."""
    return {(verb, flag): Change({flag: value}, both=TUNED[verb]) for verb in TUNED}


CHANGES: dict[Any, Change] = {
    "--images": Change({"--images": "others"}),
    "--image-column": Change({"--image-column": "second"}),
    "--label-column": Change({"--label-column": "other"}),
    "--split-column": Change({"--split-column": "part"}),
    "--group-column": Change({"--group-column": "patient"}),
    "--group-pattern": Change({"--group-pattern": "p[0-9]"}),
    "--class-level": Change({"--class-level": "2"}, source="sites", both={"--images": LEAVE_OUT}),
    "--separator": Change({"--separator": ";"}),
    "--encoding": Change({"--encoding": "latin-1"}, source="latin.csv"),
    "--exclude": Change({"--exclude": "green"}),
    "--rename": Change({"--rename": "red=crimson"}),
    "--rename-table": Change({"--rename-table": "renames.csv"}),
    "--safe-csv": Change({"--safe-csv": None}, both={"--out": "out.csv"}),
    "--skip-bad": Change({"--skip-bad": None}, source="gap.csv"),
    "--allow-outside": Change({"--allow-outside": None}, source="outside.csv"),
    "--max-pixels": Change({"--max-pixels": "100"}),
    "--memory-limit": Change({"--memory-limit": "5000"}),
    "--fixes": Change({"--fixes": "fixes.csv"}),
    "--backbone": Change({"--backbone": "test_vit"}, {"--backbone": "test_resnet"}),
    "--weights": Change(
        {"--weights": "b.safetensors"},
        {"--weights": "a.safetensors"},
        both={"--random-weights": LEAVE_OUT},
    ),
    ("compare", "--weights"): Change(
        {"--weights": "test_resnet=b.safetensors"}, {"--weights": "test_resnet=a.safetensors"}
    ),
    ("rank", "--weights"): Change(
        {"--weights": "test_resnet=b.safetensors"}, {"--weights": "test_resnet=a.safetensors"}
    ),
    "--backbones": Change({"--backbones": "test_resnet@48"}),
    "--sample": Change({"--sample": "20"}),
    "--layer": Change({"--layer": "fc6"}),
    "--image-size": Change({"--image-size": "48"}, {"--image-size": "32"}),
    "--precision": Change({"--precision": "bf16"}, {"--precision": "fp32"}),
    "--mirror": Change({"--mirror": None}),
    "--random-weights": Change(
        {"--random-weights": None},
        {"--random-weights": LEAVE_OUT},
        both={"--backbone": "tf_efficientnet_lite0"},
    ),
    "--device": Change({"--device": "cuda:99"}, {"--device": "cpu"}, both={"--no-cache": None}),
    "--workers": Change(
        {"--workers": "1"}, {"--workers": "3"}, both={"--no-cache": None}, look="passes"
    ),
    "--embed-batch": Change({"--embed-batch": "2"}, both={"--no-cache": None}, look="passes"),
    "--cache": Change({"--no-cache": None}, look="cache"),
    "--views": Change({"--views": "1"}),
    "--test-fraction": Change({"--test-fraction": "0.4"}),
    "--seed": Change({"--seed": "7"}),
    ("embed", "--seed"): Change({"--seed": "7"}, both={"--views": "1"}),
    "--near-duplicates": Change({"--no-near-duplicates": None}),
    "--folds": Change({"--folds": "3"}, {"--folds": LEAVE_OUT}),
    "--head": Change({"--head": "svm"}),
    "--C": Change({"--C": "0.001"}),
    "--class-weight": Change({"--class-weight": "balanced"}),
    "--recipe": Change(
        {"--recipe": "scratch"}, both={"--backbone": LEAVE_OUT, "--random-weights": LEAVE_OUT}
    ),
    **steps("--epochs", "1"),
    **steps("--learning-rate", "0.3"),
    **steps("--batch-size", "5"),
    **steps("--optimizer", "sgd"),
    **steps("--weight-decay", "0.5"),
    **steps("--label-smoothing", "0.5"),
    # The learning rates are too large, so that the last epoch is not the best.
    ("fit", "--keep"): Change({"--keep": "last"}, both={"--epochs": "3", "--learning-rate": "3"}),
    ("compare", "--keep"): Change(
        {"--keep": "last"}, both={**SCRATCH["compare"], "--learning-rate": "0.03"}
    ),
    **small_cnn("--augment", "once"),
    **tuned("--unfreeze", "norm"),
    **tuned("--layer-decay", "0.01"),
    **tuned("--batch-norm", "train"),
    "--minutes": Change(
        {"--minutes": "0.001"}, both={"--recipe": "auto", "--epochs": "1"}, look="notes"
    ),
    "--out": Change({"--out": "elsewhere"}, {"--out": LEAVE_OUT}),
    "--curve": Change({"--curve": None}, look="page"),
    "--write-fixes": Change({"--write-fixes": "doubts.csv"}),
    "--select": Change({"--select": "HS101"}),
    "--ignore": Change({"--ignore": "duplicate"}),
    "--fail-on": Change({"--fail-on": "warning"}),
    "--models": Change({"--models": "test_resnet+knn"}, {"--models": "test_resnet"}),
    "--skip-missing": Change(
        {"--skip-missing": None},
        both={
            "--models": "test_resnet,test_vit",
            "--weights": ("test_resnet=a.safetensors", "test_vit=absent.safetensors"),
        },
    ),
    "--show": Change({"--show": "sheet.png"}),
}


def flags_of(verb: str) -> list[str]:
    """The first name of each flag, as the help text has it."""
    arguments = app[verb].assemble_argument_collection(default_parameter=app.default_parameter)
    names = [argument.name for argument in arguments if argument.name.startswith("--")]
    return [name for name in names if name not in ("--help", "--version")]


PAIRS = [(verb.__name__, flag) for verb in VERBS for flag in flags_of(verb.__name__)]
WORK = [pair for pair in PAIRS if pair[0] in USUAL]


def test_the_table_knows_every_flag_of_every_verb() -> None:
    unknown = [pair for pair in WORK if pair not in CHANGES and pair[1] not in CHANGES]
    assert not unknown
    flags = {flag for _, flag in WORK}
    stale = [key for key in CHANGES if key not in WORK and key not in flags]
    assert not stale
    rest = {verb.__name__ for verb in VERBS} - set(USUAL)
    elsewhere = [("cache", "--clear"), ("cache", "--limit")]  # with the tests of the cache
    assert [pair for pair in PAIRS if pair[0] in rest] == elsewhere


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables, two folders of pictures, weights and a model."""
    root = tmp_path_factory.mktemp("place")
    write_small_set(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root.parent / "cache"))
        patch.chdir(root)
        words = words_of({**USUAL["fit"], "--out": "made"})
        assert run("fit", "labels.csv", *words) == 0
    (root / "made" / "model").rename(root / "model")
    shutil.rmtree(root / "made")
    return root


def words_of(flags: Flags) -> list[str]:
    """Flags as words; those to leave out are left out."""
    words = []
    for flag, value in flags.items():
        if value is None:
            words.append(flag)
        elif value != LEAVE_OUT:
            for one in (value,) if isinstance(value, str) else value:
                words += [flag, one]
    return words


class Ended(NamedTuple):
    """How a command ended, and what is left of it."""

    code: int
    error: str
    looks: dict[str, Any]


class Command:
    """Runs commands in a copy of the place, each once, and looks at what they did."""

    def __init__(self, place: Path, patch: pytest.MonkeyPatch, known: dict[Any, Ended]) -> None:
        self.place = place
        self.patch = patch
        self.known = known
        self.passes: list[tuple[int, str]] = []

    def __call__(self, verb: str, change: Change, flags: Flags) -> Ended:
        words = words_of({**USUAL[verb], **change.both, **flags})
        key = (verb, change.source, change.look == "cache", *words)
        if key not in self.known:
            self.known[key] = self.run(verb, change, words)
        return self.known[key]

    def run(self, verb: str, change: Change, words: list[str]) -> Ended:
        here = self.place.parent / "here"
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(self.place, here)
        cache = self.place.parent / ("own cache" if change.look == "cache" else "cache")
        shutil.rmtree(self.place.parent / "own cache", ignore_errors=True)
        self.patch.chdir(here)
        self.patch.setenv("HEADSTART_CACHE", str(cache))
        self.passes.clear()
        model = ["model"] if verb in ("evaluate", "predict") else []
        error = io.StringIO()
        with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
            code = run(verb, *model, change.source, *words)
        before = {path.relative_to(self.place) for path in self.place.rglob("*")}
        after = sorted(path.relative_to(here) for path in here.rglob("*") if path.is_file())
        looks = {
            "results": (code, {str(p): content(here / p) for p in after if p not in before}),
            "passes": (max(n for n, _ in self.passes), len({name for _, name in self.passes}))
            if self.passes
            else None,
            "cache": sorted(path.name for path in cache.rglob("*.sqlite")),
            "notes": error.getvalue(),
            "page": [re.findall("<h2.*?</h2>", page.read_text()) for page in here.rglob("*.html")],
        }
        return Ended(code, error.getvalue(), looks)


SHOWN = ("test", "folds", "n_train", "n_test", "rows", "findings")  # of a file of figures
FIGURES = ("metrics.json", "comparison.json", "check.json", "ranking.json")
TIMED = re.compile(r"second|bytes_on_disk|computed")


def content(file: Path) -> Any:
    """What a file says of the pictures; the record of the options, pages and times are left out."""
    if file.name in FIGURES:
        figures = json.loads(file.read_text())
        return {name: untimed(figures[name]) for name in SHOWN if name in figures}
    if file.suffix == ".csv":
        rows = [line.split(",") for line in file.read_text().splitlines()]
        kept = [i for i, name in enumerate(rows[0]) if not TIMED.search(name)]
        return [[row[i] for i in kept if i < len(row)] for row in rows]
    if file.suffix == ".npz":
        with np.load(file) as arrays:
            return {name: arrays[name].tobytes() for name in arrays.files}
    return "is there"


def untimed(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: untimed(v) for k, v in value.items() if not TIMED.search(k)}
    return [untimed(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def known() -> dict[Any, Ended]:
    """Commands that were run already: many options share their first way."""
    return {}


@pytest.fixture
def command(place: Path, monkeypatch: pytest.MonkeyPatch, known: dict[Any, Ended]) -> Command:
    made = Command(place, monkeypatch, known)
    whole = Backbone.embed

    def embed(self: Backbone, pixels: Any) -> Any:
        made.passes.append((len(pixels), threading.current_thread().name))
        time.sleep(0.01)  # a thread that has not begun takes the next pictures
        return whole(self, pixels)

    monkeypatch.setattr(Backbone, "embed", embed)
    # What takes long and is not looked at.
    monkeypatch.setattr("headstart.audit.check.learning_curve", no_curve)
    monkeypatch.setattr("headstart.rank.ranking.measured_rate", lambda _: 1.0)
    monkeypatch.setattr("headstart.audit.fit_remarks.short_checks", lambda *_, **__: ())
    monkeypatch.setattr(Figure, "savefig", no_drawing)
    return made


def no_curve(*arguments: Any, **options: Any) -> None:
    raise DataError("no curve")


def no_drawing(figure: Figure, file: Any, **options: Any) -> None:
    is_text = isinstance(file, io.TextIOBase)
    file.write("<svg></svg>" if is_text else b"<svg></svg>")


@pytest.mark.parametrize(("verb", "flag"), WORK)
def test_a_changed_value_changes_something_or_is_refused(
    verb: str, flag: str, command: Command
) -> None:
    change = CHANGES.get((verb, flag)) or CHANGES[flag]
    first = command(verb, change, change.first)
    second = command(verb, change, change.second)
    refused = [ended.error for ended in (first, second) if ended.code == 2]
    assert len(refused) < 2, refused
    for error in refused:
        assert flag.removeprefix("--").replace("-", " ") in error.replace("-", " ")
        assert change.second[flag] is None or str(change.second[flag]) in error
    assert first.looks[change.look] != second.looks[change.look]
