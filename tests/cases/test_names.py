"""C89: names that are no UTF-8, and names that a C locale has no letters for; every verb."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.program import run
from tests.warm_program import Ended, WarmProgram

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


def python(folder: Path, *words: str) -> str:
    """What a process of Python shows under a locale without Chinese letters."""
    ended = subprocess.run(
        [sys.executable, *map(os.fsencode, words)],
        cwd=folder,
        env=c_environment(),
        capture_output=True,
        check=False,
    )
    return shown_by(ended)


def c_environment() -> dict[str, str]:
    variables = {**os.environ, **PLAIN_C}
    variables.pop("PYTHONIOENCODING", None)
    return variables


def shown_by(ended: Ended | subprocess.CompletedProcess[bytes], code: int = 0) -> str:
    shown = ended.stdout + ended.stderr
    assert ended.returncode == code, shown
    assert b"Traceback" not in shown
    return shown.decode("ascii")  # each name as its code


@pytest.fixture(scope="module")
def in_c() -> Iterator[WarmProgram]:
    """The program under that locale: in UTF-8 mode, which it has begun anew in."""
    program = WarmProgram(c_environment())
    yield program
    program.end()


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the set 图, and the run 跑 that was fitted on it under the C locale.

    There the program is started as a user starts it.
    """
    root = tmp_path_factory.mktemp("c")
    draw(root / "图", CAT, DOG, stem="图")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        shown = python(root, "-m", "headstart", "fit", "图", "--folds", "0", *TINY, "--out", "跑")
    assert r"\u8dd1/model" in shown
    assert r"\u732b" in shown
    assert (root / "跑" / "model").is_dir()
    return root


def test_predict_under_c(chinese: Path, in_c: WarmProgram) -> None:
    words = ("predict", "跑/model", f"图/{CAT}/图1.png", "图")
    shown = shown_by(in_c.run(*words, "--out", "答.csv", "--show", "答.png", folder=chinese))
    assert r"\u56fe/\u732b/\u56fe1.png" in shown
    lines = (chinese / "答.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1].startswith(f"图/{CAT}/图1.png,{CAT},")
    assert len(lines) == 22
    assert (chinese / "答.png").is_file()
    odd = ("predict", "跑/model", os.fsdecode(b"\xe7\x8c\xab/\xff.png"))
    assert r"\u732b/\udcff.png" in shown_by(in_c.run(*odd, folder=chinese), code=1)


@pytest.mark.parametrize(
    "words",
    [
        ("check", "图", *TINY),
        ("evaluate", "跑/model", "图"),
        ("embed", "图", *TINY),
        ("explain", "跑/model", f"图/{CAT}/图1.png", "图"),
        ("compare", "图", "--models", "small_cnn", "--image-size", "16", "--epochs", "1"),
    ],
    ids=lambda words: words[0],
)
def test_verbs_under_c(words: tuple[str, ...], chinese: Path, in_c: WarmProgram) -> None:
    out = f"{words[0]}果.npz"
    assert shown_by(in_c.run(*words, "--out", out, folder=chinese))
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


def test_a_model_whose_folder_is_no_utf_8(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = draw(tmp_path / "set", "cat", "dog")
    place = tmp_path / BAD
    shutil.copytree(model, place)
    for words in (("predict", place, pictures / "cat"), ("evaluate", place, pictures)):
        assert run(*words, "--out", tmp_path / words[0], "--no-cache") == 0, capsys.readouterr().err
