"""What the terminal shows: progress, tables, notes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.table import Table

PLAIN_SECONDS = 10.0  # between two lines of progress where there is no terminal


class TerminalProgress:
    """Progress on a terminal as a bar with a rate, elsewhere as a plain line now and then."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._task: Any = None
        self._label = ""
        self._total = 0
        self._done = 0
        self._began = 0.0
        self._told = 0.0

    def start(self, label: str, total: int) -> None:
        """Begin a piece of work."""
        self._label, self._total, self._done = label, total, 0
        self._began = self._told = time.monotonic()
        if not sys.stderr.isatty() or total == 0:
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
        self._task = self._bar.add_task(label, total=total, rate="")

    def advance(self, steps: int = 1) -> None:
        """Some steps are done."""
        self._done += steps
        elapsed = time.monotonic() - self._began
        rate = f"{self._done / elapsed:.0f}/s" if elapsed > 0.5 else ""
        if self._bar is not None:
            self._bar.update(self._task, advance=steps, rate=rate)
        elif time.monotonic() - self._told > PLAIN_SECONDS:
            self._told = time.monotonic()
            print(f"{self._label}: {self._done} of {self._total} ({rate})", file=sys.stderr)

    def stop(self) -> None:
        """The piece of work is over."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def note(self, line: str) -> None:
        """A line for the user."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr)


@contextmanager
def progress() -> Iterator[TerminalProgress]:
    """A progress display that is gone when the block ends, however it ends."""
    shown = TerminalProgress()
    try:
        yield shown
    finally:
        shown.stop()


def console() -> Console:
    """Where results are printed; wide enough for a table when it is no terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 100, highlight=False)


def say(line: str) -> None:
    """A line of results, as it is and unbroken, so that a path in it can be copied."""
    print(line)


def table(*columns: str, title: str | None = None) -> Table:
    """A plain table; the first column stands left, the others right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for number, name in enumerate(columns):
        made.add_column(cell(name), justify="left" if number == 0 else "right", overflow="fold")
    return made


def cell(text: Any) -> Any:
    """Text as it is; brackets in names are no markup."""
    from rich.text import Text

    return Text(str(text))


def share(value: float | None, interval: tuple[float, float] | list[float] | None = None) -> str:
    """A share with its interval: "0.971 [0.855, 0.995]"."""
    if value is None:
        return "undefined"
    if interval is None:
        return f"{value:.3f}"
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"
