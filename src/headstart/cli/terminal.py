"""What the terminal shows: progress, notes, tables, the figures of a run."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

from headstart.outputs.disk import named
from headstart.progress import step
from headstart.wording import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.table import Table

    from headstart.compare.comparison import Comparison
    from headstart.recipes.frozen import FitResult

Result = TypeVar("Result", "FitResult", "Comparison")
FIRST_SECONDS = 2.0  # until work that goes on is named where there is no terminal
PLAIN_SECONDS = 10.0  # between two more lines of progress there


class TerminalProgress:
    """Progress on a terminal as a bar with a rate, elsewhere as a plain line now and then.

    Work of one step has no count: it is named, and that is all.
    """

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._task: Any = None
        self._label = ""
        self._total = 0
        self._done = 0
        self._began = 0.0
        self._told = 0.0
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def start(self, label: str, total: int) -> None:
        """Begin a piece of work."""
        self._label, self._total, self._done = label, total, 0
        self._began = self._told = time.monotonic()
        if total == 0:
            return
        if not sys.stderr.isatty():
            self._name_soon()
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(label, total=total if total > 1 else None, rate="")

    def _name_soon(self) -> None:
        """The first step alone may take minutes, so no `advance` is waited for."""

        def name() -> None:
            with self._lock:
                if self._timer is timer:
                    self._told = time.monotonic()
                    self._tell_plain("")

        timer = threading.Timer(FIRST_SECONDS, name)
        timer.daemon = True
        self._timer = timer
        timer.start()

    def _tell_plain(self, rate: str) -> None:
        count = f": {self._done} of {self._total}" if self._total > 1 else " ..."
        tell(f"{self._label}{count}{f' ({rate})' if rate else ''}")

    def advance(self, steps: int = 1) -> None:
        """Some steps are done."""
        self._done += steps
        elapsed = time.monotonic() - self._began
        rate = f"{self._done / elapsed:.0f}/s" if elapsed > 0.5 else ""
        if self._bar is not None:
            self._bar.update(self._task, advance=steps, rate=rate)
        elif time.monotonic() - self._told > PLAIN_SECONDS:
            self._told = time.monotonic()
            left = (self._total - self._done) * elapsed / max(1, self._done)
            self._tell_plain(f"{rate}, {left:.0f} s left")

    def stop(self) -> None:
        """The piece of work is over."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def note(self, line: str) -> None:
        """A line for the user."""
        if self._bar is not None:
            self._bar.console.print(one_line(line), markup=False, highlight=False)
        else:
            tell(one_line(line))


@contextmanager
def progress() -> Iterator[TerminalProgress]:
    """A progress display that is gone when the block ends, however it ends."""
    shown = TerminalProgress()
    try:
        yield shown
    finally:
        shown.stop()


class _Output:
    """Standard output, whose errors name it: a full disk's have no name of their own."""

    def __init__(self) -> None:
        self.stream = sys.stdout

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        with named(Path("standard output")):
            return self.stream.write(text)

    def flush(self) -> None:
        with named(Path("standard output")):
            self.stream.flush()


def output() -> IO[str]:
    """Where results are written. An OSError of it has "standard output" for a file's name."""
    return cast("IO[str]", _Output())


def console() -> Console:
    """Where results are printed; wide enough for a table when it is no terminal."""
    from rich.console import Console

    wide = None if sys.stdout.isatty() else 100
    return Console(file=output(), width=wide, highlight=False)


def say(line: str) -> None:
    """A line of results, unbroken, so that a path in it can be copied."""
    print(one_line(line), file=output())


def tell(line: str) -> None:
    """A line beside the results: progress, notes, errors."""
    print(printable(line), file=sys.stderr)


def table(*columns: str, title: str | None = None) -> Table:
    """A plain table; the first column stands left, the others right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for number, name in enumerate(columns):
        made.add_column(cell(name), justify="left" if number == 0 else "right", overflow="fold")
    return made


def cell(text: Any) -> Any:
    """Text of a table's cell; brackets in names are no markup."""
    from rich.text import Text

    return Text(one_line(str(text)))


