"""The terminal program as a user meets it: what it prints, writes, and how it ends."""

from __future__ import annotations

import csv
import json
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.conftest import draw_pictures
from tests.program import run

BACKBONE = ["--backbone", "test_resnet", "--random-weights", "--image-size", "32"]
CPU = ["--device", "cpu"]


def write_labelled(pictures: list[Path], table: Path) -> Path:
    """A table of 24 rows over 12 pictures' folder; each class has 12 different pictures."""
    rng = np.random.default_rng(8)
    rows = [(path.name, "red" if n < 6 else "blue") for n, path in enumerate(pictures)]
    for number in range(12, 24):
        base = (200, 60, 50) if number % 2 else (50, 60, 200)
        pixels = np.clip(np.array(base) + rng.normal(0, 25, (20, 24, 3)), 0, 255)
        name = f"p{number}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(pictures[0].parent / name)
        rows.append((name, "red" if number % 2 else "blue"))
    table.write_text("image,label\n" + "".join(f"{n},{label}\n" for n, label in rows))
    return table


@pytest.fixture
def labelled(pictures: list[Path], tmp_path: Path) -> Path:
    return write_labelled(pictures, tmp_path / "labels.csv")


def fit(labelled: Path, pictures: list[Path], out: Path) -> int:
    return run("fit", labelled, "--images", pictures[0].parent, "--out", out, *BACKBONE, *CPU,
               "--test-fraction", "0.25")  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on such a table, and the cache that its fit has filled."""
    root = tmp_path_factory.mktemp("made")
    pictures = draw_pictures(root / "pictures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        assert fit(write_labelled(pictures, root / "labels.csv"), pictures, root / "run") == 0
    return root


@pytest.fixture
def fitted(made: Path, labelled: Path, tmp_path: Path) -> Path:
    for name in ("run", "cache"):
        shutil.copytree(made / name, tmp_path / name)
    return tmp_path / "run"


def test_fit_says_what_it_took_and_found(
    labelled: Path, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(labelled, pictures, tmp_path / "run") == 0
    shown = capsys.readouterr()
    assert "images from column 'image'" in shown.err
    assert "accuracy [95 % interval]" in shown.out
    assert f"model: {tmp_path / 'run' / 'model'}" in shown.out


def test_fit_writes_all_that_is_promised(
    labelled: Path, pictures: list[Path], tmp_path: Path
) -> None:
    fitted = tmp_path / "run"
    assert fit(labelled, pictures, fitted) == 0
    metrics = json.loads((fitted / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] == 1.0
    low, high = metrics["test"]["accuracy_interval"]
    assert 0.6 < low < high == 1.0
    assert metrics["folds"]["accuracy_mean"] > 0.9
    assert metrics["folds"]["accuracy_standard_error"] is not None
    assert np.array(metrics["test"]["confusion_matrix"]).sum() == metrics["n_test"] == 6
    assert metrics["classes"] == ["blue", "red"]
    assert metrics["n_train"] == 18
    assert metrics["backbone"] == "test_resnet"
    assert {"embed", "head"} <= set(metrics["seconds"])
    with (fitted / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "image", "label", "predicted", "probability", "p(blue)", "p(red)", "error",
    ]  # fmt: skip
    assert len(rows) == 6
    with (fitted / "split.csv").open() as file:
        assert [r["split"] for r in csv.DictReader(file)].count("test") == 6
    record = json.loads((fitted / "run.json").read_text())
    assert record["source"] == str(labelled)
    assert record["options"]["backbone"]["backbone"] == "test_resnet"
    assert record["seed"] == 13
    assert len(record["data_digest"]) == 64


def test_predict_gives_one_row_a_picture_in_order_with_errors(
    fitted: Path, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pictures[0].parent
    (folder / "p05a.png").write_bytes(pictures[0].read_bytes()[:200])
    code = run("predict", fitted / "model", folder, "--out", tmp_path / "answers.csv", *CPU)
    assert code == 1
    with (tmp_path / "answers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["image"]).name for row in rows] == sorted(p.name for p in folder.iterdir())
    bad = [row for row in rows if row["error"]]
    assert [Path(row["image"]).name for row in bad] == ["p05a.png"]
    assert "truncated" in bad[0]["error"]
    assert bad[0]["predicted"] == bad[0]["probability"] == ""
    assert rows[0]["predicted"] == "red"
    code = run("predict", fitted / "model", pictures[1], pictures[7], pictures[1], *CPU)
    assert code == 0
    assert "red" in capsys.readouterr().out


def test_rows_of_a_table_keep_their_order_and_repeat(
    fitted: Path, pictures: list[Path], tmp_path: Path
) -> None:
    names = ["p07.png", "p01.png", "broken.png", "p03.png", "missing.png", "p02.png", "p07.png"]
    (pictures[0].parent / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n123")
    table = tmp_path / "ask.csv"
    table.write_text("image\n" + "".join(f"{name}\n" for name in names))
    for workers in ("1", "3"):
        code = run("predict", fitted / "model", table, "--images", pictures[0].parent, "--out",
                   tmp_path / "a.csv", "--workers", workers, *CPU)  # fmt: skip
        assert code == 1
        with (tmp_path / "a.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [row["image"] for row in rows] == names
        assert [bool(row["error"]) for row in rows] == [
            n in ("broken.png", "missing.png") for n in names
        ]


def test_evaluate_scores_by_name(
    fitted: Path, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "other.csv"
    table.write_text("image,label\np00.png,red\np01.png,red\np07.png,green\n")
    ask = ("evaluate", fitted / "model", table, "--images", pictures[0].parent, *CPU)
    assert run(*ask) == 1
    assert "1 of 3 rows cannot be scored, more than 5%." in capsys.readouterr().err
    code = run(*ask, "--out", tmp_path / "eval", "--skip-bad")
    assert code == 0
    figures = json.loads((tmp_path / "eval" / "metrics.json").read_text())["test"]
    assert figures["accuracy"] == 1.0
    assert figures["n"] == 2
    assert figures["unknown"] == {"green": 1}
    recalls = {row["name"]: row["recall"] for row in figures["per_class"]}
    assert recalls == {"blue": None, "red": 1.0}
    shown = capsys.readouterr().out
    assert "'green' is not a class of the model (1 picture): not scored." in shown
    assert "Class 'blue' has no scored picture: its recall is undefined." in shown
    table.write_text("image,label\np00.png,rouge\np01.png,bleu\n")
    code = run("evaluate", fitted / "model", table, "--images", pictures[0].parent, *CPU)
    assert code == 1
    assert "no picture can be scored" in capsys.readouterr().err


def test_evaluate_scores_the_test_rows_of_a_given_split(
    fitted: Path, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "other.csv"
    head = "image,label,part\n"
    table.write_text(head + "p00.png,red,train\np01.png,red,test\np07.png,blue,val\n")
    ask = ["evaluate", fitted / "model", table, "--images", pictures[0].parent, *CPU]
    capsys.readouterr()
    assert run(*ask, "--split-column", "part", "--out", tmp_path / "eval") == 0
    told = "the 1 test rows of the given split are scored, 2 others are not"
    assert told in capsys.readouterr().err
    answers = (tmp_path / "eval" / "predictions.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in answers[1:]] == ["p01.png"]
    table.write_text(head + "p00.png,red,train\np07.png,blue,train\n")
    assert run(*ask, "--split-column", "part") == 1
    assert "has no test row among its 2" in capsys.readouterr().err
    for part, count in (("train", 2), ("test", 1)):
        folder = tmp_path / "parts" / part / "red"
        folder.mkdir(parents=True)
        for path in pictures[:count]:
            (folder / path.name).write_bytes(path.read_bytes() + part.encode())
    assert run("evaluate", fitted / "model", tmp_path / "parts", *CPU) == 0
    assert told in capsys.readouterr().err


def test_embed_writes_features(labelled: Path, pictures: list[Path], tmp_path: Path) -> None:
    out, lines = tmp_path / "features.npz", labelled.read_text().splitlines()
    rows = [f"{line},{'test' if n % 3 else 'train'},g{n % 2}" for n, line in enumerate(lines[1:])]
    labelled.write_text("\n".join([lines[0] + ",part,patient", *rows]) + "\n")
    more = ["--split-column", "part", "--group-column", "patient", "--views", "2"]
    ask: list[str | Path] = ["embed", labelled, "--images", pictures[0].parent, "--out", out]
    assert run(*ask, *BACKBONE, *CPU, *more) == 0
    with np.load(out, allow_pickle=False) as arrays:
        assert arrays["features"].shape[0] == 24
        assert arrays["views"].shape[:2] == (24, 2)
        assert list(arrays["labels"][:2]) == ["red", "red"]
        assert list(arrays["splits"][:2]) == ["train", "test"]
        assert list(arrays["groups"][:2]) == ["g0", "g1"]
        assert arrays["images"][0] == "p00.png"


@pytest.mark.parametrize("verb", ["fit", "embed", "evaluate"])
def test_a_broken_picture_stops_with_its_name(
    verb: str, fitted: Path, labelled: Path, pictures: list[Path], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    pictures[2].write_bytes(pictures[2].read_bytes()[:180])
    labelled.write_text(labelled.read_text() + "gone.png,red\n")
    before = {p: p.stat().st_mtime_ns for p in fitted.rglob("*") if p.is_file()}
    start = {"evaluate": ["evaluate", str(fitted / "model")]}.get(verb, [verb])
    backbone = [] if verb == "evaluate" else BACKBONE
    ask: list[str | Path] = [*start, labelled, "--images", pictures[0].parent, *backbone, *CPU]
    out = tmp_path / "second"
    assert run(*ask, "--out", out) == 1
    told = capsys.readouterr().err
    assert "2 bad inputs" in told
    assert "labels.csv, line 4: p02.png: " in told
    assert "truncated" in told
    assert "gone.png" in told
    assert "--skip-bad" in told
    assert run(*ask, "--out", out, "--skip-bad") == 0
    assert {p: p.stat().st_mtime_ns for p in fitted.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fit", "nothing.csv"], 1, "nothing.csv"),
        (["fit"], 2, "SOURCE"),
        (["fit", "x", "--head", "magic"], 2, "magic"),
        (["fit", "x", "--no-such-option"], 2, "no-such-option"),
        (["predict", "nowhere", "a.jpg"], 1, "is not a model of this program"),
        (["nothing"], 2, "nothing"),
    ],
)
def test_wrong_use_and_bad_data_have_their_codes(
    arguments: list[str], code: int, message: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == code
    shown = capsys.readouterr()
    assert message in shown.out + shown.err
    assert "Traceback" not in shown.err


def test_a_class_too_small_is_named(
    labelled: Path, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled.write_text(labelled.read_text().replace("p23.png,red", "p23.png,owl"))
    code = run(
        "fit", labelled, "--images", pictures[0].parent, "--out", tmp_path / "r", *BACKBONE, *CPU
    )
    assert code == 1
    assert "class 'owl' has 1 picture" in capsys.readouterr().err


def test_backbones_and_cache(fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run("backbones") == 0
    shown = capsys.readouterr().out
    assert "tf_efficientnet_lite0" in shown
    assert "fc7 4096" in shown
    assert run("cache") == 0
    assert "images.sqlite" in capsys.readouterr().out
    assert run("cache", "--clear") == 0
    assert "freed" in capsys.readouterr().out
    assert run("cache") == 0
    assert "0 bytes" in capsys.readouterr().out


def test_demo_does_the_whole_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the small CNN it only counts that it is compared.
    monkeypatch.setattr(import_module("headstart.cli.demo"), "EPOCHS", 2)
    assert run("demo", tmp_path / "demo") == 0
    shown = capsys.readouterr().out
    assert "accuracy" in shown
    assert "probability" in shown
    with (tmp_path / "demo" / "labels.csv").open() as file:
        assert next(csv.reader(file)) == ["image_names", "emergency_or_not"]
    metrics = json.loads((tmp_path / "demo" / "run" / "metrics.json").read_text())
    assert metrics["folds"]["accuracy_mean"] > 0.85
    assert run("demo", tmp_path / "demo") == 0
    again = json.loads((tmp_path / "demo" / "run" / "metrics.json").read_text())
    assert again["pictures_embedded"] == 0
    assert again["test"] == metrics["test"]
