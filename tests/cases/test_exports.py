"""Exports by the program: what is written answers alike, what is refused leaves nothing."""

from __future__ import annotations

import csv
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.program import run
from tests.small_set import write_small_set

from headstart.export import agreement

TINY = ("--backbone", "test_resnet", "--random-weights", "--image-size", "32", "--device", "cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, and a model fitted on them."""
    root = tmp_path_factory.mktemp("exports")
    write_small_set(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        words = (root / "labels.csv", "--images", root / "images", *TINY, "--folds", "0")
        assert run("fit", *words, "--out", root / "run") == 0
    return root


def answers(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_an_exported_file_answers_as_the_model(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model.onnx"
    for _ in range(2):  # the second time over the first file
        assert run("export", place / "run/model", "--out", out, "--opset", "19") == 0
    said = capsys.readouterr()
    assert "largest difference of a probability" in said.err
    assert f"headstart predict {out}" in said.out
    for model, name in ((out, "a.csv"), (place / "run/model", "b.csv")):
        assert run("predict", model, place / "images", "--out", tmp_path / name) == 0
    first, second = answers(tmp_path / "a.csv"), answers(tmp_path / "b.csv")
    assert first[0] == second[0]
    shares = [column for column, name in enumerate(first[0]) if name.startswith("p")][1:]
    for one, other in zip(first[1:], second[1:], strict=True):
        for column, (value, expected) in enumerate(zip(one, other, strict=True)):
            if column in shares:
                assert float(value) == pytest.approx(float(expected), abs=1e-3)
            elif first[0][column] == "familiar":
                # A rank among 23: a picture at about the same distance may be on the other side.
                assert float(value) == pytest.approx(float(expected), abs=1 / 23)
            else:
                assert value == expected
    words = (out, place / "labels.csv", "--images", place / "images")
    assert run("evaluate", *words) == 0


class Boom:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("UNSAFE_PICKLE_RAN",)


def refused(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str]:
    capsys.readouterr()
    code = run("export", *words)
    return code, capsys.readouterr().err


def test_what_is_refused_leaves_no_file(
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    model = place / "run" / "model"
    (tmp_path / "mine.onnx").write_bytes(b"another program's")
    shutil.copytree(model, tmp_path / "evil")
    for name in ("head.safetensors", "model.safetensors"):
        (tmp_path / "evil" / name).write_bytes(pickle.dumps(Boom(), protocol=2))
    for code, message, *words in (
        (2, "the operator ReduceMean", model, "--opset", "12"),
        (2, "name a file that ends in .onnx", model, "--out", "model.tflite"),
        (2, "--precision is 'fp16'; it must be fp32 or int8", model, "--precision", "fp16"),
        (2, "name some with --pictures", model, "--precision", "int8"),
        (2, "is for .onnx files", model, "--precision", "int8", "--out", "a.pt2"),
        (2, "is no model that this program exported", model, "--out", "mine.onnx"),
        (1, "missing or damaged", "evil"),
        (1, "not a model of this program", "gone"),
        (1, "gone.png", model, "--pictures", place / "gap.csv", "--images", place / "images"),
    ):
        found, told = refused(capsys, *words)
        assert (found, message in told) == (code, True), told
    monkeypatch.setattr(agreement, "MOST_UNRESIZED", -1.0)
    assert refused(capsys, model)[0] == 1
    assert not (tmp_path / "UNSAFE_PICKLE_RAN").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil", "mine.onnx"]
    assert (tmp_path / "mine.onnx").read_bytes() == b"another program's"
