"""Tables for spreadsheets: names that would be formulas go out harmless and come back whole."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.program import run

TINY = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32", "--device", "cpu")
CLASSES = ("=1+1", "'@b")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    rng = np.random.default_rng(0)
    for number, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for row in range(10):
            pixels = rng.integers(0, 120, (24, 24, 3), dtype=np.uint8)
            pixels[..., 2 * number] += 100
            Image.fromarray(pixels).save(root / name / f"{row}.png")
    return root


def column(path: Path, name: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def risky(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            cell for row in csv.reader(file) for cell in row if cell[:1] in ("=", "+", "-", "@")
        ]


def test_names_go_round_through_every_table(pictures: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    ask = (*TINY, "--folds", "3", "--safe-csv")
    assert run("fit", pictures, *ask, "--out", one) == 0
    for table in ("split.csv", "predictions.csv", "fold_predictions.csv"):
        assert not risky(one / table), table
        assert "safe_csv" in (one / table).read_text().splitlines()[0]
    assert set(column(one / "split.csv", "label")) == {"'=1+1", "''@b"}
    # The split that was written is read again, without a word of the option.
    again = ("--images", pictures, "--split-column", "split", *TINY, "--folds", "3")
    assert run("fit", one / "split.csv", *again, "--out", two) == 0
    assert set(column(two / "split.csv", "label")) == set(CLASSES)
    tested = column(two / "predictions.csv", "image")
    assert sorted(f"'{name}" for name in tested) == sorted(column(one / "predictions.csv", "image"))
    answers = tmp_path / "a.csv"
    for _ in range(2):  # it is known as one of ours
        assert run("predict", one / "model", pictures / "=1+1", "--device", "cpu", "--safe-csv",
                   "--out", answers) == 0  # fmt: skip
    assert set(column(answers, "predicted")) <= {"'=1+1", "''@b"}
    shown = tmp_path / "e"
    assert run("evaluate", one / "model", pictures, "--device", "cpu", "--safe-csv",
               "--out", shown) == 0  # fmt: skip
    assert not risky(shown / "predictions.csv")


def test_fixes_come_back_too(pictures: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 120, (24, 24, 3), dtype=np.uint8)
    pixels[..., 2] += 100
    Image.fromarray(pixels).save(pictures / CLASSES[0] / "wrong.png")  # a blue among the red
    fixes, out = tmp_path / "fixes.csv", tmp_path / "check"
    ask = ("check", pictures, *TINY, "--safe-csv", "--out", out, "--write-fixes", fixes)
    run(*ask)
    assert not risky(fixes)
    assert not risky(out / "check.csv")
    names = column(fixes, "image")
    assert "'=1+1/wrong.png" in names
    text = fixes.read_text()
    row = next(line for line in text.splitlines() if "wrong.png" in line)
    assert row.endswith(",,")  # no fix, and the last column
    fixes.write_text(text.replace(row, row.removesuffix(",,") + ",''@b,"))
    assert (
        run("fit", pictures, *TINY, "--folds", "0", "--fixes", fixes, "--out", tmp_path / "r") == 0
    )
    split = tmp_path / "r" / "split.csv"
    labels = dict(zip(column(split, "image"), column(split, "label"), strict=True))
    assert labels["=1+1/wrong.png"] == "'@b"
