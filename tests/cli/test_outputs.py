"""What is written where: never over something else, never beside stale files, never half."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import pytest
from tests.program import run

from headstart.samples.drawn_set import write_drawn

CPU = ["--device", "cpu"]
BACKBONE = ["--backbone", "test_resnet", "--random-weights", "--image-size", "32"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn(tmp_path_factory.mktemp("drawn"), count=30)


def fit(table: Path, out: Path, *more: str) -> int:
    return run(
        "fit", table, "--images", table.parent / "images", "--out", out, *BACKBONE, *CPU, *more
    )


@pytest.fixture(scope="module")
def made(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and the cache that its fit has filled."""
    root = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        assert fit(table, root / "run") == 0
    return root


@pytest.fixture
def fitted(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"


def test_a_second_run_leaves_nothing_of_the_first(fitted: Path, table: Path) -> None:
    assert (fitted / "fold_predictions.csv").exists()
    assert fit(table, fitted, "--folds", "0", "--epochs", "2") == 0
    assert not (fitted / "fold_predictions.csv").exists()
    assert (fitted / "history.csv").exists()
    assert fit(table, fitted, "--folds", "0") == 0
    assert not (fitted / "history.csv").exists()


def test_answers_follow_a_link_and_go_into_a_pipe(
    fitted: Path, table: Path, tmp_path: Path
) -> None:
    picture = table.parent / "images" / "1.jpg"
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("image,predicted,probability,p(0),p(1),error\n")
    link.symlink_to(target)
    assert run("predict", fitted / "model", picture, "--out", link, *CPU) == 0
    assert link.is_symlink()
    assert target.read_text().startswith("image,")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run("predict", fitted / "model", picture, "--out", pipe, *CPU) == 0
        assert os.read(reader, 100).startswith(b"image,")
        assert pipe.is_fifo()
    finally:
        os.close(reader)


def test_an_input_is_never_overwritten(
    fitted: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = table.read_bytes()
    images = table.parent / "images"
    assert run("predict", fitted / "model", table, "--images", images, "--out", table) == 2
    assert "is an input too and would be overwritten" in capsys.readouterr().err
    assert run("embed", table, "--images", images, "--out", table, *BACKBONE) == 2
    assert table.read_bytes() == before


@pytest.mark.parametrize("name", ["", "folder", "sheet.doc"])
def test_a_wrong_file_is_refused_before_the_work(
    name: str, fitted: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    file = tmp_path / name if name else ""
    flag = "--show" if name == "sheet.doc" else "--out"
    assert run("predict", fitted / "model", table.parent / "images" / "1.jpg", flag, file) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_something_else_in_the_models_place_is_found_first(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run" / "model").mkdir(parents=True)
    (tmp_path / "run" / "model" / "thesis.txt").write_text("all of it")
    assert fit(table, tmp_path / "run") == 2
    assert "thesis.txt was not written by this program" in capsys.readouterr().err
    assert os.listdir(tmp_path / "run") == ["model"]  # noqa: PTH208 - a list to compare


def test_clearing_the_cache_leaves_the_users_files(
    fitted: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = own_cache / "photos" / "x.jpg"
    photo.parent.mkdir()
    photo.write_bytes(b"mine")
    (own_cache / "features" / "notes.txt").write_text("mine")
    assert run("cache", "--clear") == 0
    assert photo.exists()
    assert (own_cache / "features" / "notes.txt").exists()
    assert not list(own_cache.rglob("*.sqlite"))
    assert "freed" in capsys.readouterr().out


def test_a_file_in_the_caches_place_is_told(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "file"))
    assert run("cache") == 2
    assert "is a file; name a folder" in capsys.readouterr().err
    assert fit(table, tmp_path / "run") == 0


def test_the_pixel_limit_does_not_depend_on_the_cache(
    fitted: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = table.parent / "images" / "1.jpg"
    assert run("predict", fitted / "model", picture, "--max-pixels", "1000", *CPU) == 1
    assert "224 x 224 = 50176 pixels" in capsys.readouterr().out
    assert run("predict", fitted / "model", picture, *CPU) == 0


def test_validation_rows_of_a_given_split_are_told(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with table.open() as file:
        rows = list(csv.DictReader(file))
    given = tmp_path / "given.csv"
    parts = ("train", "val", "test")
    lines = [
        f"{r['image_names']},{r['emergency_or_not']},{parts[n % 3]}" for n, r in enumerate(rows)
    ]
    given.write_text("image,label,split\n" + "\n".join(lines) + "\n")
    ask: list[str | Path] = [
        "fit",
        given,
        "--images",
        table.parent / "images",
        "--split-column",
        "split",
    ]
    assert run(*ask, "--out", tmp_path / "r", *BACKBONE, *CPU) == 0
    assert "10 validation rows train too" in capsys.readouterr().err
