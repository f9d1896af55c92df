"""C89: names that are no UTF-8, and names that a C locale has no letters for; every verb."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.program import run

TINY = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32")
PLAIN_C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
CAT, DOG = "猫", "狗"
BAD = os.fsdecode(b"bad\xff")


def draw(folder: Path, *classes: str, count: int = 10, stem: str = "") -> Path:
    """Class folders whose pictures have the class's colour."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for row in range(count):
            pixels = rng.integers(0, 120, (40, 40, 3), dtype=np.uint8)
            pixels[..., number] += 100
            with (folder / name / f"{stem}{row}.png").open("wb") as file:
                Image.fromarray(pixels).save(file, "PNG")
    return folder


def in_c(folder: Path, *words: str, code: int = 0) -> str:
    """What the program shows in a process of its own, under a locale without Chinese letters."""
    return python(folder, "-m", "headstart", *words, code=code)


def python(folder: Path, *words: str, code: int = 0) -> str:
    environment = {**os.environ, **PLAIN_C}
    environment.pop("PYTHONIOENCODING", None)
    ended = subprocess.run(
        [sys.executable, *map(os.fsencode, words)],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
    )
    shown = ended.stdout + ended.stderr
    assert ended.returncode == code, shown
    assert b"Traceback" not in shown
    return shown.decode("ascii")  # each name as its code


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the set 图, and the run 跑 that was fitted on it under the C locale."""
    root = tmp_path_factory.mktemp("c")
    draw(root / "图", CAT, DOG, stem="图")
    shown = in_c(root, "fit", "图", "--folds", "0", *TINY, "--out", "跑")
    assert r"\u8dd1/model" in shown
    assert r"\u732b" in shown
    assert (root / "跑" / "model").is_dir()
    return root


def test_predict_under_c(chinese: Path) -> None:
    flags = ("--out", "答.csv", "--show", "答.png")
    shown = in_c(chinese, "predict", "跑/model", f"图/{CAT}/图1.png", "图", *flags)
    assert r"\u56fe/\u732b/\u56fe1.png" in shown
    lines = (chinese / "答.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1].startswith(f"图/{CAT}/图1.png,{CAT},")
    assert len(lines) == 22
    assert (chinese / "答.png").is_file()
    assert r"\u732b/\udcff.png" in in_c(
        chinese, "predict", "跑/model", os.fsdecode(b"\xe7\x8c\xab/\xff.png"), code=1
    )


@pytest.mark.parametrize(
    "words",
    [
        ("check", "图", *TINY),
        ("evaluate", "跑/model", "图"),
        ("embed", "图", *TINY),
        ("compare", "图", "--models", "small_cnn", "--image-size", "16", "--epochs", "1"),
    ],
    ids=lambda words: words[0],
)
def test_verbs_under_c(words: tuple[str, ...], chinese: Path) -> None:
    out = f"{words[0]}果.npz"
    assert in_c(chinese, *words, "--out", out)
    assert (chinese / out).exists()


def test_python_under_c(chinese: Path) -> None:
    code = (
        "import headstart\n"
        "model = headstart.load('跑/model')\n"
        f"names = [f'图/{{kind}}/图{{n}}.png' for kind in '{CAT}{DOG}' for n in range(10)]\n"
        f"labels = ['{CAT}'] * 10 + ['{DOG}'] * 10\n"
        "assert model.score(names, labels) > 0.9\n"
        "model.save('模型')\n"
        "other = headstart.ImageClassifier('test_resnet', random_weights=True, image_size=32)\n"
        "print(ascii(other.fit(names, labels).predict(names[:1]).tolist()))\n"
    )
    (chinese / "use.py").write_text(code, encoding="utf-8")
    assert python(chinese, "use.py").strip() == r"['\u732b']"
    assert (chinese / "模型").is_dir()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bytes")
    assert (
        run("fit", draw(root / "set", "cat", "dog"), "--folds", 0, *TINY, "--out", root / "run")
        == 0
    )
    return root / "run" / "model"


def test_a_picture_whose_name_is_no_utf_8(model: Path, tmp_path: Path) -> None:
    picture = draw(tmp_path / "set", "cat") / "cat" / "0.png"
    picture = picture.rename(tmp_path / f"{BAD}.png")
    words = ("-m", "headstart", "predict", str(model), picture.name, "--out", f"{BAD}.csv")
    ended = subprocess.run(
        [sys.executable, *map(os.fsencode, words)], cwd=tmp_path, capture_output=True, check=True
    )
    assert b"bad\\udcff.png" in ended.stdout
    assert b"bad\xff.png,cat," in (tmp_path / f"{BAD}.csv").read_bytes()


@pytest.mark.parametrize("verb", ["fit", "check", "evaluate", "embed", "compare"])
def test_a_folder_whose_name_is_no_utf_8(
    verb: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path / BAD, "cat", "dog")
    flags = {
        "evaluate": (),
        "compare": ("--models", "small_cnn", "--image-size", "16", "--epochs", "1"),
    }.get(verb, TINY)
    before = (model,) if verb == "evaluate" else ()
    out = tmp_path / f"{BAD}.npz"
    assert run(verb, *before, tmp_path / BAD, *flags, "--out", out) == 0
    assert out.exists()
    shown = capsys.readouterr()
    assert "\udcff" not in shown.out + shown.err


def test_a_class_whose_name_is_no_utf_8_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path / "set", "cat", "dog", BAD)
    assert run("fit", tmp_path / "set", *TINY, "--out", tmp_path / "run") == 1
    assert "bad\\xff: the name is not UTF-8; rename it" in capsys.readouterr().err
