"""No verb writes over, or removes, a file that it read or that this program did not write."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.program import run

from headstart import load
from headstart.cache_folder import is_ours
from headstart.classifier import load_folder
from headstart.samples.drawn_set import write_drawn

pytestmark = pytest.mark.usefixtures("no_learning_curve")
CPU = ["--device", "cpu"]
BACKBONE = ["--backbone", "test_resnet", "--random-weights", "--image-size", "32"]
FIT = [*BACKBONE, *CPU, "--folds", "0"]
SMALL = ["--models", "small_cnn", "--epochs", "1", "--folds", "0", "--image-size", "32", *CPU]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of 24 pictures."""
    return write_drawn(tmp_path_factory.mktemp("drawn"), count=24)


@pytest.fixture(scope="module")
def fitted(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on them."""
    out = tmp_path_factory.mktemp("fitted") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(out.parent / "cache"))
        assert run("fit", drawn, "--images", drawn.parent / "images", "--out", out, *FIT) == 0
    return out


@pytest.fixture
def work(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a copy of the table in it."""
    folder = tmp_path / "w"
    folder.mkdir()
    monkeypatch.chdir(folder)
    shutil.copy(drawn, folder / "labels.csv")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("verb", "name", "options"),
    [
        ("fit", "split.csv", FIT),
        ("fit", "predictions.csv", FIT),
        ("fit", "history.csv", FIT),
        ("check", "check.csv", [*BACKBONE, *CPU]),
        ("compare", "comparison.csv", SMALL),
        ("compare", "split.csv", SMALL),
        ("evaluate", "predictions.csv", CPU),
    ],
)
def test_a_table_in_the_place_of_a_result(
    verb: str, name: str, options: list[str], work: Path, drawn: Path, fitted: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (work / "labels.csv").rename(work / name)
    before = files(work)
    model = [fitted / "model"] if verb == "evaluate" else []
    ask = [verb, *model, name, "--images", drawn.parent / "images", "--out", ".", *options]
    assert run(*ask) == 2
    assert f"{name} is read by this command and would be written over" in capsys.readouterr().err
    assert files(work) == before


def test_a_linked_table_is_the_same_table(work: Path, drawn: Path) -> None:
    for link in (os.symlink, os.link):
        link(work / "labels.csv", work / "split.csv")
        before = files(work)
        ask = ["fit", "labels.csv", "--images", drawn.parent / "images", "--out", ".", *FIT]
        assert run(*ask) == 2
        assert files(work) == before
        (work / "split.csv").unlink()


def test_fixes_and_weights_are_inputs_too(
    work: Path, drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flag, name in (("--fixes", "report.html"), ("--weights", "metrics.json")):
        (work / name).write_text("mine")
        ask = ["fit", "labels.csv", "--images", drawn.parent / "images", "--out", "."]
        assert run(*ask, flag, name, "--backbone", "test_resnet", *CPU) == 2
        assert f"{name} is read by this command" in capsys.readouterr().err
        (work / name).unlink()


def test_compare_keeps_what_is_not_its_own(
    work: Path, drawn: Path, fitted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = work / "c" / "models" / "mine"
    shutil.copytree(fitted, mine)
    (mine / "notes.txt").write_text("mine")
    before = files(mine)
    ask = ["compare", "labels.csv", "--images", drawn.parent / "images", "--out", "c"]
    assert run(*ask, *SMALL) == 0
    assert files(mine) == before
    assert run(*ask, *SMALL, "--seed", "3") == 0
    assert files(mine) == before
    assert (work / "c" / "models" / "small_cnn" / "model" / "headstart.json").exists()
    mine.rename(mine.with_name("small_cnn-once"))
    assert run(*ask, *SMALL[2:], "--models", "small_cnn:once") == 2
    assert "was not written by this program" in capsys.readouterr().err
    assert files(mine.with_name("small_cnn-once")) == before


def test_the_same_commands_again(work: Path, drawn: Path, fitted: Path) -> None:
    images = drawn.parent / "images"
    asks: list[list[object]] = [
        ["fit", "labels.csv", "--images", images, *FIT],
        ["fit", "labels.csv", "--images", images, "--out", ".", *FIT],
        ["evaluate", fitted / "model", "labels.csv", "--images", images, "--out", "e", *CPU],
        ["predict", fitted / "model", images, "--out", "a.csv", "--show", "s.png", *CPU],
        ["embed", "labels.csv", "--images", images, *BACKBONE, *CPU],
    ]
    for ask in asks:
        assert run(*ask) == 0
        assert run(*ask) == 0
    check = ["check", "labels.csv", "--images", images, "--write-fixes", "f.csv", *BACKBONE, *CPU]
    assert run(*check) == run(*check) != 2


def test_a_sheet_among_the_pictures_is_replaced_and_not_predicted(
    drawn: Path, fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in (1, 2, 3):
        shutil.copy(drawn.parent / "images" / f"{number}.jpg", photos)
    for _ in range(2):
        ask = ["predict", fitted / "model", photos, "--show", photos / "sheet.png"]
        assert run(*ask, "--out", tmp_path / "a.csv", *CPU) == 0
        assert len((tmp_path / "a.csv").read_text().splitlines()) == 4
    assert "1 result of this program left out: sheet.png" in capsys.readouterr().err
    assert run("predict", fitted / "model", photos, "--show", photos / "1.jpg", *CPU) == 2
    assert (
        run("predict", fitted / "model", photos / "sheet.png", "--show", photos / "sheet.png") == 2
    )
    assert "sheet.png is an input too" in capsys.readouterr().err


def test_a_runs_answers_are_not_predicts_to_replace(
    drawn: Path, fitted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(fitted)
    picture = drawn.parent / "images" / "1.jpg"
    ask = ["predict", fitted / "model", picture, *CPU, "--out", fitted / "predictions.csv"]
    assert run(*ask) == 2
    assert "belongs to the results of headstart fit" in capsys.readouterr().err
    ask = ["evaluate", fitted / "model", drawn, "--images", drawn.parent / "images", *CPU]
    assert run(*ask, "--out", fitted) == 2
    assert "is of headstart fit" in capsys.readouterr().err
    assert files(fitted) == before


def test_a_run_of_the_version_before_is_replaced(work: Path, drawn: Path, fitted: Path) -> None:
    shutil.copytree(fitted, work / "run")
    for path in (work / "run").rglob(".headstart.json"):
        path.unlink()
    # That version did not write them.
    for name in (
        "README.md", "figures.json", "familiar.safetensors", "examples.safetensors", "examples.json"
    ):  # fmt: skip
        (work / "run" / "model" / name).unlink()
    (work / "run" / "notes.txt").write_text("mine")
    ask = ["fit", "labels.csv", "--images", drawn.parent / "images", *FIT]
    assert run(*ask) == 0
    assert (work / "run" / "notes.txt").read_text() == "mine"
    assert (work / "run" / ".headstart.json").exists()
    load(work / "run" / "model", device="cpu")


def test_only_what_is_certain_is_taken_for_an_earlier_run(
    work: Path, drawn: Path, fitted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(fitted, work / "run")
    for path in (work / "run").rglob(".headstart.json"):
        path.unlink()
    ask = ["fit", "labels.csv", "--images", drawn.parent / "images", *FIT]
    for name, text in (("split.csv", "image,label,part\n"), ("report.html", "<p>mine</p>"),
                       ("run.json", json.dumps({"recipe": "of a cake"}))):  # fmt: skip
        ours = (work / "run" / name).read_text()
        (work / "run" / name).write_text(text)
        before = files(work)
        assert run(*ask) == 2
        assert "was not written by this program" in capsys.readouterr().err
        assert files(work) == before
        (work / "run" / name).write_text(ours)


@pytest.fixture
def class_folders(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pictures in one folder a class; the current folder."""
    for line in drawn.read_text().splitlines()[1:]:
        name, label = line.split(",")
        (tmp_path / "set" / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(drawn.parent / "images" / name, tmp_path / "set" / label)
    monkeypatch.chdir(tmp_path / "set")
    return tmp_path / "set"


def test_results_in_the_scanned_folder_are_left_out(
    class_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fit", ".", *FIT) == 0
    assert run("fit", ".", *FIT) == 0
    assert "1 result of this program left out: run" in capsys.readouterr().err
    assert run("check", ".", *BACKBONE, *CPU, "--no-near-duplicates") in (0, 1)
    shutil.copytree("run", "0/old run")
    (class_folders / "0" / "old run" / ".headstart.json").unlink()  # of the version before
    assert run("fit", ".", "--out", "inside/run", *FIT) == 0
    assert run("fit", ".", "--out", "inside/run", *FIT) == 0
    assert run("compare", ".", "--out", ".", *SMALL) == 0
    assert run("compare", ".", "--out", ".", *SMALL) == 0
    assert "results of this program left out: " in capsys.readouterr().err


def test_pictures_of_the_user_in_a_run_are_not_left_out(
    class_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fit", ".", *FIT, "--out", "0") == 0
    assert run("fit", ".", *FIT, "--out", "0") == 0
    assert "12 pictures" not in capsys.readouterr().err
    metrics = json.loads((class_folders / "0" / "metrics.json").read_text())
    assert metrics["n_train"] + metrics["n_test"] == 24


def test_a_failed_start_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    assert run("fit", "pictures") == 1
    assert run("check", "pictures") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_saving_into_the_current_folder_keeps_it(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").mkdir()
    monkeypatch.chdir(tmp_path / "m")
    model = load_folder(fitted / "model", device="cpu")
    for _ in range(2):
        model.save(".")
        assert Path.cwd().samefile(tmp_path / "m")
        load(".", device="cpu")


def test_the_demo_writes_over_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.jpg").write_bytes(b"mine")
    assert run("demo", tmp_path) == 2
    assert "images/1.jpg was not written by this program" in capsys.readouterr().err
    (tmp_path / "labels.csv").write_text("image,label\n")
    assert run("demo", tmp_path) == 2
    assert "labels.csv is not the table of the drawn pictures" in capsys.readouterr().err
    assert (tmp_path / "images" / "1.jpg").read_bytes() == b"mine"


def test_clearing_the_cache_takes_marked_files_only(
    fitted: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(fitted.parent / "cache", own_cache)
    ours = {path for path in own_cache.rglob("*") if path.is_file()}
    assert all(is_ours(path) for path in ours)
    assert {path.suffix for path in ours} >= {".sqlite", ".json", ".safetensors"}
    foreign = [
        own_cache / "downloads" / "thesis.pdf",
        own_cache / "features" / "mine.sqlite",
        own_cache / "features" / "text.sqlite",
        own_cache / "backbones" / "mine.json",
        own_cache / "backbones" / "mine.safetensors",
        own_cache / "trunks" / "mine.json",
        own_cache / "mine.sqlite",
    ]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        if path.name == "mine.sqlite":
            with closing(sqlite3.connect(path)) as store, store:
                store.execute("CREATE TABLE features (sha256, view, mine)")
        else:
            path.write_text('{"info": 1, "files": 2}')
    (own_cache / "features" / "link.sqlite").symlink_to(own_cache / "images.sqlite")
    before = {path: path.read_bytes() for path in foreign}
    capsys.readouterr()
    assert run("cache", "--clear") == 0
    shown = capsys.readouterr().out
    assert "8 files not of this program kept: " in shown
    assert {path: path.read_bytes() for path in foreign} == before
    assert not [path for path in ours if path.exists()]


def test_files_of_the_version_before_are_known_by_their_tables(own_cache: Path) -> None:
    (own_cache / "features").mkdir(parents=True)
    path = own_cache / "features" / "0123.sqlite"
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("CREATE TABLE features (sha256 BLOB, view TEXT, vector BLOB)")
    assert is_ours(path)
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("CREATE TABLE mine (words TEXT)")
    assert not is_ours(path)
