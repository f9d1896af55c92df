"""No name or class reaches the terminal with characters that act on it, whatever the verb."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.program import run

CLEAR, TITLE, BACK = "\x1b[2J", "\x1b]0;owned\x07", "\u202e"
pytestmark = pytest.mark.usefixtures("no_learning_curve")
CLASSES = (f"red{CLEAR}", f"blue{TITLE}")
TINY = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32")
ACTING = ("\x1b", "\x07", "\x9b", "\r", BACK)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of ten pictures, a broken one and a stray file, all with hostile names."""
    root = tmp_path_factory.mktemp("hostile") / "set"
    rng = np.random.default_rng(0)
    for number, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for row in range(10):
            pixels = rng.integers(0, 120, (24, 24, 3), dtype=np.uint8)
            pixels[..., 2 * number] += 100
            stem = f"{row}{CLEAR}{BACK}\rerror: no" if row < 3 else str(row)
            Image.fromarray(pixels).save(root / name / f"{stem}.png")
    (root / CLASSES[0] / f"broken{TITLE}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (root / CLASSES[1] / f"notes{CLEAR}.txt").write_text("x")
    return root


@pytest.fixture(scope="module")
def model(hostile: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    assert run("fit", hostile, "--skip-bad", "--folds", "3", *TINY, "--out", out / "run") == 0
    return out / "run" / "model"


def quiet(capsys: pytest.CaptureFixture[str]) -> str:
    """What was shown, which has none of the acting characters."""
    shown = capsys.readouterr()
    text = shown.out + shown.err
    assert text
    assert not [mark for mark in ACTING if mark in text]
    return text


@pytest.mark.parametrize(
    "words",
    [
        ("fit", "--folds", "3", *TINY),
        ("fit", "--skip-bad", "--folds", "3", *TINY),
        ("compare", "--skip-bad", "--models", "small_cnn", "--image-size", "16", "--epochs", "1"),
        ("check", *TINY),
        ("embed", "--skip-bad", *TINY),
        ("fit", f"--exclude=none{CLEAR}", *TINY),
    ],
    ids=lambda words: " ".join(map(repr, words[:2])),
)
def test_verbs_on_labelled_pictures(
    words: tuple[str, ...], hostile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verb, *flags = words
    out = tmp_path / ("o.npz" if verb == "embed" else "o")
    run(verb, hostile, *flags, "--out", out)
    quiet(capsys)


def test_verbs_on_a_model(
    hostile: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    run("predict", model, hostile, "--out", tmp_path / "a.csv")
    assert "\\x1b[2J" in quiet(capsys)  # seen, and not obeyed
    run("evaluate", model, hostile, "--skip-bad")
    quiet(capsys)
    run("predict", model, f"gone{CLEAR}.png")
    quiet(capsys)
    run("predict", f"no{TITLE}model", "a.png")
    quiet(capsys)
    run("backbones", f"no{CLEAR}")
    quiet(capsys)
    picture = next((hostile / CLASSES[0]).glob("0*.png"))
    run("explain", model, picture, "--out", tmp_path / f"why{CLEAR}.png")
    assert "\\x1b[2J" in quiet(capsys)
    run("explain", model, picture, "--class", f"no{TITLE}", "--out", tmp_path / "why.png")
    assert "\\x1b]0;owned" in quiet(capsys)
    weights = f"test_resnet={model}/model.safetensors"
    ranked = ("--backbones", "test_resnet@32", "--weights", weights, "--folds", "2", "--skip-bad")
    assert run("rank", hostile, *ranked, "--out", tmp_path / "rank") == 0
    quiet(capsys)
    run("export", model, "--out", tmp_path / f"model{CLEAR}.onnx")  # without the extra, refused
    quiet(capsys)
