"""What a file system can hold: each thing that cannot be read is one bad row, whoever reads it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headstart.data.inputs import read_images
from headstart.options import ReadOptions

Call = Callable[..., Any]
HOSTILE = {
    "loop.png": "link",
    "pipe.png": "not",  # "not found" where it is looked for, "not a regular file" where it is read
    "forbidden/a.png": "ermission",
    "x" * 300 + ".png": "File name too long|name is too long",
    "disk.png": "Input/output error",
    "sub.png": "folder",
}


@pytest.fixture
def hostile(pets: Path, pets_table: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The table of pets with a row of each hostile kind, half of them cats."""
    (pets / "loop.png").symlink_to("loop.png")
    (pets / "sub.png").mkdir()
    (pets / "forbidden").mkdir()
    (pets / "disk.png").write_bytes(b"x")
    os.mkfifo(pets / "pipe.png")
    for number, name in enumerate(HOSTILE):
        with pets_table.open("a") as table:
            table.write(f"{name},{('cat', 'dog')[number % 2]}\n")
    plain_stat, plain_read = Path.stat, Path.read_bytes

    def stat(self: Path, **options: Any) -> Any:
        if "forbidden" in self.parts[:-1]:  # whoever runs the tests may be allowed everything
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return plain_stat(self, **options)

    def read_bytes(self: Path) -> bytes:
        if self.name == "disk.png":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return plain_read(self)

    monkeypatch.setattr(Path, "stat", stat)
    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    yield pets_table


def test_fit_names_each_and_goes_on_without_them(hostile: Path, run: Call, tmp_path: Path) -> None:
    ended = run("fit", hostile, "--out", tmp_path / "run")
    assert ended.code == 1
    assert f"{len(HOSTILE)} bad inputs:" in ended.err
    for line in range(14, 14 + len(HOSTILE)):
        assert f"labels.csv, line {line}: " in ended.err
    ended = run("fit", hostile, "--out", tmp_path / "run", "--skip-bad")
    assert ended.code == 0, ended.err
    assert f"{len(HOSTILE)} bad inputs left out" in ended.err


def test_each_cause_is_told(hostile: Path) -> None:
    found = read_images(hostile, ReadOptions())
    causes = {item.where.partition(": ")[2]: item.cause for item in found.bad}
    assert found.ids[-1] == "disk.png"  # which is there, and fails when it is read
    for name, words in HOSTILE.items():
        if name != "disk.png":
            assert re.search(words, causes[name])


def test_predict_gives_each_row_its_row(hostile: Path, answers: Call) -> None:
    rows, ended = answers(hostile)
    assert ended.code == 1
    assert len(rows) == 12 + len(HOSTILE)
    wrong = {name: row["error"] for name, row in rows.items() if row["error"]}
    assert set(wrong) == {Path(name).name for name in HOSTILE}
    for name, words in HOSTILE.items():
        assert re.search(words, wrong[Path(name).name])


def test_folders_hold_such_things_too(
    hostile: Path, pets: Path, answers: Call, run: Call, tmp_path: Path
) -> None:
    classes = tmp_path / "classes"
    for name in ("cat", "dog"):
        (classes / name).mkdir(parents=True)
        for path in pets.glob(f"{name}*.png"):
            path.rename(classes / name / path.name)
    for name in ("loop.png", "pipe.png", "disk.png", "sub.png", "forbidden"):
        (pets / name).rename(classes / "cat" / name)
    ended = run("fit", classes, "--out", tmp_path / "run", "--skip-bad")
    assert ended.code == 0, ended.err
    assert "2 bad inputs left out" in ended.err
    rows, ended = answers(classes)
    assert ended.code == 1
    assert {name for name, row in rows.items() if row["error"]} == {"loop.png", "disk.png"}
