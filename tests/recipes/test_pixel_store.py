from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.backbones.preprocessing import Preprocessing
from headstart.errors import BadInputsError
from headstart.features.loading import Loader, Wanted
from headstart.images.source import local_files
from headstart.images.views import resize_shorter_side
from headstart.progress import Quiet
from headstart.recipes.pixel_store import PixelStore
from headstart.recipes.small_cnn_training import small_cnn_preprocessing

ROOM = 10**9


class Heard(Quiet):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps = 0

    def advance(self, steps: int = 1) -> None:
        self.steps += steps

    def note(self, line: str) -> None:
        self.notes.append(line)


def plain_view(size: int) -> Preprocessing:
    """A network's input of `size` pixels; pictures are kept with a shorter side of twice that."""
    return replace(small_cnn_preprocessing(), size=size, resize=round(size / 0.875))


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Five PNG files of 20 x 30 pixels, 1,800 bytes decoded."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    return paths


def pixels_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_pictures_are_those_of_the_files(pictures: list[Path]) -> None:
    store = PixelStore(local_files(pictures), plain_view(10), memory_limit=ROOM)
    assert len(store) == store.kept == 5
    for index, path in enumerate(pictures):
        assert np.array_equal(store.get(index), pixels_of(path))
        assert store.sha256(index) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_larger_pictures_are_shrunk_to_the_side(pictures: list[Path]) -> None:
    shrunk = PixelStore(local_files(pictures), plain_view(5), memory_limit=ROOM).get(3)
    assert np.array_equal(shrunk, resize_shorter_side(pixels_of(pictures[3]), 10))
    assert shrunk.shape == (10, 15, 3)


def test_beyond_the_limit_pictures_are_read_again(pictures: list[Path]) -> None:
    heard = Heard()
    store = PixelStore(
        local_files(pictures), plain_view(10), memory_limit=2 * 1800 + 1799, progress=heard
    )
    assert store.kept == 2
    assert heard.steps == 5
    assert heard.notes == [
        "5 decoded pictures take about 9,000 bytes, more than --memory-limit 5,399: "
        "about 2 are kept, the others are read again each epoch"
    ]
    for index, path in enumerate(pictures):
        assert np.array_equal(store.get(index), pixels_of(path))
    for path in pictures:
        path.unlink()
    assert store.get(1).shape == (20, 30, 3)
    with pytest.raises(BadInputsError, match=r"4\.png: not found"):
        store.get(4)


def test_a_picture_that_changed_meanwhile_is_an_error(pictures: list[Path]) -> None:
    store = PixelStore(local_files(pictures), plain_view(10), memory_limit=0)
    assert store.kept == 0
    Image.new("RGB", (30, 20)).save(pictures[2])
    with pytest.raises(BadInputsError, match=r"2\.png: changed during the training"):
        store.get(2)


def test_no_note_when_all_fit(pictures: list[Path]) -> None:
    heard = Heard()
    PixelStore(local_files(pictures), plain_view(10), memory_limit=5 * 1800, progress=heard)
    assert heard.notes == []


def test_all_bad_pictures_come_in_one_list(pictures: list[Path], tmp_path: Path) -> None:
    pictures[1].write_bytes(b"")
    pictures[3].write_text("<!DOCTYPE html><html></html>")
    missing = tmp_path / "missing.png"
    names = [f"labels.csv, line {line}" for line in range(2, 8)]
    with pytest.raises(BadInputsError, match="--skip-bad") as caught:
        PixelStore(
            local_files([*pictures, missing]), plain_view(10), memory_limit=ROOM, where=names
        )
    bad = caught.value.inputs
    assert [item.where for item in bad] == [names[1], names[3], names[5]]
    assert bad[0].cause == "empty (0 bytes)"
    assert "not a picture" in bad[1].cause
    assert bad[2].cause == "not found"


def test_pixel_limit_holds(pictures: list[Path]) -> None:
    with pytest.raises(BadInputsError, match="30 x 20"):
        PixelStore(local_files(pictures), plain_view(10), memory_limit=ROOM, max_pixels=599)


@pytest.mark.parametrize(("size", "kind"), [(224, "jpg"), (96, "jpg"), (224, "png")])
def test_the_plain_view_of_a_large_picture_is_that_of_predicting(
    tmp_path: Path, size: int, kind: str
) -> None:
    """A JPEG of 2,400 x 1,800 is decoded at a part of its size, and kept smaller than that."""
    path = tmp_path / f"large.{kind}"
    rng = np.random.default_rng(5)
    small = Image.fromarray(rng.integers(0, 256, (225, 300, 3), dtype=np.uint8))
    small.resize((2400, 1800), Image.Resampling.BICUBIC).save(path)
    image = local_files([path])[0]
    plain = small_cnn_preprocessing(size)
    predicted = Loader(Wanted(plain), None, None).load(image.read).pixels[""]
    for room in (ROOM, 0):  # kept, and read again
        store = PixelStore([image], plain, memory_limit=room)
        assert np.array_equal(store.plain(0), predicted)
        assert store.get(0).shape == (2 * size, 8 * size // 3, 3)
