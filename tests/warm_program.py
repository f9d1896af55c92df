"""The program in processes of its own that begin with everything imported.

A process that opens a network imports torch, timm and scikit-learn first, 6 s of a processor. Where
a test is about what the program does and not about how it starts, its process is forked from one
that has imported all and has computed nothing.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

ROOMS = (
    "headstart.cli.main",
    "headstart.classifier",
    "headstart.backbones.architecture",
    "headstart.recipes.fit",
    "headstart.recipes.fine_tune",
    "headstart.recipes.small_cnn_training",
    "headstart.audit.check",
    "headstart.audit.fit_remarks",
    "headstart.compare.comparison",
    "headstart.report.run_page",
    "headstart.report.comparison_page",
    "headstart.report.check_folder",
)
PROGRAM = "from headstart.cli.__main__ import start\nstart()\n"


class Ended(NamedTuple):
    """How a process ended, as `subprocess.run` tells it, and what it showed."""

    returncode: int
    stdout: bytes
    stderr: bytes


class WarmProgram:
    """A process that has imported all of the program; each `run` is a fork of it.

    It starts as the program does: under a plain C locale it, too, begins anew in UTF-8 mode.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-P", __file__],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, *words: str, folder: Path, code: str = PROGRAM) -> Ended:
        """Run code in a folder, with the environment's variables of now and words as arguments."""
        shown = {name: folder.parent / f"{folder.name}.{name}" for name in ("stdout", "stderr")}
        asked = {
            "words": words,
            "folder": str(folder),
            "code": code,
            "cache": os.environ["HEADSTART_CACHE"],
            "shown": [str(path) for path in shown.values()],
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(asked).encode() + b"\n")
        self._server.stdin.flush()
        status = int(self._server.stdout.readline())
        return Ended(status, *(path.read_bytes() for path in shown.values()))

    def end(self) -> None:
        """Let the process go."""
        self._server.communicate()


def _serve() -> None:
    from headstart.cli.__main__ import _read_names_as_utf_8

    _read_names_as_utf_8()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever an import prints is no answer
    for room in ROOMS:
        import_module(room)
    gc.freeze()
    while line := sys.stdin.buffer.readline():  # without reading ahead, as a child has the rest
        asked = json.loads(line)
        child = os.fork()
        if not child:
            _be_program(asked)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)


def _be_program(asked: dict[str, Any]) -> None:
    """Take the place, the words and the outputs of a process that was just started; never ends."""
    for number, name in enumerate(asked["shown"], 1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also in a run in the background
    os.chdir(asked["folder"])
    os.environ["HEADSTART_CACHE"] = asked["cache"]
    sys.argv = ["headstart", *asked["words"]]
    code = 1
    try:
        exec(compile(asked["code"], "<test>", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
