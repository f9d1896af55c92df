"""The card and the figures in a model folder: short, true, and no condition for loading."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.program import run
from tests.small_set import write_small_set
from tests.tiny_classifier import LABELS, classifier

from headstart.model_card import read_figures
from headstart.model_dir import load_model
from headstart.outputs.manifest import read_manifest

TINY = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32", "--device", "cpu")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("card")
    write_small_set(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        words = (root / "labels.csv", "--images", root / "images", *TINY, "--folds", "3")
        assert run("fit", *words, "--out", root / "run") == 0
    return root / "run"


def test_a_fit_writes_a_card_with_its_figures(fitted: Path) -> None:
    text = (fitted / "model" / "README.md").read_text(encoding="utf-8")
    metrics = json.loads((fitted / "metrics.json").read_text())
    record = json.loads((fitted / "run.json").read_text())
    test, low_high = metrics["test"], metrics["test"]["accuracy_interval"]
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    assert "- image-classification" in head
    assert "library_name: timm" in head
    assert f"value: {test['accuracy']!r}" in head
    assert f"{test['accuracy']:.3f} | {low_high[0]:.3f} to {low_high[1]:.3f}" in body
    assert "| 3 folds, 26 pictures |" in body
    assert record["data_digest"] in body
    assert "`blue`, `green`, `red`" in body
    assert "headstart predict THIS_FOLDER" in body
    assert "timm.create_model" in body
    assert len(text.splitlines()) < 70
    assert str(fitted) not in text
    manifest = read_manifest(fitted / "model")
    assert manifest is not None
    assert {"README.md", "figures.json"} <= set(manifest.files)


def test_figures_are_the_folders_own_or_the_runs(fitted: Path, tmp_path: Path) -> None:
    own = read_figures(fitted / "model")
    assert own is not None
    assert own["folds"]["count"] == 3
    (fitted / "model" / "figures.json").rename(tmp_path / "figures.json")
    assert read_figures(fitted / "model") == own
    (tmp_path / "figures.json").rename(fitted / "model" / "figures.json")
    assert read_figures(tmp_path) is None


def test_a_folder_without_a_card_is_a_model(fitted: Path, tmp_path: Path) -> None:
    for file in (fitted / "model").iterdir():
        if file.name not in ("README.md", "figures.json", ".headstart.json"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    assert load_model(tmp_path).classes == ("blue", "green", "red")


def test_a_model_saved_by_itself_says_that_nothing_was_measured(
    pictures: list[Path], tmp_path: Path
) -> None:
    odd = ["*bold* `x`\n---" if label == "red" else label for label in LABELS]
    fitted = classifier(head="knn").fit(pictures, odd)
    fitted.save(tmp_path / "model")
    text = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "Nothing was kept of how it was measured." in text
    assert "timm does not open it" in text
    assert "library_name: headstart" in text
    assert len(re.findall("^---$", text, re.M)) == 2  # a class cannot end the head
    assert "`*bold* 'x'\\x0a---`" in text
