"""predict takes its rows in blocks: memory stays flat, answers stay the same to the bit."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.program import run
from tests.tiny_classifier import LABELS, classifier

from headstart.features.embed import embed_images
from headstart.heads import standardisation
from headstart.images.source import local_files
from headstart.model_dir import save_model
from headstart.options import EmbedOptions
from headstart.recipes import trained_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def model(pictures: list[Path], tmp_path: Path) -> Path:
    fitted = classifier(C=1.0).fit(pictures, LABELS)
    save_model(fitted.model_, tmp_path / "model")
    return tmp_path / "model"


def peak(model: Path, table: Path, out: Path) -> int:
    """Bytes of memory that predict takes at the most."""
    words = ["predict", model, table, "--device", "cpu", "--workers", "1", "--out", out]
    command = [sys.executable, "-m", "headstart", *map(str, words)]
    path = os.pathsep.join((str(ROOT / "src"), os.environ.get("PYTHONPATH", "")))
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system does not tell a child's memory")
def test_memory_does_not_grow_with_the_rows(
    model: Path, pictures: list[Path], tmp_path: Path
) -> None:
    found = []
    for rows in (10_000, 50_000):
        table = pictures[0].parent / f"{rows}.csv"
        names = [pictures[row % 12].name for row in range(rows)]
        table.write_text("image\n" + "\n".join(names) + "\n")
        found.append(peak(model, table, tmp_path / f"{rows}-answers.csv"))
        with (tmp_path / f"{rows}-answers.csv").open() as file:
            assert [row["image"] for row in csv.DictReader(file)] == names
    assert found[1] - found[0] < 20e6  # 500 bytes a row; before, a row took 11 kB


def test_answers_in_blocks_are_those_of_all_rows_at_once(
    pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = classifier(C=1.0, cache=False).fit(pictures, LABELS).model_
    images = local_files([*pictures, *pictures])
    lost = (*images, *local_files([pictures[0].with_name("lost.png")]), *images)
    options = EmbedOptions(device="cpu", cache=False)
    for block in (4, 7):
        monkeypatch.setattr(standardisation, "BLOCK", block)
        monkeypatch.setattr(trained_model, "BLOCK", block)
        records, features = embed_images(images, made.backbone, options)
        whole = made.answer(records, features, [image.name for image in images])
        blocks = made.predict(images, options=options)
        assert np.array_equal(blocks.probabilities, whole.probabilities, equal_nan=True)
        assert (blocks.images, blocks.errors) == (whole.images, whole.errors)
        answers = made.predict(lost, options=options)  # the head has other rows side by side then
        assert answers.errors[24] == "not found"
        expected = np.delete(answers.probabilities, 24, axis=0)
        np.testing.assert_allclose(
            expected, np.tile(whole.probabilities, (2, 1)), rtol=1e-13, atol=0
        )


def test_equal_contents_of_several_blocks_are_computed_once(
    pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = classifier(C=1.0).fit(pictures, LABELS).model_
    monkeypatch.setattr(trained_model, "BLOCK", 5)
    passed: list[int] = []
    plain = made.backbone.embed

    def counted(pixels: np.ndarray) -> np.ndarray:
        passed.append(len(pixels))
        return plain(pixels)

    monkeypatch.setattr(made.backbone, "embed", counted)
    made.predict(local_files(pictures * 4), options=EmbedOptions(device="cpu", cache=False))
    assert sum(passed) == 12


def test_a_table_that_breaks_late_leaves_the_earlier_answers(
    model: Path, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "answers.csv"
    table = pictures[0].parent / "table.csv"
    table.write_text(f"image\n{pictures[0].name}\n")
    assert run("predict", model, table, "--device", "cpu", "--out", out) == 0
    before = out.read_bytes()
    table.write_text(f"image\n{pictures[0].name}\n" * 9 + '"open\n')
    assert run("predict", model, table, "--device", "cpu", "--out", out) == 1
    assert "table.csv, line 19: the quotes do not match" in capsys.readouterr().err
    assert out.read_bytes() == before


def test_odd_pictures_have_a_warning_in_their_row(
    model: Path, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    noise = np.asarray(Image.open(pictures[0]).resize((64, 64)))
    Image.fromarray(np.tile(noise, (1, 8, 1))).save(folder / "1long.png")
    Image.new("RGB", (64, 64), "teal").save(folder / "2blank.png")
    Image.fromarray(noise[:20, :24]).save(folder / "3tiny.png")
    twelve = np.random.default_rng(0).integers(0, 4096, (64, 64)).astype(np.uint16)
    Image.fromarray(twelve).save(folder / "4twelve.png")
    Image.fromarray(noise).save(folder / "5usual.png")
    out = tmp_path / "answers.csv"
    assert run("predict", model, folder, "--device", "cpu", "--out", out) == 0
    with out.open() as file:
        told = [row["warning"] for row in csv.DictReader(file)]
    for words, warning in zip(
        (
            "512 x 64 pixels, of which the network sees the middle square",
            "one colour all over",
            "24 x 20 pixels, enlarged a lot for the network",
            "nearly black: its 16-bit values lie in the lowest part of their range; scale them",
            "",
        ),
        told,
        strict=True,
    ):
        assert warning == words
    assert "warning" in capsys.readouterr().out
    answers = classifier(C=1.0).fit(pictures, LABELS).predictions(sorted(folder.iterdir()))
    assert answers.warnings == tuple(told)


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_an_earlier_sheet_among_the_pictures_is_not_predicted(
    ending: str, model: Path, pictures: list[Path], tmp_path: Path
) -> None:
    folder, out = pictures[0].parent, tmp_path / "answers.csv"
    flags = ("--device", "cpu", "--out", out)
    assert run("predict", model, folder, *flags, "--show", folder / f"mine.{ending}") == 0
    (folder / f"mine.{ending}").rename(folder / f"renamed.{ending}")
    assert run("predict", model, folder, *flags) == 0
    assert len(out.read_text().splitlines()) == 13


def test_a_path_of_windows_is_named_as_one(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in ("C:\\data\\x.jpg", "C:/data/x.jpg"):
        assert run("predict", model, path, "--device", "cpu", "--out", tmp_path / "a.csv") == 1
        assert "not found: a Windows path with a drive" in (tmp_path / "a.csv").read_text()
    table = tmp_path / "t.csv"
    table.write_text("image\nC:\\data\\x.jpg\ndata\\x.jpg\n")
    assert run("predict", model, table, "--device", "cpu", "--out", tmp_path / "a.csv") == 1
    answers = (tmp_path / "a.csv").read_text()
    assert "a Windows path with a drive" in answers
    assert "not found: a Windows path, read as data/x.jpg" in answers
    assert run("fit", "D:\\set\\labels.csv") == 1
    assert "a Windows path with a drive" in capsys.readouterr().err
    assert "Windows path; write /" in classifier(C=1.0).fit(*_two()).predictions(["a\\b"]).errors[0]


def _two() -> tuple[list[np.ndarray], list[str]]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(8)], ["a", "b"] * 4
