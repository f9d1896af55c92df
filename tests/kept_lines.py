"""Progress that keeps what it is told."""

from __future__ import annotations


class KeptLines:
    """Keeps the lines, and counts nothing."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)

    def start(self, label: str, total: int) -> None: ...
    def advance(self, steps: int = 1) -> None: ...
    def stop(self) -> None: ...
