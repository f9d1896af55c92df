from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headstart.backbones.preprocessing import Preprocessing
from headstart.images.source import local_files
from headstart.images.views import augment, view_rng
from headstart.recipes.batches import PictureBatches, epoch_order
from headstart.recipes.pixel_store import PixelStore

PLAIN = Preprocessing(
    size=8,
    resize=10,
    crop="center",
    interpolation="bilinear",
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)
TARGETS = np.array([0, 1, 0, 1, 0, 1, 0])


@pytest.fixture
def store(tmp_path: Path) -> PixelStore:
    """Noise, the last two pictures white and black."""
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (12, 16, 3), dtype=np.uint8) for _ in range(5)]
    arrays += [np.full((12, 16, 3), 255, np.uint8), np.zeros((12, 16, 3), np.uint8)]
    paths = [tmp_path / f"{number}.png" for number in range(7)]
    for path, array in zip(paths, arrays, strict=True):
        Image.fromarray(array).save(path)
    return PixelStore(local_files(paths), PLAIN, memory_limit=10**9)


@pytest.fixture
def plain(store: PixelStore) -> PictureBatches:
    return PictureBatches(pixels=store, targets=TARGETS, chosen=np.arange(7), batch_size=3)


def images(batches: PictureBatches, epoch: int) -> torch.Tensor:
    return torch.cat([inputs for inputs, _ in batches.epoch(epoch)])


def test_plain_batches_come_in_order_and_equal_in_every_epoch(plain: PictureBatches) -> None:
    parts = list(plain.epoch(1))
    assert plain.rows == 7
    assert [len(inputs) for inputs, _ in parts] == [3, 3, 1]
    assert torch.cat([goals for _, goals in parts]).tolist() == TARGETS.tolist()
    assert torch.equal(images(plain, 1), images(plain, 2))
    expected = PLAIN.normalise(PLAIN.prepare(plain.pixels.get(4))).transpose(2, 0, 1)
    np.testing.assert_allclose(images(plain, 1)[4], expected, atol=1e-5)


def test_white_and_black_are_normalised(plain: PictureBatches) -> None:
    inputs = images(plain, 1)
    assert inputs.dtype == torch.float32
    assert inputs.shape == (7, 3, 8, 8)
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(
        inputs[5, :, 3, 4], torch.tensor([2.2489, 2.4286, 2.6400]), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        inputs[6, :, 0, 0], torch.tensor([-2.1179, -2.0357, -1.8044]), atol=1e-4, rtol=0
    )


def test_chosen_rows_alone_are_given(plain: PictureBatches) -> None:
    few = replace(plain, chosen=np.array([5, 2]))
    assert torch.equal(images(few, 1), images(plain, 1)[[5, 2]])


def test_random_views_are_new_in_each_epoch(plain: PictureBatches) -> None:
    fresh = replace(plain, augment="each-epoch", seed=13)
    rgb, digest = fresh.pixels.get(3), fresh.pixels.sha256(3)
    for epoch in (1, 2):
        expected = augment(rgb, view_rng(13, digest, 1, epoch), size=8)
        assert np.array_equal(fresh.view(3, epoch), expected)
    assert not np.array_equal(fresh.view(3, 1), fresh.view(3, 2))


def test_views_drawn_once_stay_and_the_order_changes(plain: PictureBatches) -> None:
    once = replace(plain, augment="once", seed=13)
    first, second = images(once, 1), images(once, 2)
    first_order, second_order = epoch_order(7, 13, 1), epoch_order(7, 13, 2)
    assert first_order.tolist() != second_order.tolist()
    assert torch.equal(first[np.argsort(first_order)], second[np.argsort(second_order)])
    assert not torch.equal(first[np.argsort(first_order)], images(plain, 1))
    goals = torch.cat([goals for _, goals in once.epoch(1)])
    assert goals.tolist() == TARGETS[first_order].tolist()


def test_threads_and_batches_ahead_change_nothing(plain: PictureBatches) -> None:
    one = PixelStore(plain.pixels.images, PLAIN, memory_limit=0, workers=1)
    four = PixelStore(plain.pixels.images, PLAIN, memory_limit=2000, workers=4)
    quiet = replace(plain, pixels=one, augment="each-epoch", seed=2)
    busy = replace(plain, pixels=four, augment="each-epoch", seed=2, ahead=3)
    assert torch.equal(images(quiet, 5), images(busy, 5))


def test_a_stop_in_the_middle_is_clean(plain: PictureBatches) -> None:
    epoch = replace(plain, batch_size=1, ahead=2).epoch(1)
    next(epoch)
    epoch.close()  # type: ignore[attr-defined]  # an iterator that is a generator


def test_random_views_need_a_seed(plain: PictureBatches) -> None:
    with pytest.raises(ValueError, match="need a seed"):
        replace(plain, augment="once")
