"""Each option of each verb does something: another value gives other results, or is refused.

The table in option_changes.py has for each option two ways to give it. A flag that the table does
not know, or whose two ways end the same, fails. What a run records of its options does not count.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from markupsafe import Markup
from tests.cli.option_changes import CHANGES, LEAVE_OUT, USUAL, Change, Flags
from tests.program import run
from tests.small_set import write_small_set

from headstart.backbones.backbone import Backbone
from headstart.cli.main import VERBS, app


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
    measured = [("runtimes", flag) for flag in flags_of("runtimes")]  # test_runtimes.py
    server = [("serve", flag) for flag in flags_of("serve")]  # serve/test_serve_options.py
    assert [pair for pair in PAIRS if pair[0] in rest] == [*server, *measured, *elsewhere]


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
    """Runs commands in the place, each once, looks at what they did, and takes it away again."""

    def __init__(self, place: Path, patch: pytest.MonkeyPatch, known: dict[Any, Ended]) -> None:
        self.place = place
        self.patch = patch
        self.known = known
        self.passes: list[tuple[int, str]] = []
        self.is_watched = False

    def __call__(self, verb: str, change: Change, flags: Flags) -> Ended:
        words = words_of({**USUAL[verb], **change.both, **flags})
        key = (verb, change.source, change.look in ("cache", "passes") and change.look, *words)
        if key not in self.known:
            self.known[key] = self.run(verb, change, words)
        return self.known[key]

    def run(self, verb: str, change: Change, words: list[str]) -> Ended:
        here, before = self.place, stamps(self.place)
        cache = self.place.parent / ("own cache" if change.look == "cache" else "cache")
        shutil.rmtree(self.place.parent / "own cache", ignore_errors=True)
        self.patch.chdir(here)
        self.patch.setenv("HEADSTART_CACHE", str(cache))
        self.passes.clear()
        self.is_watched = change.look == "passes"
        named = ["model"] if verb in ("evaluate", "predict", "explain", "export") else []
        if verb == "explain":
            named.append("images/p00.png")
        elif verb != "export":  # its pictures come by a flag
            named.append(change.source)
        error = io.StringIO()
        with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
            code = run(verb, *named, *words)
        new = sorted(path for path in here.rglob("*") if path not in before)
        made = {str(p.relative_to(here)): content(p) for p in new if p.is_file()}
        looks = {
            "results": (code, made),
            "passes": (max(n for n, _ in self.passes), len({name for _, name in self.passes}))
            if self.passes
            else None,
            "cache": sorted(path.name for path in cache.rglob("*.sqlite")),
            "notes": error.getvalue(),
            "model": [path.stat().st_size for path in new if path.name == "examples.json"],
            "page": [re.findall("<h2.*?</h2>", p.read_text()) for p in new if p.suffix == ".html"],
        }
        for path in reversed(new):
            path.rmdir() if path.is_dir() else path.unlink()
        assert stamps(here) == before  # what it was given is as it was
        return Ended(code, error.getvalue(), looks)


def stamps(folder: Path) -> dict[Path, Any]:
    """All that is in a folder; of each file when it was changed and its size."""
    found = {path: path.stat() for path in folder.rglob("*")}
    return {
        path: (status.st_mtime_ns, status.st_size) if path.is_file() else None
        for path, status in found.items()
    }


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


@pytest.fixture(scope="module")
def graphs() -> Callable[..., Any]:
    """The graph of a network as it is exported, once for the model's and each opset."""
    from headstart.backbones.runtimes.network_graph import network_graph

    made: dict[Any, Any] = {}

    def once(network: Any, *what: Any, **how: Any) -> Any:
        state = b"".join(tensor.numpy().tobytes() for tensor in network.state_dict().values())
        key = (state, what, *how.items())
        if key not in made:
            made[key] = network_graph(network, *what, **how)
        return copy.deepcopy(made[key])

    return once


@pytest.fixture
def command(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    known: dict[Any, Ended],
    graphs: Any,
    no_learning_curve: None,
) -> Command:
    made = Command(place, monkeypatch, known)
    whole = Backbone.embed

    def embed(self: Backbone, pixels: Any) -> Any:
        made.passes.append((len(pixels), threading.current_thread().name))
        if made.is_watched:
            time.sleep(0.01)  # a thread that has not begun takes the next pictures
        return whole(self, pixels)

    monkeypatch.setattr(Backbone, "embed", embed)
    # What takes long and is not looked at.
    for room in ("backbones.runtimes.network_graph", "export.onnx_graph"):
        monkeypatch.setattr(f"headstart.{room}.network_graph", graphs)
    monkeypatch.setattr("headstart.rank.ranking.measured_rate", lambda _: 1.0)
    monkeypatch.setattr("headstart.audit.fit_remarks.short_checks", lambda *_, **__: ())
    for drawn in ("plots", "run_chapters"):
        monkeypatch.setattr(f"headstart.report.{drawn}.svg", no_drawing)
    return made


def no_drawing(*arguments: Any, **options: Any) -> Markup:
    return Markup("<svg></svg>")


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
