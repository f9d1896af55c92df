"""Groups from names: which part of a name, with and without a column, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headstart import ImageClassifier, name_groups
from headstart.data.group_pattern import told_groups
from headstart.data.inputs import read_images, read_pictures
from headstart.errors import UsageError
from headstart.options import ReadOptions
from headstart.options.checks import check_options

NAMES = ("p1_left.png", "p1_right.png", "p2_left.png", "p2_right.png", "x.png")


def folder(root: Path) -> Path:
    for number, name in enumerate(NAMES):
        path = root / "set" / ("cat", "dog")[number % 2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")
    return root / "set"


def table(root: Path, groups: str = "") -> Path:
    lines = ["image,label" + (",patient" if groups else "")]
    for number, name in enumerate(NAMES):
        (root / name).write_bytes(bytes([number]))
        lines.append(f"{name},{'ab'[number % 2]}" + (f",{groups[number]}" if groups else ""))
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root / "labels.csv"


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        ("^(p[0-9]+)_", ["p1", "p2", ""]),  # the first group
        ("^p[0-9]", ["p1", "p2", ""]),  # the whole match
        ("^(?:p([0-9])|q)", ["1", "2", ""]),
        ("left|right|x", ["left", "right", "x"]),
        ("^(a|b)/", ["a", "b", ""]),  # with a slash: the path
        ("^a", ["", "", ""]),
    ],
)
def test_what_a_name_tells(pattern: str, groups: list[str]) -> None:
    names = ["a/p1_left.png", r"b\p2_right.png", "x.png"]
    assert told_groups(names, pattern) == groups
    alone = ["a/p1_left.png", "b/p2_right.png", "x.png"]  # each a group of its own
    assert name_groups(names, pattern) == [g or n for g, n in zip(groups, alone, strict=True)]


def test_paths_are_names_too() -> None:
    assert name_groups([Path("a") / "p1_left.png"], "^p[0-9]") == ["p1"]


@pytest.mark.parametrize("pattern", ["(", "", " ", "[a"])
def test_a_bad_expression_is_refused_before_reading(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"--group-pattern is .* it must be a regular expression"):
        check_options(ReadOptions(group_pattern=pattern))


def test_a_bad_expression_in_python() -> None:
    with pytest.raises(UsageError, match="no regular expression: missing"):
        name_groups(["a"], "(")


def test_folders_have_groups_across_their_classes(tmp_path: Path) -> None:
    read = read_images(folder(tmp_path), ReadOptions(group_pattern="^(p[0-9]+)_"))
    told = dict(zip(read.ids, read.groups or (), strict=True))
    assert told["cat/p1_left.png"] == told["dog/p1_right.png"] == "p1"
    assert told["cat/x.png"] == ""
    assert (
        "2 groups by --group-pattern; 1 name without a match, each a group of its own: cat/x.png"
        in read.notes
    )


def test_flat_folders_and_single_pictures(tmp_path: Path) -> None:
    flat = table(tmp_path).parent
    (flat / "labels.csv").unlink()
    options = ReadOptions(group_pattern="^p[0-9]")
    assert read_pictures(flat, options).groups == ("p1", "p1", "p2", "p2", "")
    assert read_pictures(flat / "p1_left.png", options).groups == ("p1",)


def test_with_a_column_either_of_them_joins(tmp_path: Path) -> None:
    options = ReadOptions(group_column="patient", group_pattern="^p[0-9]")
    # The column joins the last p1 with the first p2, and so all four by a chain.
    read = read_images(table(tmp_path, "ABBCD"), options)
    assert read.groups == ("A", "A", "A", "A", "D")
    assert read.notes[-1].endswith("joined with those of --group-column: 2 groups")
    read = read_images(table(tmp_path, "ABCCE"), options)
    assert read.groups == ("A", "A", "C", "C", "E")


def test_a_pattern_that_fits_no_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'\^q' is found in none of the names, such as p1_left"):
        read_images(table(tmp_path), ReadOptions(group_pattern="^q"))


def test_groups_of_names_in_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, (8, 32, 32, 3), dtype=np.uint8)
    names = [f"p{number // 2}_{number % 2}.png" for number in range(7)] + ["alone.png"]
    classifier = ImageClassifier("test_resnet", random_weights=True, image_size=32)
    groups = name_groups(names, "^p[0-9]+")
    assert classifier.fit(X, ["a", "a", "b", "b"] * 2, groups=groups).predict(X).shape == (8,)
