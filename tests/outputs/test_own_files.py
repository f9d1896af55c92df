"""A file that the user names is written over only when it says that it is ours."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from headstart.errors import UsageError
from headstart.evaluate.predictions import Predictions
from headstart.outputs import disk
from headstart.outputs.own_files import (
    CONTACT_SHEET,
    FEATURES,
    FIXES,
    PREDICTIONS,
    FileKind,
    is_contact_sheet,
)
from headstart.outputs.permission import Inputs, OutputFile
from headstart.outputs.text_files import write_text
from headstart.report.contact_sheet import ENDINGS, write_contact_sheet
from headstart.report.predictions_table import write_predictions


def answers(images: tuple[str, ...], classes: tuple[str, ...], truth: bool) -> Predictions:
    shares = np.full((len(images), len(classes)), 1 / len(classes))
    labels = tuple(classes[0] for _ in images) if truth else None
    return Predictions(images, classes, shares, labels, tuple("" for _ in images))


def output(path: Path, kind: FileKind = PREDICTIONS, *inputs: Path) -> OutputFile:
    return OutputFile(path, "--out", kind, Inputs(inputs))


@pytest.mark.parametrize("truth", [True, False])
def test_a_table_of_answers_is_known(truth: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_predictions(path, answers(("x,\n.jpg",), ('a "b"\n', "c,d"), truth))
    with output(path).writing() as new:
        write_text(new, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize(
    "text",
    [
        "image,label\n1.jpg,cat\n",
        "image,predicted,probability,p(a),p(b),error,checked by me\n",
        "image;predicted;probability;p(a);p(b);error\n",
        "thesis",
    ],
)
def test_another_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match="is there already and is no table of answers"):
        output(path)
    assert path.read_text() == text


def test_an_empty_file_has_nothing_to_lose(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.touch()
    with output(path).writing() as new:
        write_text(new, "new")
    assert path.read_text() == "new"


def test_features_are_known_by_their_arrays(tmp_path: Path) -> None:
    ours, other = tmp_path / "ours.npz", tmp_path / "other.npz"
    plain = {"features": np.zeros(3), "images": np.zeros(3), "sha256": np.zeros(3)}
    np.savez(ours, **plain, allow_pickle=False)
    np.savez(other, **plain, mine=np.zeros(1), allow_pickle=False)
    output(ours, FEATURES)
    with pytest.raises(UsageError, match="is no file of features"):
        output(other, FEATURES)
    other.write_bytes(b"PK\3\4 broken")
    with pytest.raises(UsageError, match="is no file of features"):
        output(other, FEATURES)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_contact_sheet_has_its_sign(ending: str, tmp_path: Path, pictures: list[Path]) -> None:
    from headstart.images.source import LocalFile

    path = tmp_path / f"sheet{ending}"
    write_contact_sheet(answers(("p",), ("a", "b"), False), [LocalFile.at(pictures[0])], path)
    output(path, CONTACT_SHEET)
    assert is_contact_sheet(path)
    assert not is_contact_sheet(pictures[0])
    with pytest.raises(UsageError, match="is no picture of answers"):
        output(pictures[0], CONTACT_SHEET)


def test_a_table_of_fixes_with_edits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fixes.csv"
    path.write_text("image,label,suggested,probability,fix\n1.jpg,a,b,0.9,\n")
    output(path, FIXES)
    path.write_text("image,label,suggested,probability,fix\n1.jpg,a,b,0.9,b\n")
    with pytest.raises(UsageError, match="may hold your edits"):
        output(path, FIXES)


def test_permissions_of_the_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.touch(mode=0o600)
    with output(path).writing() as new:
        write_text(new, "new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_of_a_run_is_refused(tmp_path: Path) -> None:
    from headstart.outputs.permission import OutputFolder

    with OutputFolder(tmp_path / "run", "fit", files=("predictions.csv",)).writing() as new:
        write_predictions(new / "predictions.csv", answers(("p",), ("a", "b"), True))
    with pytest.raises(UsageError, match="belongs to the results of headstart fit"):
        output(tmp_path / "run" / "predictions.csv")


def test_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    write_predictions(path, answers(("p",), ("a", "b"), True))
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught, output(path).writing() as new:
        write_text(new, "new")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.csv"]


def test_long_names_are_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".csv")
    with output(path).writing() as new:
        write_text(new, "new")
    assert path.read_text() == "new"
    assert disk.make_folder(tmp_path) == []
