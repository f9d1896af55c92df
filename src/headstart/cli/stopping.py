"""How the program is stopped: Ctrl-C and SIGTERM clean up alike, and differ in the exit code."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

INTERRUPTED, TERMINATED = 130, 143  # 128 and the signal's number, as shells tell it


class Terminated(KeyboardInterrupt):
    """SIGTERM came: whatever cleans up after Ctrl-C does so now too."""


def stop_on_sigterm() -> None:
    """Let SIGTERM raise `Terminated` in the main thread."""
    signal.signal(signal.SIGTERM, _terminate)


def exit_code(stop: KeyboardInterrupt) -> int:
    """130 for Ctrl-C, 143 for SIGTERM."""
    return TERMINATED if isinstance(stop, Terminated) else INTERRUPTED


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
