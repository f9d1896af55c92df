"""C72: folders that are parts of a split are not learnt as classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.image_table import ImageTable
from headstart.data.read_folder import read_folder
from headstart.errors import TableError
from headstart.options import ReadOptions

INTEL = ("seg_train/seg_train", "seg_test/seg_test")


def make(root: Path, *folders: str, count: int = 2) -> Path:
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (root / folder / f"{number}.png").write_bytes(folder.encode() + bytes([number]))
    return root


def both(*parts: str) -> tuple[str, ...]:
    return tuple(f"{part}/{name}" for part in parts for name in ("cats", "dogs"))


def read(root: Path, level: int | None = None) -> ImageTable:
    return read_folder(root, ReadOptions(class_level=level))


@pytest.mark.parametrize(
    "parts",
    [
        ("training_set", "test_set"),
        ("training_set/training_set", "test_set/test_set"),
        ("training_set/training_set", "test_set"),
        ("train_images", "test_images"),
        ("imgs-Train", "imgs-Valid", "imgs-Test"),
        ("train2017", "val2017"),
        INTEL,
    ],
)
def test_a_split_that_is_certain(parts: tuple[str, ...], tmp_path: Path) -> None:
    table = read(make(tmp_path, *both(*parts)))
    assert table.classes == ("cats", "dogs")
    assert not table.bad
    for name, label, part in zip(table.ids, table.labels or (), table.splits or (), strict=True):
        assert label in name.split("/")
        assert part in name.lower()
    assert "taken as parts of a split" in table.notes[0]


def test_a_part_without_answers_is_left_out_with_a_line(tmp_path: Path) -> None:
    table = read(make(tmp_path, *both(*INTEL), "seg_pred/seg_pred"))
    assert table.classes == ("cats", "dogs")
    assert len(table) == 8
    assert not table.bad
    assert "left out, since its pictures have no class: seg_pred" in table.notes


def test_parts_without_the_same_classes_are_refused(tmp_path: Path) -> None:
    make(tmp_path, *both("train_images"), "test_images")
    with pytest.raises(TableError) as error:
        read(tmp_path)
    assert "'train_images'" in str(error.value)
    assert f"give the part with classes alone, such as {tmp_path / 'train_images'}" in str(
        error.value
    )
    assert "--class-level 1" in str(error.value)
    assert read(tmp_path, 1).classes == ("test_images", "train_images")
    assert read(tmp_path / "train_images").classes == ("cats", "dogs")


def test_two_flat_parts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="names of 'test_set', 'training_set' say parts"):
        read(make(tmp_path, "training_set", "test_set"))


def test_the_same_folders_in_all_are_refused_with_both_readings(tmp_path: Path) -> None:
    make(tmp_path, *both("site_a", "site_b"))
    with pytest.raises(TableError) as error:
        read(tmp_path)
    assert "all of 'site_a', 'site_b' hold the folders cats, dogs" in str(error.value)
    assert "if cats, dogs are the classes, give --class-level 2" in str(error.value)
    assert "if 'site_a', 'site_b' are the classes, give --class-level 1" in str(error.value)
    assert read(tmp_path, 1).classes == ("site_a", "site_b")
    second = read(tmp_path, 2)
    assert second.classes == ("cats", "dogs")
    assert second.splits is None


def test_a_split_below_the_classes_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "cat/train", "cat/test", "dog/train", "dog/test")
    with pytest.raises(TableError, match="are parts of a split, put the class folders into them"):
        read(tmp_path)
    assert read(tmp_path, 1).classes == ("cat", "dog")


def test_parts_that_say_so_are_a_split_at_the_second_level(tmp_path: Path) -> None:
    make(tmp_path, *both("training_set"), "test_set/cats")
    with pytest.raises(TableError):
        read(tmp_path)
    table = read(tmp_path, 2)
    assert table.classes == ("cats", "dogs")
    assert set(table.splits or ()) == {"train", "test"}


@pytest.mark.parametrize(
    "folders",
    [
        ("test_positive", "test_negative"),
        ("train_station", "bus_station"),
        ("trains", "tests"),
        ("cat/indoor", "cat/outdoor", "dog/indoor"),
        ("cat/all", "dog/all"),
    ],
)
def test_classes_stay_classes(folders: tuple[str, ...], tmp_path: Path) -> None:
    table = read(make(tmp_path, *folders))
    assert set(table.classes) == {folder.split("/")[0] for folder in folders}
    assert table.splits is None


def test_the_folder_above_is_a_wrapper_of_parts(tmp_path: Path) -> None:
    make(tmp_path, *both("dataset/training_set", "dataset/test_set"))
    with pytest.raises(TableError, match=r"dataset \(2 parts, 8 pictures\)"):
        read(tmp_path)
