"""The terminal program, run inside the test's own process."""

from __future__ import annotations

import pytest

from headstart.cli.main import main


def run(*arguments: object) -> int:
    """The exit code of `headstart ARGUMENTS`."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)
