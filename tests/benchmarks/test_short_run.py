"""The list of benchmarks, and the table of their figures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.short_run import LEFT_OUT, PROGRAMS, Program, found, kept_text, run, table

from benchmarks import short_run

FAKE = Program("fake", "", {"ratio": r"ratio ([\d.]+)", "CPU s": r"^took ([\d.]+) s$"})


def test_every_benchmark_has_a_short_form_or_a_reason() -> None:
    files = {path.stem for path in short_run.HERE.glob("*.py")}
    listed = {program.name for program in PROGRAMS}
    assert listed | set(LEFT_OUT) == files
    assert not listed & set(LEFT_OUT)


def test_arguments_and_patterns_are_whole() -> None:
    for program in PROGRAMS:
        text = (short_run.HERE / f"{program.name}.py").read_text(encoding="utf-8")
        words = program.words.format(table="t", images="i").split()
        assert all(f'"{word}"' in text for word in words if word.startswith("--")), program.name
        assert all(re.compile(pattern).groups == 1 for pattern in program.figures.values())


def test_figures_are_found_in_what_is_printed() -> None:
    result = found(FAKE, "first ratio 1.50, then ratio 2.0\ntook 3 s\n")
    assert result.figures == {"ratio": 1.5, "CPU s": 3.0}
    assert result.problem == ""
    assert found(FAKE, "ratio 1.5").problem == "printed no figure for 'CPU s'"


def test_the_table_has_ratios_to_what_is_kept() -> None:
    results = {"fake": found(FAKE, "ratio 1.5\ntook 3 s")}
    kept = {"machine": "a", "figures": {"fake": {"ratio": 1.0}, "other": {"x": 2.0}}}
    lines = table(results, kept, "b")
    assert lines[0] == "b; kept: a"
    assert lines[-2:] == ["| fake | ratio | 1 | 1.5 | 1.50 |", "| fake | CPU s | - | 3 | - |"]
    again = json.loads(kept_text(results, kept, "b"))
    assert again["figures"] == {"fake": {"ratio": 1.5, "CPU s": 3.0}, "other": {"x": 2.0}}
    assert again["machine"] == "b"


def test_a_program_that_fails_or_takes_too_long_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: Any = subprocess.CompletedProcess([], 3, "", "first\nlast\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    assert run(FAKE, [], tmp_path).problem == "ended with 3: last"
    ended.stderr, ended.returncode, ended.stdout = "", 0, "ratio 1\ntook 2 s\n"
    assert run(FAKE, [], tmp_path).figures["CPU s"] == 2

    def slow(*_: object, timeout: float, **__: object) -> None:
        raise subprocess.TimeoutExpired([], timeout)

    monkeypatch.setattr(subprocess, "run", slow)
    assert "not finished" in run(FAKE, [], tmp_path).problem


def test_an_unknown_program_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["short_run", "--only", "nothing"])
    with pytest.raises(SystemExit):
        short_run.main()
    assert "nothing, which is none of the programs" in capsys.readouterr().err
