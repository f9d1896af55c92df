"""Small dirty data sets, and the terminal program to walk them through."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests import program

from headstart import ImageClassifier

COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 180, 60),
    "blue": (40, 60, 220),
    "white": (235, 235, 235),
}
BACKBONE = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32")
CPU = ("--device", "cpu")


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command on the processor; `fit` and `embed` on a tiny untrained backbone."""

    def ended(verb: str, *arguments: object) -> Ended:
        backbone = [
            flag for flag in BACKBONE if "--weights" not in arguments or "random" not in flag
        ]
        options = (*backbone, *CPU) if verb in ("fit", "embed") else CPU
        capsys.readouterr()
        code = program.run(verb, *arguments, *options)
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return Ended(code, shown.out, shown.err)

    return ended


def make_picture(
    path: Path,
    colour: str | tuple[int, int, int] = "red",
    *,
    seed: int = 0,
    noise: float = 12.0,
    size: tuple[int, int] = (24, 20),
    **save: Any,
) -> Path:
    """Write a picture of one colour with some noise, so that each seed gives other bytes."""
    base = np.array(COLOURS[colour] if isinstance(colour, str) else colour)
    rng = np.random.default_rng(seed)
    pixels = np.clip(base + rng.normal(0, noise, (size[1], size[0], 3)), 0, 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.round().astype(np.uint8)).save(path, **save)
    return path


@pytest.fixture(scope="session")
def paint() -> Callable[..., Path]:
    """`make_picture`."""
    return make_picture


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder with cat0.png to cat5.png in red and dog0.png to dog5.png in blue."""
    folder = tmp_path / "pets"
    for number in range(6):
        make_picture(folder / f"cat{number}.png", "red", seed=number)
        make_picture(folder / f"dog{number}.png", "blue", seed=100 + number)
    return folder


@pytest.fixture
def pets_table(pets: Path) -> Path:
    """The table of `pets`, beside the pictures."""
    names = sorted(path.name for path in pets.iterdir())
    table = pets / "labels.csv"
    table.write_text("image,label\n" + "".join(f"{name},{name[:3]}\n" for name in names))
    return table


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder whose model answers the four colours by name."""
    folder = tmp_path_factory.mktemp("colours")
    paths, labels = [], []
    for number, name in enumerate(COLOURS):
        for seed in range(8):
            path = folder / f"{name}{seed}.png"
            paths.append(make_picture(path, name, seed=10 * number + seed, noise=3.0 * seed))
            labels.append(name)
    model = ImageClassifier(
        "test_resnet",
        random_weights=True,
        image_size=32,
        precision="fp32",
        device="cpu",
        cache=False,
        C=100.0,
    ).fit(paths, labels)
    assert model.score(paths, labels) == 1.0
    model.save(folder / "model")
    return folder / "model"


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Path], list[dict[str, str]]]:
    """The rows of a CSV file by column."""

    def read(path: Path) -> list[dict[str, str]]:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return read


@pytest.fixture
def answers(
    run: Callable[..., Ended], colours: Path, tmp_path: Path, rows_of: Callable[..., Any]
) -> Callable[..., Any]:
    """Predict sources with the model of colours; answers by file name, and how it ended."""

    def predict(*sources: object) -> tuple[dict[str, dict[str, str]], Ended]:
        out = tmp_path / "answers.csv"
        ended = run("predict", colours, *sources, "--out", out)
        return {Path(row["image"]).name: row for row in rows_of(out)}, ended

    return predict


@pytest.fixture
def features(run: Callable[..., Ended], tmp_path: Path) -> Callable[..., Any]:
    """Embed the files of a folder, whatever they are called; features by file name."""

    def embed(folder: Path, *options: object) -> dict[str, np.ndarray]:
        names = sorted(path.name for path in folder.iterdir())
        table, out = tmp_path / "all.csv", tmp_path / "features.npz"
        table.write_text("image,label\n" + "".join(f"{name},x\n" for name in names))
        ended = run("embed", table, "--images", folder, "--out", out, *options)
        assert ended.code == 0, ended.err
        with np.load(out, allow_pickle=False) as arrays:
            return dict(zip(arrays["images"].tolist(), arrays["features"], strict=True))

    return embed


class Boom:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("UNSAFE_PICKLE_RAN",)


@pytest.fixture
def boom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Boom]:
    """What must never be unpickled; the test fails when it was."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    yield Boom()
    assert not (work / "UNSAFE_PICKLE_RAN").exists()


@pytest.fixture
def broken_files() -> dict[str, tuple[bytes, str]]:
    """Files that are no pictures by name: their bytes, and the words that must name the cause."""
    buffer = io.BytesIO()
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    image.save(buffer, "JPEG")
    jpeg = buffer.getvalue()
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    png = buffer.getvalue()
    return {
        "half.jpg": (jpeg[: len(jpeg) // 2], "truncated"),
        "half.png": (png[: len(png) // 2], "truncated"),
        "no_end_marker.jpg": (jpeg[:-2], "truncated"),
        "empty.jpg": (b"", "empty (0 bytes)"),
        "page.jpg": (b"<!DOCTYPE html><title>404</title>", "not a picture; it looks like an HTML"),
        "error.png": (b'{"error": "not found"}', "not a picture; it looks like JSON"),
        "pointer.jpg": (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "git-LFS pointer",
        ),
        "lies.jpg": (_with_size(jpeg, 65000), "65000 x 65000 = 4225000000 pixels"),
    }


def _with_size(jpeg: bytes, side: int) -> bytes:
    """A JPEG whose header claims another height and width."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + side.to_bytes(2, "big") * 2 + jpeg[at + 4 :]
