"""Labels that are not spelled as the model's classes, or are none of them, through evaluate."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


@pytest.fixture
def table(tmp_path: Path, paint: Call) -> Call:
    """Writes a table of pictures of some colours under some labels."""

    def write(labels: Sequence[tuple[str, str]]) -> Path:
        for row, (colour, _) in enumerate(labels):
            paint(tmp_path / f"p{row}.png", colour, seed=row, noise=3.0)
        path = tmp_path / "labels.csv"
        path.write_text(
            "image,label\n"
            + "".join(f"p{row}.png,{label}\n" for row, (_, label) in enumerate(labels))
        )
        return path

    return write


def figures(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "metrics.json").read_text())["test"]
    return found


def test_c90_folders_in_another_case_are_the_models_classes(
    tmp_path: Path, paint: Call, run: Call, colours: Path
) -> None:
    for seed in range(4):
        paint(tmp_path / "set" / "Red" / f"{seed}.png", "red", seed=seed)
        paint(tmp_path / "set" / "blue" / f"{seed}.png", "blue", seed=seed)
    ended = run("evaluate", colours, tmp_path / "set", "--out", tmp_path / "out")
    assert ended.code == 0
    assert "label 'Red' (4) taken as the model's class 'red'" in ended.err
    assert f"figures: {tmp_path / 'out' / 'metrics.json'}    answers: " in ended.out
    assert figures(tmp_path / "out")["n"] == 8
    assert figures(tmp_path / "out")["unknown"] == {}


def test_c90_a_tables_labels_in_another_case_too(
    tmp_path: Path, run: Call, colours: Path, table: Call
) -> None:
    source = table([("red", "RED"), ("blue", "Blue"), ("green", "green")])
    ended = run("evaluate", colours, source, "--out", tmp_path / "out")
    assert ended.code == 0
    assert figures(tmp_path / "out")["n"] == 3


def test_c90_unscored_rows_are_named_and_an_error_beyond_5_percent(
    tmp_path: Path, run: Call, colours: Path, table: Call
) -> None:
    source = table([("red", "red")] * 19 + [("blue", "bleu")])
    ended = run("evaluate", colours, source, "--out", tmp_path / "out")
    assert ended.code == 0
    assert "labels.csv, line 21: p19.png: label 'bleu' is no class of the model" in ended.err
    assert figures(tmp_path / "out")["unknown"] == {"bleu": 1}
    source = table([("red", "red")] * 18 + [("blue", "bleu")])
    ended = run("evaluate", colours, source, "--out", tmp_path / "two")
    assert ended.code == 1
    assert "labels.csv, line 20: p18.png: label 'bleu' is no class of the model" in ended.err
    assert "1 of 19 rows cannot be scored, more than 5%." in ended.err
    assert not (tmp_path / "two").exists()
    ended = run("evaluate", colours, source, "--out", tmp_path / "two", "--skip-bad")
    assert ended.code == 0
    assert figures(tmp_path / "two")["n"] == 18


def test_bad_pictures_count_among_the_rows_that_cannot_be_scored(
    run: Call, colours: Path, table: Call
) -> None:
    source = table([("red", "red")] * 19 + [("blue", "bleu")])
    source.write_text(source.read_text() + "gone.png,red\n")
    ended = run("evaluate", colours, source)
    assert ended.code == 1
    assert "gone.png: not found" in ended.err
    assert "2 of 21 rows cannot be scored, more than 5%." in ended.err


def test_the_command_that_is_named_gives_the_missing_names(
    tmp_path: Path, run: Call, colours: Path, table: Call
) -> None:
    source = table([("red", "0")] * 3 + [("blue", "1 b")] * 2)
    ended = run("evaluate", colours, source, "--out", tmp_path / "out 1", "--workers", "1")
    assert ended.code == 1
    assert "no picture can be scored: the labels here are '0', '1 b', the model's" in ended.err
    program, *words = shlex.split(ended.err.strip().splitlines()[-1])
    assert program == "headstart"
    assert words[-3:] == ["--rename", "0=CLASS", "1 b=CLASS"]
    words[-2:] = ["0=red", "1 b=blue"]
    verb, *rest = (word for word in words if word not in ("--device", "cpu"))
    assert run(verb, *rest).code == 0
    assert figures(tmp_path / "out 1")["accuracy"] == 1.0
    assert figures(tmp_path / "out 1")["n"] == 5


def test_for_many_names_a_table_is_asked_for_and_serves(
    tmp_path: Path, run: Call, colours: Path, table: Call
) -> None:
    source = table([("red", f"red{row}") for row in range(13)])
    ended = run("evaluate", colours, source)
    assert ended.code == 1
    assert "Write a table classes.csv with a row for each label and its class" in ended.err
    assert "--rename-table classes.csv" in ended.err
    renames = tmp_path / "classes.csv"
    renames.write_text("old,new\n" + "".join(f"red{row},red\n" for row in range(13)))
    ended = run("evaluate", colours, source, "--rename-table", renames, "--out", tmp_path / "out")
    assert ended.code == 0
    assert figures(tmp_path / "out")["accuracy"] == 1.0


def test_a_fit_learns_the_new_names(pets_table: Path, tmp_path: Path, run: Call) -> None:
    out = tmp_path / "run"
    ended = run("fit", pets_table, "--rename", "cat=Felis, domestic", "dog=Canis", "--out", out,
                "--folds", "0")  # fmt: skip
    assert ended.code == 0
    described = json.loads((out / "model" / "headstart.json").read_text())
    assert described["classes"] == ["Canis", "Felis, domestic"]
    ended = run("fit", pets_table, "--rename", "cow=Bos", "--out", out)
    assert ended.code == 2
    assert "--rename cow=Bos: there is no such class; the classes are cat, dog" in ended.err
