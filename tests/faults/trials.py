"""One trial: a command over earlier results, one step of it goes wrong, and what is left then.

The invariant: every file that was there before is there and whole, or replaced by a whole newer one
of ours. A model's folder is all old or all new. Where results are replaced as one, all are old or
all are new. The same command then succeeds.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.fault_layer import ERRORS, FAULTS, KILL, SIGNALS, FaultLayer, faulty
from tests.faults.memory import Memory
from tests.faults.scenarios import NEW, OLD, Ended, Scenario, ended, write_users_file

from headstart.outputs.manifest import MANIFEST, read_manifest, sha256_of
from headstart.outputs.replacement import PLAN

State = dict[str, str]  # file to the digest of its content
SWAP = ("rename", "replace", "exchange", "link", "unlink", "rmdir", "chmod")
EVERY_SWAP = {"ENOSPC": 1, "EIO": 3, "EACCES": 3, "SIGINT": 1, "SIGTERM": 3, KILL: 1}
EVERY_STEP = {"ENOSPC": 1, "EIO": 9, "EACCES": 9, "SIGINT": 7, "SIGTERM": 9, KILL: 4}
MOST_PLAIN = 50  # steps of a kind that are tried besides; the demo has many that are alike
RUN_AGAIN = 3  # after each fault in a swap, and after each so many-th of the others
REALLY_KILLED = 9  # each so many-th step by the system itself, in a process of its own
REMOVALS = ("unlink", "rmdir")
NAMED = re.compile(r"error: \S.*(: cannot be read or written|cannot be (written to|deleted))")


@dataclass
class Bench:
    """A scenario with its two states, ready to be tried.

    Attributes:
        scenario: what is tried.
        folder: where; it holds what all scenarios share.
        memory: of what was computed.
        steps: the steps of the second call when nothing goes wrong.
        tried: faults so far, by kind.
    """

    scenario: Scenario
    folder: Path
    memory: Memory
    before: State = field(default_factory=dict)
    after: State = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    tried: dict[str, int] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """Where the command runs."""
        return self.folder / "trial"

    @property
    def _start(self) -> Path:
        return self.folder / "start"

    def prepare(self) -> None:
        """Make the state before, run the command once as it should go, and count its steps."""
        for folder in (self._start, self.root):
            shutil.rmtree(folder, ignore_errors=True)
        self.root.mkdir()
        for name in self.scenario.beside:
            write_users_file(self.root / name)
        if not self.scenario.is_first:
            assert self.call(OLD).code == 0
        for name in self.scenario.later:
            write_users_file(self.root / name)
        self.before = self.state()
        shutil.copytree(self.root, self._start)
        self.call(NEW)  # so that all is computed
        self.restart()
        with faulty(FaultLayer(self.root)) as layer:
            done = self.call(NEW)
        assert done.code == 0, done.words
        self.steps, self.after = layer.steps, self.state()
        assert self.after != self.before
        assert not self.left_overs()
        for name in (*self.scenario.beside, *self.scenario.later):
            assert self.after[name] == self.before[name]

    def call(self, version: str) -> Ended:
        """Run the command."""
        self.memory.key = (self.scenario.name, version)
        return ended(self.scenario.call, self.root, version)

    def restart(self) -> None:
        """Put the state before in its place."""
        shutil.rmtree(self.root)
        shutil.copytree(self._start, self.root, symlinks=True)

    def state(self) -> State:
        """All files but the lists of them and what is unfinished."""
        digest = self.memory.digest(sha256_of)
        return {
            name: digest(entry)
            for name, entry in _below_folder(self.root)
            if entry.is_file() and entry.name != MANIFEST and not _is_unfinished(name)
        }

    def left_overs(self) -> list[str]:
        """What is unfinished."""
        return [name for name, _ in _below_folder(self.root) if _is_unfinished(name)]

    def points(self, kind: str) -> Iterator[int]:
        """The steps at which a fault is tried: a sample, and more of those that swap or remove."""
        thinner = max(1, len(self.steps) // MOST_PLAIN)
        for number, step in enumerate(self.steps, 1):
            often = EVERY_SWAP[kind] if step in SWAP else EVERY_STEP[kind] * thinner
            if number % often == 0:
                yield number

    def trials(self, kind: str) -> Iterator[tuple[int, bool]]:
        """The steps, and whether the process is really killed there."""
        yield from ((at, False) for at in self.points(kind))
        if kind == KILL:
            yield from ((at, True) for at in range(1, len(self.steps) + 1, REALLY_KILLED))

    def attempt(self, kind: str, at: int, *, is_real: bool = False) -> None:
        """Let one step go wrong, look at what is left, and run the command again.

        With `is_real`, the system kills a process at this step.
        """
        self.tried[kind] = self.tried.get(kind, 0) + 1
        self.restart()
        if is_real:
            self._kill(at)
            self._judge(kind, at, Ended(-1))
            return
        with faulty(FaultLayer(self.root, at, kind)):
            done = self.call(NEW)
        self._judge(kind, at, done)

    def _kill(self, at: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the child computes nothing
            child = os.fork()
        if not child:
            with faulty(FaultLayer(self.root, at, KILL, is_real=True)):
                self.call(NEW)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL

    def _judge(self, kind: str, at: int, done: Ended) -> None:
        """Check what a fault has left, and that the next run does not need to know of it."""
        where = f"{self.scenario.name}: {kind} at step {at} of {len(self.steps)}, "
        where += f"{self.steps[at - 1]}; exit code {done.code}, {done.words.strip()[-300:]}"
        now = self.state()
        self._check_files(now, where)
        if done.code == 0:
            assert now == self.after, where
        if kind in ERRORS:
            assert done.code in (0, 1, 2), where
            assert done.code == 0 or NAMED.search(done.words), where
            assert ".headstart-" not in done.words, where
        if kind in SIGNALS:
            assert done.code == {"SIGINT": 130, "SIGTERM": 143}[kind], where
        if kind != KILL and self.steps[at - 1] not in REMOVALS and not self._has_plan():
            assert not self.left_overs(), where
        if self.steps[at - 1] not in SWAP and at % RUN_AGAIN:
            return
        with faulty(FaultLayer(self.root)):
            again = self.call(NEW)
        assert again.code == 0, f"{where}; again: {again.words}"
        assert self.state() == self.after, where
        assert not self.left_overs(), where
        self._check_lists(where)

    def _has_plan(self) -> bool:
        """True when the next run has to finish what this one has begun."""
        return any(name.rpartition("/")[2] == PLAN for name in self.left_overs())

    def _check_files(self, now: State, where: str) -> None:
        for name in now.keys() | self.before.keys():
            allowed = {self.before.get(name), self.after.get(name)}
            assert now.get(name) in allowed, f"{name} is neither old nor new; {where}"
        for folder in {str(Path(name).parent) for name in (*self.before, *self.after)}:
            if f"{folder}/headstart.json" in self.before | self.after:
                self._check_whole(now, f"{folder}/", where)
        if self.scenario.as_one:
            self._check_whole(now, "", where)

    def _check_whole(self, now: State, prefix: str, where: str) -> None:
        found, old, new = (_below(s, prefix) for s in (now, self.before, self.after))
        assert found in (old, new), f"{prefix or 'all'} is part old and part new; {where}"

    def _check_lists(self, where: str) -> None:
        for path in self.root.rglob(MANIFEST):
            manifest = read_manifest(path.parent)
            assert manifest is not None, where
            for name, entry in manifest.files.items():
                assert entry.fits(path.parent / name), f"{name} is not as listed; {where}"


def _below(state: Mapping[str, str], prefix: str) -> State:
    return {name: digest for name, digest in state.items() if name.startswith(prefix)}


def _below_folder(folder: Path, prefix: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All files and folders below one, by their names relative to it."""
    with os.scandir(folder) as listing:
        entries = list(listing)
    for entry in entries:
        yield f"{prefix}{entry.name}", entry
        if entry.is_dir(follow_symlinks=False):
            yield from _below_folder(Path(entry.path), f"{prefix}{entry.name}/")


def _is_unfinished(name: str) -> bool:
    return any(part.startswith(".headstart-") for part in name.split("/"))


def try_everything(scenario: Scenario, shared: Path, memory: Memory) -> None:
    """Each fault at each of its steps; fails where something is lost."""
    bench = Bench(scenario, shared, memory)
    bench.prepare()
    for kind in FAULTS:
        for at, is_real in bench.trials(kind):
            bench.attempt(kind, at, is_real=is_real)
    assert set(bench.tried) == set(FAULTS)
