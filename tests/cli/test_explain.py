"""headstart explain: one picture and several, and what is refused before anything is computed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from tests.program import run
from tests.tiny_classifier import LABELS, classifier

from headstart.outputs.own_files import is_explanation


@pytest.fixture
def place(pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and pictures."""
    classifier(C=1.0).fit(pictures, LABELS).save(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_picture(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "model", "pictures/p00.png", "--device=cpu") == 0
    said = capsys.readouterr().out
    assert "pictures/p00.png: red " in said
    assert "by the exact class activation map" in said
    assert "most like it, of what was learnt: p00.png (red, 1.0" in said
    assert is_explanation(place / "why.png")
    with Image.open(place / "why.png") as shown:
        assert shown.size == (24, 20)
    assert run("explain", "model", "pictures/p01.png", "--device=cpu", "--class", "blue") == 0
    assert "blue 0." in (said := capsys.readouterr().out)
    assert "predicted is red" in said


def test_joined_networks_say_what_each_adds(
    place: Path, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    joined = classifier(C=1.0, backbone="test_resnet@32+test_efficientnet@48", image_size=None)
    joined.fit(pictures, LABELS).save(place / "model")
    assert run("explain", "model", "pictures/p00.png", "--device=cpu") == 0
    said = capsys.readouterr().out
    adds = r"added to its logit, less the mean of all: test_resnet [+-]\d.*, test_efficientnet [+-]"
    assert re.search(adds, said)
    assert "most like it" in said
    assert is_explanation(place / "why.png")


def test_several_pictures_and_a_broken_one(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "pictures" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    words = ("explain", "model", "pictures", "--device=cpu", "--out", "why")
    assert run(*words) == 1
    assert "bad.png: " in capsys.readouterr().err
    made = sorted(path.name for path in (place / "why").glob("*.png"))
    assert len(made) == 12
    assert "2-p00.png" in made
    assert all(is_explanation(place / "why" / name) for name in made)
    (place / "why" / "mine.txt").write_text("notes")
    assert run(*words, "--method", "occlusion") == 1  # replaced, and notes stay
    assert (place / "why" / "mine.txt").exists()


def test_what_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in (
        (("pictures",), "--out why.png is a file for one picture, and there are 12"),
        (
            ("pictures/p00.png", "--class", "green"),
            "no class is called 'green'; the model's classes are",
        ),
        (("pictures/p00.png", "--method", "x"), "no method is called 'x'; there are auto, cam"),
        (("pictures/p00.png", "--out", "pictures/p00.png"), "is an input too"),
        (("pictures/p00.png", "--out", "pictures/p01.png"), "is no explanation of this program"),
    ):
        assert run("explain", "model", *words, "--device=cpu") == 2, words
        assert message in capsys.readouterr().err
    assert run("explain", "model", "gone.png", "--device=cpu") == 1
    assert "gone.png: " in capsys.readouterr().err
    assert not (place / "why.png").exists()
