"""Odd tables through fit, embed and evaluate: rows, classes and messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Call = Callable[..., Any]

ROWS = [(f"{kind}{number}.png", kind) for kind in ("cat", "dog") for number in range(3)]
PLAIN = "image,label\n" + "".join(f"{name},{label}\n" for name, label in ROWS)


@pytest.fixture
def read(pets: Path, run: Call, tmp_path: Path) -> Call:
    """Embed a table that is written here; how it ended, its names and its labels."""

    def embed(content: str | bytes, *options: object, name: str = "table.csv") -> Any:
        table, out = pets / name, tmp_path / "f.npz"
        out.unlink(missing_ok=True)
        table.write_bytes(content if isinstance(content, bytes) else content.encode())
        ended = run("embed", table, "--out", out, *options)
        if ended.code:
            assert not out.exists()
            return ended, [], []
        with np.load(out, allow_pickle=False) as arrays:
            return ended, arrays["images"].tolist(), arrays["labels"].tolist()

    return embed


SEMICOLONS = "image;label;score\n" + "".join(f"{name};{label};0,5\n" for name, label in ROWS)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"\xef\xbb\xbf" + PLAIN.encode(), "byte-order mark"),
        (PLAIN.replace(",", "\t").encode("utf-16"), "UTF-16"),
        (SEMICOLONS, "separated by ';'"),
        (PLAIN.replace(",", "\t"), "separated by tab"),
    ],
    ids=["c19-bom", "c19-utf16", "c20-semicolons", "c20-tabs"],
)
def test_c19_c20_encodings_and_separators(content: str | bytes, note: str, read: Call) -> None:
    ended, names, labels = read(content, *(["--label-column", "label"]))
    assert ended.code == 0
    assert note in ended.err
    assert names == [name for name, _ in ROWS]
    assert labels == ["cat"] * 3 + ["dog"] * 3


def test_c19_latin_1_is_named_with_its_line_and_option(read: Call) -> None:
    content = PLAIN.replace("cat0.png,cat", "cat0.png,plain").replace(",cat", ",chien méchant")
    ended, _, _ = read(content.encode("latin-1"))
    assert ended.code == 1
    assert "table.csv, line 3: not UTF-8" in ended.err
    assert "--encoding latin-1" in ended.err
    ended, _, labels = read(content.encode("latin-1"), "--encoding", "latin-1")
    assert ended.code == 0
    assert "chien méchant" in labels


def test_c20_commas_in_quotes_stay_in_the_label(read: Call) -> None:
    ended, _, labels = read(PLAIN.replace(",cat", ',"cat, small"').replace(",dog", ',"dog, small"'))
    assert ended.code == 0
    assert labels == ["cat, small"] * 3 + ["dog, small"] * 3


def test_c21_blanks_are_trimmed_and_counted(read: Call) -> None:
    content = PLAIN.replace("image,label", "image , label").replace("cat0.png,", "cat0.png ,")
    content = content.replace("cat1.png,cat", "cat1.png,cat ")
    content = content.replace("dog0.png,dog", " dog0.png,dog ")
    content = content.replace("dog1.png,dog", "dog1.png,\u00a0dog")
    ended, names, labels = read(content)
    assert ended.code == 0
    assert "blanks trimmed in 5 cells" in ended.err
    assert "blanks trimmed in the header" in ended.err
    assert names == [name for name, _ in ROWS]
    assert set(labels) == {"cat", "dog"}


def test_c22_names_without_their_extension(pets: Path, read: Call, paint: Call) -> None:
    for seed, name in enumerate(("a1.jpg", "a2.png", "b2.JPG", "v1.2_b1.png")):
        paint(pets / name, seed=50 + seed)
    content = "image,label\na1,cat\na2,cat\nb2,dog\nv1.2_b1,dog\n"
    ended, names, _ = read(content)
    assert ended.code == 0
    assert "4 names completed with the extension, first: 'a1' is 'a1.jpg'" in ended.err
    assert names == ["a1", "a2", "b2", "v1.2_b1"]
    for name in ("amb.jpg", "amb.png"):
        paint(pets / name, seed=60)
    ended, _, _ = read(content + "amb,dog\n")
    assert ended.code == 1
    assert "line 6: amb: the name fits 'amb.jpg' and 'amb.png'" in ended.err


def test_c26_rows_without_a_label(pets_table: Path, tmp_path: Path, run: Call) -> None:
    text = pets_table.read_text().replace("cat2.png,cat", "cat2.png,")
    pets_table.write_text(text.replace("cat5.png,cat", "cat5.png,   "))
    fit = ("fit", pets_table, "--out", tmp_path / "run", "--folds", "0")
    ended = run(*fit)
    assert ended.code == 1
    assert "2 bad inputs:" in ended.err
    assert "line 4: cat2.png: no label" in ended.err
    assert "line 7: cat5.png: no label" in ended.err
    ended = run(*fit, "--skip-bad")
    assert ended.code == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["classes"] == ["cat", "dog"]
    assert metrics["n_train"] + metrics["n_test"] == 10


def test_c28_numbers_and_booleans_as_labels(pets_table: Path, tmp_path: Path, run: Call) -> None:
    plain = pets_table.read_text()
    fit = ("fit", pets_table, "--out", tmp_path / "run", "--folds", "0", "--test-fraction", "0.25")
    pets_table.write_text(plain.replace(",cat", ",1.0").replace(",dog", ",0.0"))
    assert run(*fit).code == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["classes"] == ["0.0", "1.0"]
    pets_table.write_text(plain.replace(",cat", ",1").replace(",dog", ",0"))
    ended = run("evaluate", tmp_path / "run" / "model", pets_table)
    assert ended.code == 1  # an answer that is wrong for all rows would be worse than none
    assert "the labels here are '0', '1', the model's classes '0.0', '1.0'" in ended.err
    spellings = iter(["True", "TRUE", "true", "True", "True", "True"])
    mixed = "\n".join(
        line.replace(",cat", f",{next(spellings)}") if line.endswith(",cat") else line
        for line in plain.splitlines()
    )
    pets_table.write_text(mixed.replace(",dog", ",False"))
    ended = run(*fit)
    assert ended.code == 0
    assert "labels 'TRUE' (1), 'true' (1) taken as 'True' (4): only the case differs" in ended.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["classes"] == ["False", "True"]


def test_c31_other_columns_and_ragged_rows(read: Call) -> None:
    content = "id,width,lbl,img,notes\n" + "".join(
        f'{n},20,{label},{name},"one, two\nthree"\n' for n, (name, label) in enumerate(ROWS)
    )
    ended, _, _ = read(content)
    assert ended.code == 1
    assert "['id', 'width', 'lbl', 'img', 'notes']" in ended.err
    assert "--image-column" in ended.err
    assert "--label-column" in ended.err
    ended, names, labels = read(content, "--image-column", "img", "--label-column", "lbl")
    assert ended.code == 0
    assert list(zip(names, labels, strict=True)) == ROWS
    ended, _, _ = read(
        PLAIN.replace("dog0.png,dog", "dog,0.png,dog").replace("dog1.png,dog", "dog1")
    )
    assert ended.code == 1
    assert "table.csv, line 5: has 3 fields, expected 2" in ended.err
    assert "table.csv, line 6: has 1 field, expected 2" in ended.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "table.csv is empty"),
        ("image,label\n", "table.csv has no rows"),
        (
            PLAIN.partition("\n")[2],
            "columns are called 'cat0.png' and 'cat': is the header missing?",
        ),
        (PLAIN.replace("cat", "img_cat").replace("dog", "img_dog"), "6 of 6 pictures not found"),
        ("<!DOCTYPE html><title>404</title>\n", "table.csv is an HTML page"),
        ("version https://git-lfs.github.com/spec/v1\n", "table.csv is a git-LFS pointer"),
    ],
    ids=["empty", "header-only", "no-header", "none-found", "html", "lfs"],
)
def test_c32_nothing_to_read(content: str, message: str, read: Call, pets: Path) -> None:
    ended, _, _ = read(content)
    assert ended.code == 1
    assert message in ended.err
    if "not found" in message:
        assert f"under {pets}, first: img_cat0.png" in ended.err
