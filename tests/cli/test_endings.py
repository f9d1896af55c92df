"""How the program ends and what it says then: stopped, a full disk, letters it cannot show."""

from __future__ import annotations

import csv
import importlib
import io
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.program import run

from headstart.samples.drawn_set import write_drawn

PROGRAM = [sys.executable, "-m", "headstart"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn(tmp_path_factory.mktemp("drawn"), count=30)


def fit_of(table: Path, folder: Path) -> list[str | Path]:
    return ["fit", table, "--images", table.parent / "images", "--out", folder / "r"]


def test_stopped_by_a_key_is_said(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*arguments: object, **options: object) -> None:
        signal.raise_signal(signal.SIGINT)

    # Loaded later it would keep the fake.
    importlib.import_module("headstart.recipes.data_preparation")
    monkeypatch.setattr("headstart.data.inputs.read_pictures", stop)
    assert run("embed", table, "--out", table.parent / "f.npz") == 130
    assert capsys.readouterr().err == "stopped\n"


def test_sigterm_stops_and_cleans_up(table: Path, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from headstart.cli.__main__ import start\n"
        "import headstart.data.inputs as inputs\n"
        "inputs.read_pictures = lambda *_: os.kill(os.getpid(), signal.SIGTERM) or signal.pause()\n"
        f"sys.argv = ['headstart', 'embed', {str(table)!r}, '--out', 'f.npz']\n"
        "start()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=120,
                           stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert ended.returncode == 143
    assert ended.stderr == "stopped\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(28, "No space left on device", "/x/y.npz"),
            "error: /x/y.npz: cannot be read or written: No space left on device\n",
        ),
        (
            PermissionError(13, "Permission denied", b"/x/y"),
            "error: /x/y: cannot be read or written: Permission denied\n",
        ),
        (OSError(28, "No space left"), "error: a file cannot be read or written: No space left\n"),
        (OSError("odd"), "error: a file cannot be read or written: odd\n"),
    ],
)
def test_a_file_that_cannot_be_written_is_named(
    error: OSError, message: str, table: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("headstart.data.inputs.read_pictures", fail)
    assert run("embed", table, "--out", table.parent / "f.npz") == 1
    assert capsys.readouterr().err == message


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's device that is always full")
def test_full_output_is_told_once() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([*PROGRAM, "backbones"], stdout=full, stderr=subprocess.PIPE,
                               text=True, timeout=60)  # fmt: skip
    assert ended.returncode == 1
    assert (
        ended.stderr
        == "error: standard output: cannot be read or written: No space left on device\n"
    )


def test_output_that_cannot_show_the_letters(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out, err = io.BytesIO(), io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding="ascii"))
    assert run("evaluate", "Größe", tmp_path / "Katze.csv") == 1
    sys.stderr.flush()
    assert b"Gr\\xf6\\xdfe" in err.getvalue()


def test_all_classes_excluded(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = fit_of(table, tmp_path)
    assert run(*ask, "--exclude", "0", "--exclude", "1") == 2
    assert "--exclude takes all classes (0, 1)" in capsys.readouterr().err


def test_a_folder_in_the_weights_place(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = fit_of(table, tmp_path)
    assert run(*ask, "--weights", tmp_path) == 2
    assert f"weights file {tmp_path} is a folder" in capsys.readouterr().err


def test_compare_says_that_p_values_are_adjusted(capsys: pytest.CaptureFixture[str]) -> None:
    from headstart.cli.compare import show_comparison

    row: dict[str, Any] = {
        "model": "a", "missing": None, "accuracy_interval": (0.8, 1.0), "accuracy": 0.9,
        "train_accuracy": 1.0, "folds_mean": None, "folds_standard_error": None, "is_best": False,
        "test_p": 0.5, "test_ahead": "a", "folds_p": None, "is_candidate": True,
        "pictures_per_second": None, "macro_f1": 0.9,
        "log_loss": 0.1, "trainable_parameters": 5, "total_parameters": 5, "seconds_embed": 1.0,
        "seconds_train": 1.0, "bytes_on_disk": 10, "crops": None,
    }  # fmt: skip
    best = {**row, "is_best": True, "test_p": 1.0, "test_ahead": None}
    show_comparison([best, {**row, "model": "b"}, {**row, "model": "c"}], 10, Path("out"))
    told = capsys.readouterr().out
    assert "adjusted\nfor picking the best of all models" in told
    assert "corrected standard error" in told
    assert "cannot tell it from b, c: all of these remain candidates." in told


def test_column_named_for_two_things_is_the_right_one(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with table.open() as file:
        assert next(csv.reader(file)) == ["image_names", "emergency_or_not"]
    name = "emergency_or_not"
    ask = fit_of(table, tmp_path)
    for one, two in (("--label-column", "--group-column"), ("--split-column", "--group-column")):
        assert run(*ask, one, name, two, name) == 2
        told = capsys.readouterr().err
        assert f"column {name!r} is named for two things: {one} and {two}" in told
