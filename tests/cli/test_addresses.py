"""Addresses on the command line: the same rows as from disk."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.program import run

TINY = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32", "--device", "cpu")


@pytest.fixture
def table(pictures: list[Path], memory: Any) -> Path:
    """Labelled pictures, on disk and at memory://set/."""
    rows = "".join(f"{path.name},{'red' if n < 6 else 'blue'}\n" for n, path in enumerate(pictures))
    path = pictures[0].parent / "labels.csv"
    path.write_text("image,label\n" + rows)
    for file in (*pictures, path):
        memory.pipe_file(f"/set/{file.name}", file.read_bytes())
    return path


def test_fit_and_predict_at_an_address(table: Path, tmp_path: Path) -> None:
    found = []
    for number, source in enumerate((table, "memory://set/labels.csv")):
        out = tmp_path / str(number)
        assert run("fit", source, "--out", out, "--folds", 0, *TINY) == 0
        assert run("predict", out / "model", source, "--out", out / "answers.csv") == 0
        found.append((out / "answers.csv").read_text())
    assert found[0] == found[1]
    answers = tmp_path / "more.csv"
    pictures = ("memory://set/p00.png", table.parent / "p00.png", "memory://set/lost.png")
    assert run("predict", tmp_path / "0" / "model", *pictures, "--out", answers) == 1
    with answers.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [str(name) for name in pictures]
    assert rows[0]["predicted"] == rows[1]["predicted"]
    assert [row["error"] for row in rows] == ["", "", "not found"]


def test_embed_with_the_images_elsewhere(table: Path, tmp_path: Path) -> None:
    values = []
    for number, images in enumerate((table.parent, "memory://set")):
        out = tmp_path / f"{number}.npz"
        assert run("embed", table, "--images", images, "--out", out, *TINY) == 0
        with np.load(out, allow_pickle=False) as arrays:
            values.append(arrays["features"])
    assert np.array_equal(values[0], values[1])


def test_wrong_addresses(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source, words in (
        ("file:///etc/passwd", "file:///etc/passwd: give the path itself, without file:// or ::"),
        ("memory://set/lost.csv", "memory://set/lost.csv: not found; give a table"),
        ("nonsense://a.csv", "nonsense://a.csv: no address that can be opened"),
    ):
        assert run("fit", source, *TINY) in (1, 2)
        assert words in capsys.readouterr().err
    assert run("fit", table, "--images", "file:///etc", *TINY) == 2
    assert "give the path itself" in capsys.readouterr().err


def test_the_help_has_no_more_than_it_had(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("fit", "predict"):
        assert run(verb, "--help") == 0
        shown = capsys.readouterr().out
        assert "address" in shown
        assert "--source" not in shown
        assert "--text" not in shown
