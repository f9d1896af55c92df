"""Answers as a picture."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import Image

from headstart.errors import UsageError
from headstart.evaluate.predictions import Predictions
from headstart.images.source import local_files
from headstart.report.contact_sheet import check_sheet_name, write_contact_sheet


def answers(paths: list[Path], errors: dict[int, str] | None = None) -> Predictions:
    """Each picture a "cat" at 0.75, but those with an error."""
    shares = np.tile([0.75, 0.25], (len(paths), 1))
    causes = ["" for _ in paths]
    for row, cause in (errors or {}).items():
        shares[row], causes[row] = np.nan, cause
    names = tuple(path.name for path in paths)
    return Predictions(names, ("cat", "a $dog$ <b>"), shares, None, tuple(causes))


def words(path: Path) -> str:
    """The letters of an SVG, one line each."""
    return "\n".join(e.text or "" for e in ElementTree.parse(path).iter() if e.tag.endswith("text"))


@pytest.fixture(autouse=True)
def letters_stay_text() -> object:
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        yield


@pytest.mark.parametrize("ending", [".png", ".jpg", ".JPEG", ".webp"])
def test_one_picture_has_its_class_and_score_above_it(
    pictures: list[Path], tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"answer{ending}"
    write_contact_sheet(answers(pictures[:1]), local_files(pictures[:1]), out)
    with Image.open(out) as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    height, width, _ = pixels.shape
    assert abs(pixels[int(height * 0.6), width // 2] - (200, 60, 50)).max() < 90  # the picture
    assert pixels[: height // 12].min() < 90  # the title, dark on white
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_the_title_is_class_and_score(pictures: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "answer.svg"
    write_contact_sheet(answers(pictures[:1]), local_files(pictures[:1]), out)
    assert words(out).splitlines() == ["cat  0.750", "p00.png"]


def test_a_sheet_names_every_picture_and_shows_no_other_for_a_bad_one(
    pictures: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "sheet.svg"
    pictures[2].unlink()
    write_contact_sheet(
        answers(pictures, {1: "truncated: the PNG data end"}), local_files(pictures), out
    )
    shown = words(out)
    for path in pictures:
        assert path.name in shown
    assert shown.count("0.750") == 11
    assert shown.count("no answer") == 1
    assert "truncated: the PNG data" in shown
    assert "cannot be shown: not found" in shown.replace("\n", " ")
    images = [e for e in ElementTree.parse(out).iter() if e.tag.endswith("image")]
    assert len(images) == 10


def test_sixty_are_shown_and_the_rest_is_counted(pictures: list[Path], tmp_path: Path) -> None:
    many = [*pictures * 6]
    out = tmp_path / "sheet.svg"
    write_contact_sheet(answers(many), local_files(many), out)
    assert "The first 60 of 72 pictures; 12 are not shown." in words(out)
    assert len([e for e in ElementTree.parse(out).iter() if e.tag.endswith("image")]) == 60


def test_a_picture_alone_without_an_answer_is_a_field_with_the_cause(
    pictures: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "answer.svg"
    write_contact_sheet(
        answers(pictures[:1], {0: "empty (0 bytes)"}), local_files(pictures[:1]), out
    )
    assert words(out).splitlines() == ["empty (0 bytes)", "no answer", "p00.png"]
    assert "image" not in {e.tag.rpartition("}")[2] for e in ElementTree.parse(out).iter()}


def test_extreme_shapes_and_letters_are_borne(tmp_path: Path) -> None:
    path = tmp_path / "日本 \udcff.png"
    Image.new("RGB", (900, 2)).save(path)
    write_contact_sheet(answers([path]), local_files([path]), tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_a_wrong_ending_is_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in '.txt'; allowed are .png, .jpg"):
        check_sheet_name(tmp_path / "answer.txt")
    with pytest.raises(ValueError, match="0 pictures for 0 answers"):
        write_contact_sheet(answers([]), [], tmp_path / "a.png")
