"""How long work tells how far it is; the terminal program shows it, a library stays quiet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Told by long work: one `start`, many `advance`, one `stop`; `note` may come at any time."""

    def start(self, label: str, total: int) -> None:
        """Begin a piece of work of `total` steps."""

    def advance(self, steps: int = 1) -> None:
        """Some steps are done."""

    def stop(self) -> None:
        """The piece of work is over."""

    def note(self, line: str) -> None:
        """A line that the user should read."""


class Quiet:
    """Shows nothing."""

    def start(self, label: str, total: int) -> None:
        """Do nothing."""

    def advance(self, steps: int = 1) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def note(self, line: str) -> None:
        """Do nothing."""


QUIET: Progress = Quiet()


@contextmanager
def step(progress: Progress, label: str) -> Iterator[None]:
    """Work that cannot tell how far it is: it is named while it goes on."""
    progress.start(label, 1)
    try:
        yield
    finally:
        progress.stop()