def share(value: float | None, interval: tuple[float, float] | list[float] | None = None) -> str:
    """A share with its interval: "0.971 [0.855, 0.995]"."""
    if value is None:
        return "undefined"
    if interval is None:
        return f"{value:.3f}"
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"


def with_remarks(result: Result, seed: int) -> Result:
    """Say what is worth knowing of the data; the result's record has the lines as notes."""
    from headstart.audit.fit_remarks import short_checks

    with progress() as shown, step(shown, "short checks"):
        lines: tuple[str, ...] = short_checks(result.data, result.split.test, seed=seed)
    if lines:
        say("worth knowing (headstart check tells more):")
    for line in lines:
        say("  " + line)
    return replace(result, record=replace(result.record, notes=(*result.record.notes, *lines)))


MOST_CLASSES = 20  # more rows than a screen holds


def show_fit(metrics: dict[str, Any], out: Path) -> None:
    """What `fit` prints at the end."""
    computed = f"{metrics['precision']} by {metrics['runtime']}"
    backbone = f"{metrics['backbone']} ({metrics['weights']}, {computed})"
    counts = f"{metrics['n_train']} pictures trained, {metrics['n_test']} tested"
    say(f"{backbone}, head {metrics['head']}: {counts}")
    show_metrics(metrics["test"], metrics["folds"])
    if metrics["tuning"] is not None:
        say(metrics["tuning"]["phases"]["sentence"])
    for line in metrics["decision"]:
        say(line)
    seconds = metrics["seconds"]
    say(
        f"features {seconds['embed']:.1f} s ({metrics['pictures_embedded']} pictures through the "
        f"backbone), head {seconds['head']:.2f} s, in all {seconds['total']:.1f} s"
    )
    say(f"model: {out / 'model'}    report: {out / 'report.html'}")
    say(f"next:  headstart predict {out / 'model'} PHOTO.jpg")


def show_metrics(test: dict[str, Any], folds: dict[str, Any] | None) -> None:
    """Figures with their intervals, then the classes and the confusion matrix."""
    screen = console()
    screen.print(_figures(test, folds))
    for line in test["remarks"]:
        say(line)
    if len(test["per_class"]) <= MOST_CLASSES:
        screen.print(_classes(test))
    if len(test["classes"]) <= MOST_CLASSES // 2:
        screen.print(_confusion(test))


def _figures(test: dict[str, Any], folds: dict[str, Any] | None) -> Any:
    columns = ["", f"test ({test['n']} pictures)"]
    if folds:
        columns.append(f"{folds['count']} folds, mean ± corrected standard error")
    shown = table(*columns)
    for name, title in (
        ("accuracy", "accuracy [95 % interval]"),
        ("balanced_accuracy", "balanced accuracy"),
        ("macro_f1", "macro F1"),
        ("log_loss", "log loss"),
    ):
        row = [
            title,
            share(test[name], test.get("accuracy_interval") if name == "accuracy" else None),
        ]
        if folds:
            row.append(mean_text(folds[f"{name}_mean"], folds[f"{name}_standard_error"]))
        shown.add_row(*row)
    shown.add_row("largest class's share", share(test["majority_share"]), *([""] if folds else []))
    return shown


def mean_text(mean: float | None, error: float | None) -> str:
    """ "0.939 ± 0.011", or what of it is defined."""
    if mean is None:
        return "undefined"
    return f"{mean:.3f}" if error is None else f"{mean:.3f} ± {error:.3f}"


def _classes(test: dict[str, Any]) -> Any:
    shown = table("class", "precision", "recall", "pictures")
    for row in test["per_class"]:
        shown.add_row(
            cell(row["name"]), share(row["precision"]), share(row["recall"]), str(row["support"])
        )
    return shown


def _confusion(test: dict[str, Any]) -> Any:
    shown = table("truth \\ predicted", *[str(name) for name in test["classes"]])
    for name, row in zip(test["classes"], test["confusion_matrix"], strict=True):
        shown.add_row(cell(name), *[str(count) for count in row])
    return shown
