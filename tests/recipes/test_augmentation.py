from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.conftest import tiny_preprocessing

from headstart.recipes.augmentation import STRENGTHS, mixed, tuned_view

PICTURE = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
SHA = "0" * 63


def view(name: str, *, seed: int = 1, sha256: str = SHA + "1", epoch: int = 1) -> np.ndarray:
    return tuned_view(PICTURE, name, tiny_preprocessing(), seed=seed, sha256=sha256, epoch=epoch)


@pytest.mark.parametrize("name", STRENGTHS)
def test_a_view_comes_from_seed_picture_and_epoch_alone(name: str) -> None:
    torch.manual_seed(4)
    first = view(name)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert np.array_equal(view(name), first)
    torch.manual_seed(4)
    assert torch.equal(torch.rand(1), drawn)  # and torch's own numbers are left alone
    assert first.shape == (16, 16, 3)
    assert first.dtype == np.uint8
    for other in (view(name, seed=2), view(name, sha256=SHA + "2"), view(name, epoch=2)):
        assert not np.array_equal(other, first)


def test_the_strengths_differ() -> None:
    views = {name: view(name, epoch=3).tobytes() for name in STRENGTHS}
    assert len(set(views.values())) == len(STRENGTHS)


def test_a_mixed_batch_has_shares_that_sum_to_one() -> None:
    inputs = torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 3, 4, 4).contiguous()
    targets = torch.arange(6) % 3
    kinds = set()
    for batch in range(8):
        pictures, shares = mixed(inputs, targets, 3, seed=1, epoch=1, batch=batch)
        again = mixed(inputs, targets, 3, seed=1, epoch=1, batch=batch)
        assert torch.equal(pictures, again[0])
        torch.testing.assert_close(shares.sum(dim=1), torch.ones(6))
        kinds.add(bool((pictures[:, :, 0, 0] == pictures[:, :, 2, 2]).all()))
    assert kinds == {True, False}  # mixup mixes all of a picture alike, cutmix cuts


def test_a_lone_picture_stays_as_it_is() -> None:
    inputs = torch.rand(1, 3, 4, 4)
    for batch in range(4):
        pictures, shares = mixed(inputs, torch.tensor([1]), 3, seed=1, epoch=1, batch=batch)
        torch.testing.assert_close(pictures, inputs)
        torch.testing.assert_close(shares, torch.tensor([[0.0, 1.0, 0.0]]))
