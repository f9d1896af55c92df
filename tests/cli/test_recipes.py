"""Epochs, training from scratch, views and the comparison, as a user asks for them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from tests.program import run

from headstart.samples.drawn_set import write_drawn

CPU = ["--device", "cpu"]
BACKBONE = ["--backbone", "test_resnet", "--random-weights", "--image-size", "32"]
FIGURES = ("epoch", "training_loss", "training_accuracy", "validation_loss", "validation_accuracy")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn(tmp_path_factory.mktemp("drawn"), count=40)


def fit(table: Path, out: Path, *more: str) -> dict[str, object]:
    images = table.parent / "images"
    assert run("fit", table, "--images", images, "--out", out, *CPU, *more) == 0
    metrics: dict[str, object] = json.loads((out / "metrics.json").read_text())
    return metrics


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_epochs_train_the_head_and_tell_each_epoch(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = fit(table, tmp_path / "run", *BACKBONE, "--epochs", "4", "--folds", "3")
    told = capsys.readouterr().err
    assert told.count("epoch ") == 4  # the folds' epochs are not told
    rows = history(tmp_path / "run")
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert all(row[name] for row in rows for name in FIGURES)
    assert metrics["strength"] is None
    assert run("predict", tmp_path / "run" / "model", table.parent / "images", *CPU) == 0


def test_training_from_nothing_gives_a_model_like_any_other(table: Path, tmp_path: Path) -> None:
    options = ("--recipe", "scratch", "--epochs", "2", "--image-size", "32")
    metrics = fit(table, tmp_path / "run", *options)
    assert metrics["backbone"] == "small_cnn"
    assert metrics["folds"] is None
    assert len(history(tmp_path / "run")) == 2
    described = json.loads((tmp_path / "run" / "model" / "headstart.json").read_text())
    assert described["timm"]["why_not"] == "small_cnn is no architecture of timm"
    images = table.parent / "images"
    out = tmp_path / "answers.csv"
    assert run("predict", tmp_path / "run" / "model", table, "--images", images, "--out", out) == 0
    with out.open() as file:
        answers = {row["image"]: row["p(1)"] for row in csv.DictReader(file)}
    with (tmp_path / "run" / "predictions.csv").open() as file:
        for row in csv.DictReader(file):
            assert float(answers[row["image"]]) == pytest.approx(float(row["p(1)"]), abs=1e-5)


def test_same_seed_same_model(table: Path, tmp_path: Path) -> None:
    options = ("--recipe", "scratch", "--epochs", "2", "--image-size", "32", "--seed", "5")
    for name, workers in (("one", "1"), ("two", "3")):
        fit(table, tmp_path / name, *options, "--workers", workers)
    files = ("split.csv", "predictions.csv", "model/model.safetensors", "model/head.safetensors")
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_views_are_for_training_rows_only(table: Path, tmp_path: Path) -> None:
    plain = fit(table, tmp_path / "plain", *BACKBONE, "--folds", "0")
    views = fit(table, tmp_path / "views", *BACKBONE, "--folds", "0", "--views", "2")
    assert plain["n_train"] == views["n_train"]
    assert plain["n_test"] == views["n_test"]
    assert plain["test"] != views["test"]


def test_compare_shares_the_split_and_says_what_differs(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, out = table.parent / "images", tmp_path / "comparison"
    models = "small_cnn,small_cnn:once,tf_efficientnet_lite0,tf_efficientnet_lite0+knn"
    options = ["--epochs", "2", "--image-size", "32", "--folds", "4", "--test-fraction", "0.3"]
    ask: list[str | Path] = ["compare", table, "--images", images, "--models", models]
    code = run(*ask, "--out", out, *options, *CPU)
    assert code == 0
    content = json.loads((out / "comparison.json").read_text())
    rows = {row["model"]: row for row in content["rows"]}
    assert list(rows) == models.split(",")
    assert sum(row["is_best"] for row in rows.values()) == 1
    assert content["n_test"] == 12
    record = content["record"]
    assert (record["source"], record["options"]["models"]) == (str(table), models)
    assert "weights" not in record["options"]
    for row in rows.values():
        low, high = row["accuracy_interval"]
        assert low <= row["accuracy"] <= high
        assert row["bytes_on_disk"] > 1000
    assert rows["small_cnn"]["folds_mean"] is None
    assert rows["small_cnn"]["trainable_parameters"] == rows["small_cnn"]["total_parameters"]
    assert rows["tf_efficientnet_lite0"]["trainable_parameters"] == 2 * 1281
    answered = [
        (out / "models" / name / "predictions.csv").read_text().splitlines()
        for name in ("small_cnn", "small_cnn-once", "tf_efficientnet_lite0-knn")
    ]
    assert len({tuple(line.split(",")[0] for line in lines) for lines in answered}) == 1
    assert (out / "report.html").exists()
    assert "report:" in capsys.readouterr().out


def test_compare_names_what_is_missing_before_anything_runs(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, out = table.parent / "images", tmp_path / "c"
    ask: list[str | Path] = ["compare", table, "--images", images, "--out", out, *CPU, "--models"]
    assert (
        run(*ask, "tf_efficientnet_lite0,vgg16", "--weights", f"vgg16={tmp_path / 'no.pth'}") == 2
    )
    told = capsys.readouterr().err
    assert "no.pth is not there" in told
    assert "--skip-missing" in told
    assert not (out / "comparison.json").exists()
    more = ["--weights", f"vgg16={tmp_path / 'no.pth'}", "--skip-missing", "--image-size", "32"]
    assert run(*ask, "tf_efficientnet_lite0,vgg16", *more) == 0
    content = json.loads((out / "comparison.json").read_text())
    assert content["record"]["options"]["weights"] == f"vgg16={tmp_path / 'no.pth'}"
    rows = content["rows"]
    assert rows[1]["accuracy"] is None
    assert "no.pth is not there" in rows[1]["missing"]
    assert "vgg16 was not run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ("resnet18:fc9", "layer is 'fc9'; it must be pooled"),
        ("resnet18+tree", "no backbone is called 'tree'"),
        ("small_cnn+svm", "its own last layer"),
        ("a,a", "twice"),
        (",", "empty"),
    ],
)
def test_wrong_model_names(
    models: str, message: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compare", table, "--models", models, "--out", tmp_path / "c") == 2
    assert message in capsys.readouterr().err


def test_predict_shows_the_pictures(table: Path, tmp_path: Path) -> None:
    from PIL import Image

    fit(table, tmp_path / "run", *BACKBONE, "--folds", "0")
    images = sorted((table.parent / "images").iterdir())[:3]
    sheet = tmp_path / "sheet.png"
    assert run("predict", tmp_path / "run" / "model", *images, "--show", sheet, *CPU) == 0
    with Image.open(sheet) as shown:
        assert np.asarray(shown.convert("RGB")).std() > 10
