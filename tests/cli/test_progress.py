"""Work that takes long is named soon, also before its first step is done."""

from __future__ import annotations

import time

import pytest

from headstart.cli import terminal
from headstart.cli.terminal import TerminalProgress
from headstart.progress import step


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "FIRST_SECONDS", 0.01)


@pytest.mark.usefixtures("soon")
def test_work_is_named_before_its_first_step(capsys: pytest.CaptureFixture[str]) -> None:
    shown = TerminalProgress()
    shown.start("folds", 10)
    time.sleep(0.3)
    shown.stop()
    assert capsys.readouterr().err == "folds: 0 of 10\n"


@pytest.mark.usefixtures("soon")
def test_work_of_one_step_has_no_count(capsys: pytest.CaptureFixture[str]) -> None:
    with step(TerminalProgress(), "wrong labels"):
        time.sleep(0.3)
    assert capsys.readouterr().err == "wrong labels ...\n"


@pytest.mark.usefixtures("soon")
def test_nothing_is_said_of_work_that_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    shown = TerminalProgress()
    for label in ("one", "two"):
        shown.start(label, 3)
        shown.stop()
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_short_work_is_not_named(capsys: pytest.CaptureFixture[str]) -> None:
    with step(TerminalProgress(), "wrong labels"):
        pass
    assert capsys.readouterr().err == ""


def test_on_a_terminal_work_of_one_step_has_a_bar_without_an_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    shown = TerminalProgress()
    for total, end in ((1, None), (7, 7)):
        shown.start("wrong labels", total)
        assert shown._bar is not None
        assert shown._bar.tasks[0].total == end
        shown.stop()
    assert shown._bar is None
