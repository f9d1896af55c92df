from __future__ import annotations

import numpy as np
import pytest
import torch

from headstart.recipes.batches import TensorBatches, batch_rows, epoch_order


def test_order_depends_on_seed_and_epoch() -> None:
    order = epoch_order(50, 13, 1)
    assert sorted(order) == list(range(50))
    assert np.array_equal(order, epoch_order(50, 13, 1))
    assert not np.array_equal(order, epoch_order(50, 13, 2))
    assert not np.array_equal(order, epoch_order(50, 14, 1))


def test_rows_come_in_batches_the_last_one_smaller() -> None:
    parts = list(batch_rows(7, 3, seed=None, epoch=1))
    assert [part.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5], [6]]
    shuffled = np.concatenate(list(batch_rows(7, 3, seed=5, epoch=2)))
    assert np.array_equal(shuffled, epoch_order(7, 5, 2))


def test_tensor_batches_give_rows_with_their_targets() -> None:
    inputs = torch.arange(14.0).reshape(7, 2)
    targets = torch.arange(7)
    plain = list(TensorBatches(inputs, targets, 4).epoch(3))
    assert [goal.tolist() for _, goal in plain] == [[0, 1, 2, 3], [4, 5, 6]]
    shuffled = TensorBatches(inputs, targets, 4, seed=1)
    assert shuffled.rows == 7
    for rows, goal in shuffled.epoch(3):
        assert torch.equal(rows, inputs[goal])
    seen = [int(number) for _, goal in shuffled.epoch(3) for number in goal]
    assert seen == epoch_order(7, 1, 3).tolist()


def test_inputs_and_targets_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="3 inputs but 2 targets"):
        TensorBatches(torch.zeros(3, 1), torch.zeros(2, dtype=torch.int64), 2)
