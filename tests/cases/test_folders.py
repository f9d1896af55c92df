"""Odd folders through fit and evaluate: what counts as a class, a picture, a part."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headstart import ImageClassifier
from headstart.data.inputs import read_images
from headstart.options import ReadOptions

Call = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path, paint: Call) -> Path:
    """Six red cats and six blue dogs in class folders."""
    folder = tmp_path / "root"
    for number in range(6):
        paint(folder / "cat" / f"{number}.png", "red", seed=number)
        paint(folder / "dog" / f"{number}.png", "blue", seed=100 + number)
    return folder


@pytest.fixture
def fit(run: Call, tmp_path: Path, rows_of: Call) -> Call:
    """Fit a folder; how it ended, and the parts of each picture."""

    def ended(folder: Path, *options: object, split: bool = True) -> Any:
        out = tmp_path / "run"
        options = ("--test-fraction", "0.25", *options) if split else options
        done = run("fit", folder, "--out", out, "--folds", "0", *options)
        if done.code:
            assert not (out / "model").exists()
            return done, {}
        return done, {row["image"]: row["split"] for row in rows_of(out / "split.csv")}

    return ended


def metrics_of(folder: Path) -> Any:
    return json.loads((folder / "metrics.json").read_text())


def test_c33_extensions_in_any_case(tmp_path: Path, paint: Call, fit: Call) -> None:
    names = ["cat/a.JPG", "cat/b.Jpeg", "cat/c.jpg", "dog/a.PNG", "dog/b.Png", "dog/c.TIFF"]
    for seed, name in enumerate((*names, "dog/d.jfif")):
        paint(tmp_path / "root" / name, seed=seed)
    (tmp_path / "root" / "cat" / "notes.txt").write_text("none")
    ended, sides = fit(tmp_path / "root")
    assert ended.code == 0
    assert sorted(sides) == sorted((*names, "dog/d.jfif"))
    assert "1 file left out, no picture by name: cat/notes.txt" in ended.err


def test_c34_system_files_are_no_classes_and_no_pictures(
    root: Path, paint: Call, fit: Call, tmp_path: Path
) -> None:
    for name in (".DS_Store", "cat/._0.png", "cat/Thumbs.db", "dog/desktop.ini", "cat/.DS_Store"):
        (root / name).write_bytes(b"\x00\x05\x16\x07" + b"\0" * 60)
    for folder in (".ipynb_checkpoints", "cat/.ipynb_checkpoints", "__MACOSX/cat"):
        paint(root / folder / "copy.png")
    ended, sides = fit(root)
    assert ended.code == 0
    assert len(sides) == 12
    assert metrics_of(tmp_path / "run")["classes"] == ["cat", "dog"]


def test_c36_links(root: Path, paint: Call, fit: Call, tmp_path: Path) -> None:
    elsewhere = paint(tmp_path / "elsewhere" / "far.png", "blue", seed=77)
    (root / "cat" / "loop").symlink_to("..")
    (root / "cat" / "broken.png").symlink_to("nowhere.png")
    (root / "dog" / "far.png").symlink_to(elsewhere)
    began = time.monotonic()
    read_images(root, ReadOptions())
    assert time.monotonic() - began < 5
    ended, _ = fit(root)
    assert ended.code == 1
    assert "1 bad input:\n  cat/broken.png: broken link to nowhere.png" in ended.err
    ended, sides = fit(root, "--skip-bad")
    assert ended.code == 0
    assert len(sides) == 13
    assert sum(name.startswith("dog/") for name in sides) == 7


def test_c38_a_class_with_one_picture(root: Path, paint: Call, fit: Call) -> None:
    paint(root / "owl" / "0.png", "white")
    ended, _ = fit(root)
    assert ended.code == 1
    assert "class 'owl' has 1 picture; a training and a test part need at least 2" in ended.err
    assert "--exclude owl" in ended.err
    ended, sides = fit(root, "--exclude", "owl")
    assert ended.code == 0
    assert "class 'owl' left out: 1 row" in ended.err
    assert len(sides) == 12


def test_c39_empty_class_folders(root: Path, fit: Call, tmp_path: Path) -> None:
    (root / "bird").mkdir()
    (root / "fish").mkdir()
    (root / "fish" / "readme.txt").write_text("soon")
    ended, _ = fit(root)
    assert ended.code == 1
    assert "bird: no picture in it (empty folder)" in ended.err
    assert "fish: no picture in it (1 other file)" in ended.err
    ended, _ = fit(root, "--skip-bad")
    assert ended.code == 0
    assert "2 bad inputs left out" in ended.err
    described = json.loads((tmp_path / "run" / "model" / "headstart.json").read_text())
    assert described["classes"] == ["cat", "dog"]
    assert metrics_of(tmp_path / "run")["test"]["confusion_matrix"] == [[2, 0], [0, 1]]


def test_c40_other_classes_in_validation_than_in_training(
    tmp_path: Path, paint: Call, fit: Call, run: Call
) -> None:
    colours = {"a": "red", "b": "green", "c": "blue", "d": "white"}
    for part, names in (("train", "abc"), ("val", "bc"), ("val2", "bcd")):
        for name in names:
            for number in range(3):
                path = tmp_path / "sets" / part / name / f"{part}{number}.png"
                paint(path, colours[name], seed=len(part) * 10 + number)
    ended, _ = fit(tmp_path / "sets")
    assert ended.code == 1
    assert "'train' and 'val' look like parts of a split, 'val2' not" in ended.err
    paths = sorted((tmp_path / "sets" / "train").glob("*/*.png"))
    labels = [path.parent.name for path in paths]
    ImageClassifier("test_resnet", random_weights=True, image_size=32, device="cpu", C=100.0).fit(
        paths, labels
    ).save(tmp_path / "model")
    for part, unknown in (("val", {}), ("val2", {"d": 3})):
        ask = ("evaluate", tmp_path / "model", tmp_path / "sets" / part, "--out", tmp_path / part)
        assert run(*ask).code == bool(unknown)
        ended = run(*ask, "--skip-bad")
        assert ended.code == 0
        figures = metrics_of(tmp_path / part)["test"]
        assert figures["accuracy"] == 1.0
        assert figures["classes"] == ["a", "b", "c"]
        assert figures["confusion_matrix"] == [[0, 0, 0], [0, 3, 0], [0, 0, 3]]
        recalls = {row["name"]: (row["support"], row["recall"]) for row in figures["per_class"]}
        assert recalls == {"a": (0, None), "b": (3, 1.0), "c": (3, 1.0)}
        assert figures["unknown"] == unknown
    assert "'d' is not a class of the model (3 pictures): not scored." in ended.out


def test_c41_parts_are_no_classes(tmp_path: Path, paint: Call, fit: Call) -> None:
    seed = 0
    for part, count in (("train", 3), ("val", 2), ("test", 2)):
        for kind, colour in (("cat", "red"), ("dog", "blue")):
            for number in range(count):
                paint(tmp_path / "sets" / part / kind / f"{number}.png", colour, seed=seed)
                seed += 1
    ended, sides = fit(tmp_path / "sets", split=False)
    assert ended.code == 0
    assert "parts: test 4, train 6, val 4" in ended.err
    assert metrics_of(tmp_path / "run")["classes"] == ["cat", "dog"]
    assert {name for name, side in sides.items() if side == "test"} == {
        f"test/{kind}/{number}.png" for kind in ("cat", "dog") for number in range(2)
    }


def test_c41_a_wrapper_folder_is_no_class(root: Path, tmp_path: Path, fit: Call) -> None:
    (tmp_path / "wrapped" / "dataset").mkdir(parents=True)
    root.rename(tmp_path / "wrapped" / "dataset" / "images")
    ended, _ = fit(tmp_path / "wrapped")
    assert ended.code == 1
    assert "one class only ('dataset')" in ended.err
    assert "wrapped/dataset/images (2 classes, 12 pictures)?" in ended.err


# Twelve classes: the colours of a wheel, far enough apart for an untrained backbone.
WHEEL = {
    "1": (255, 0, 0), "2": (0, 200, 0), "3": (0, 0, 255), "4": (255, 255, 0),
    "5": (255, 0, 255), "6": (0, 255, 255), "7": (255, 255, 255), "8": (0, 0, 0),
    "9": (128, 128, 128), "10": (255, 128, 0), "11": (128, 0, 255), "12": (110, 60, 20),
}  # fmt: skip


@pytest.fixture
def twelve(tmp_path: Path, paint: Call) -> Path:
    """Folders 1 to 12 with three pictures each."""
    for name, colour in WHEEL.items():
        for number in range(3):
            path = tmp_path / "twelve" / name / f"p{number}.png"
            paint(path, colour, seed=int(name) * 10 + number, noise=4.0)
    return tmp_path / "twelve"


def test_c29_c51_ten_stays_ten_wherever_the_model_goes(
    twelve: Path, tmp_path: Path, run: Call, rows_of: Call
) -> None:
    table = tmp_path / "twelve.csv"
    names = [f"{name}/p{number}.png" for name in WHEEL for number in range(3)]
    rows = [f"{name},{name.partition('/')[0]}\n" for name in reversed(names)]
    table.write_text("image,label\n" + "".join(rows))
    options = ("--folds", "0", "--test-fraction", "0.34", "--C", "1000")
    models: list[Path] = []
    for source, more in ((twelve, ()), (table, ("--images", twelve))):
        out = tmp_path / f"run{len(models)}"
        assert run("fit", source, *more, "--out", out, *options).code == 0
        models.append(out / "model")
        described = json.loads((out / "model" / "headstart.json").read_text())
        assert described["classes"] == list(WHEEL)  # the same for folder and table
    # C51: the pictures lie elsewhere now, the model too; folders are fewer and in another order.
    moved = twelve.rename(tmp_path / "elsewhere")
    for number in (1, 2, 7):
        (moved / str(number)).rename(tmp_path / f"gone{number}")
    model = models[0].rename(tmp_path / "model of another machine")
    out = tmp_path / "answers.csv"
    assert run("predict", model, moved / "12", moved / "10", moved / "3", "--out", out).code == 0
    found = rows_of(out)
    assert [row["predicted"] for row in found] == ["12"] * 3 + ["10"] * 3 + ["3"] * 3
    assert [key for key in found[0] if key.startswith("p(")] == [f"p({name})" for name in WHEEL]
    assert run("evaluate", model, moved, "--out", tmp_path / "e").code == 0
    figures = metrics_of(tmp_path / "e")["test"]
    assert figures["n"] == 27
    assert figures["accuracy"] == 1.0
    scored = {row["image"]: row for row in rows_of(tmp_path / "e" / "predictions.csv")}
    for row in found:  # the same answers, alone or among others
        name = "/".join(Path(row["image"]).parts[-2:])
        assert float(scored[name]["p(10)"]) == pytest.approx(float(row["p(10)"]), abs=1e-5)
