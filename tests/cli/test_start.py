"""The command's first and last moments: stopped while it loads, ended at once with its code."""

from __future__ import annotations

import subprocess
import sys

import pytest

START = "from headstart.cli.__main__ import start\n"


def run(code: str, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", code, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def test_stopped_while_the_program_is_still_loading() -> None:
    code = (
        "import sys\n"
        "class Key:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'cyclopts':\n"
        "            raise KeyboardInterrupt\n"
        f"sys.meta_path.insert(0, Key())\n{START}start()"
    )
    assert run(code) == (130, "", "stopped\n")


@pytest.mark.parametrize(
    ("arguments", "code", "shown", "told"),
    [
        (["--version"], 0, "0.", ""),
        (["predict", "no-model", "photo.jpg"], 1, "", "no-model"),
        (["cache", "--no-such"], 2, "", "--no-such"),
    ],
)
def test_ends_with_the_programs_code_and_all_its_lines(
    arguments: list[str], code: int, shown: str, told: str
) -> None:
    ended = run(f"{START}start()\nprint('still here')", *arguments)
    assert ended[0] == code
    assert shown in ended[1]
    assert told in ended[2]
    assert "still here" not in ended[1]


def test_a_long_output_is_whole_when_the_process_ends() -> None:
    code = (
        "import headstart.cli.main as program\n"
        "program.main = lambda: (print('x' * 10**6), exit(3))\n"
        f"{START}start()"
    )
    ended = run(code)
    assert (ended[0], len(ended[1])) == (3, 10**6 + 1)


def test_what_is_to_be_done_at_the_end_is_done() -> None:
    code = (
        "import atexit\nimport headstart.cli.main as program\n"
        "atexit.register(lambda: print('done at the end'))\n"
        "program.main = lambda: exit(4)\n"
        f"{START}start()"
    )
    assert run(code) == (4, "done at the end\n", "")


def test_a_fault_of_the_program_is_shown_whole() -> None:
    code = (
        "import headstart.cli.main as program\n"
        "def fault():\n    raise RuntimeError('a fault')\n"
        f"program.main = fault\n{START}start()"
    )
    ended = run(code)
    assert ended[0] == 1
    assert "RuntimeError: a fault" in ended[2]
