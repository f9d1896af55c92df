from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from headstart.errors import DataError, UsageError
from headstart.options import LoopOptions
from headstart.recipes.batches import TensorBatches
from headstart.recipes.epoch_loop import TEMPERATURES, EpochLoop, NonFiniteError, train_mode
from headstart.recipes.rates import Schedule
from headstart.recipes.training_history import EpochRecord


def blobs(rows: int = 60, columns: int = 5, classes: int = 3) -> tuple[Tensor, Tensor]:
    """Classes around distant centres."""
    rng = np.random.default_rng(4)
    targets = np.arange(rows) % classes
    centres = 2 * rng.normal(size=(classes, columns))
    inputs = (centres[targets] + rng.normal(size=(rows, columns))).astype(np.float32)
    return torch.from_numpy(inputs), torch.from_numpy(targets)


def layer(seed: int = 0, columns: int = 5, classes: int = 3) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(columns, classes)


def loop(
    seed: int = 1, *, epochs: int = 3, keep: Literal["best", "last"] = "last", rate: float = 0.01
) -> EpochLoop:
    options = LoopOptions(epochs=epochs, learning_rate=rate, batch_size=16, keep=keep)
    return EpochLoop(options=options, seed=seed)


class Frozen(nn.Module):
    """A frozen part with batch norm and dropout, and a head with dropout that trains."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Dropout(0.5))
        self.last = nn.Linear(6, 3)
        self.head = nn.Sequential(nn.Dropout(0.5), self.last)
        self.backbone.requires_grad_(False)
        self.seen: list[tuple[bool, bool]] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.seen.append((self.backbone.training, self.head.training))
        logits: Tensor = self.head(self.backbone(inputs))
        return logits


def test_steps_are_those_of_a_plain_torch_loop() -> None:
    inputs, targets = blobs()
    module, plain = layer(), layer()
    batches = TensorBatches(inputs, targets, 16, seed=7)
    history = loop(epochs=4).run(module, batches)
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.01)
    for epoch in range(1, 5):
        order = torch.from_numpy(np.random.default_rng([7, epoch]).permutation(60))
        losses, right = 0.0, 0
        for start in range(0, 60, 16):
            rows = order[start : start + 16]
            logits = plain(inputs[rows])
            loss = nn.functional.cross_entropy(logits, targets[rows])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            losses += loss.item() * len(rows)
            right += int((logits.argmax(1) == targets[rows]).sum())
        record = history.records[epoch - 1]
        assert record.training_loss == pytest.approx(losses / 60, rel=1e-5)
        assert record.training_accuracy == right / 60
    torch.testing.assert_close(module.weight, plain.weight, atol=1e-6, rtol=0)
    torch.testing.assert_close(module.bias, plain.bias, atol=1e-6, rtol=0)


def test_torchs_random_numbers_are_left_alone_where_no_layer_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the generator of the process is touched")

    module, (inputs, targets) = layer(), blobs()
    monkeypatch.setattr(torch.random, "fork_rng", refuse)
    loop().run(module, TensorBatches(inputs, targets, 16, seed=3))
    with pytest.raises(AssertionError, match="touched"):
        loop().run(nn.Sequential(nn.Dropout(0.5), module), TensorBatches(inputs, targets, 16))


def test_class_weights_and_label_smoothing_are_in_the_loss() -> None:
    inputs, targets = blobs(rows=8)
    module = layer()
    weights = np.array([1.0, 2.0, 4.0], dtype=np.float32)
    options = LoopOptions(epochs=1, learning_rate=1e-12, batch_size=8, label_smoothing=0.2)
    run = EpochLoop(options=options, seed=1, class_weights=weights)
    log_p = module(inputs).detach().log_softmax(1).double().numpy()
    w, y = weights.astype(float), targets.numpy()
    true = -(w[y] * log_p[np.arange(8), y]).sum()
    spread = -(log_p * w).sum() / 3
    record = run.run(module, TensorBatches(inputs, targets, 8), TensorBatches(inputs, targets, 3))
    smoothed = (0.8 * true + 0.2 * spread) / w[y].sum()
    assert record.records[0].training_loss == pytest.approx(smoothed, rel=1e-5)
    # Validation has the class weights over all rows, whatever the batches, and no smoothing.
    assert record.records[0].validation_loss == pytest.approx(true / w[y].sum(), rel=1e-5)


def test_frozen_part_stays_bit_equal_and_in_eval_mode() -> None:
    inputs, targets = blobs()
    module = Frozen()
    before = copy.deepcopy(module.backbone.state_dict())
    data = TensorBatches(inputs, targets, 60, seed=1)
    loop(epochs=2).run(module, data, TensorBatches(inputs, targets, 60))
    assert module.seen == [(False, True), (False, False)] * 2
    for name, tensor in module.backbone.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert not module.training
    assert not module.head.training


def test_mode_of_each_part() -> None:
    inner = nn.Dropout(0.5)
    frozen = (nn.BatchNorm1d(3), nn.Sequential(nn.Linear(3, 3), inner))
    module = nn.Sequential(*frozen, nn.Dropout(0.5), nn.BatchNorm1d(3))
    for part in frozen:
        part.requires_grad_(False)
    module.eval()
    train_mode(module)
    assert [part.training for part in module] == [False, False, True, True]
    assert not inner.training


def test_best_epoch_is_the_one_with_the_least_validation_loss() -> None:
    inputs, targets = blobs()
    wrong = (targets + 1) % 3  # the longer it trains, the worse its validation
    data, check = TensorBatches(inputs, targets, 16, seed=1), TensorBatches(inputs, wrong, 16)
    best, last, first = layer(), layer(), layer()
    history = loop(epochs=4, keep="best", rate=0.1).run(best, data, check)
    losses = [record.validation_loss or 0.0 for record in history.records]
    assert losses == sorted(losses)
    assert history.kept_epoch == 1
    assert loop(epochs=4, rate=0.1).run(last, data, check).kept_epoch == 4
    loop(epochs=1, rate=0.1).run(first, data)
    assert torch.equal(best.weight, first.weight)
    assert not torch.equal(best.weight, last.weight)


def test_best_without_validation_rows_is_the_last() -> None:
    history = loop(keep="best").run(layer(), TensorBatches(*blobs(), 16))
    assert history.kept_epoch == 3
    assert {record.validation_loss for record in history.records} == {None}


class Poisoned(TensorBatches):
    """Has a NaN in the second batch of the third epoch."""

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        for step, (inputs, targets) in enumerate(super().epoch(number), start=1):
            yield (inputs * math.nan if (number, step) == (3, 2) else inputs), targets


def test_loss_without_bounds_stops_with_epoch_and_step_and_keeps_good_weights() -> None:
    inputs, targets = blobs()
    module, good = layer(), layer()
    with pytest.raises(NonFiniteError, match=r"epoch 3, step 2, is nan.*--learning-rate") as caught:
        loop(epochs=5).run(module, Poisoned(inputs, targets, 16, seed=1))
    assert isinstance(caught.value, DataError)
    loop(epochs=2).run(good, TensorBatches(inputs, targets, 16, seed=1))
    assert torch.equal(module.weight, good.weight)
    assert not module.training


def test_weights_without_bounds_stop_too() -> None:
    module = layer()
    start = module.weight.detach().clone()
    options = LoopOptions(epochs=1, learning_rate=1e38, optimizer="sgd", batch_size=60)
    inputs, targets = blobs()
    large = TensorBatches(inputs * 100, targets, 60)
    with pytest.raises(NonFiniteError, match=r"epoch 1.*try a smaller --learning-rate$"):
        EpochLoop(options=options, seed=1).run(module, large)
    assert torch.equal(module.weight, start)
    with pytest.raises(NonFiniteError, match=r"--learning-rate, or --precision fp32$"):
        EpochLoop(options=options, seed=1, precision="bf16").run(module, large)


def test_bf16_counts_exactly_and_keeps_fp32_weights() -> None:
    # 1,000 right answers: a count in bf16 would stop at 256.
    inputs = torch.ones(1000, 2)
    targets = torch.zeros(1000, dtype=torch.int64)
    module = nn.Linear(2, 2)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    options = LoopOptions(epochs=1, learning_rate=1e-6, batch_size=1000)
    run = EpochLoop(options=options, seed=1, precision="bf16")
    data = TensorBatches(inputs, targets, 1000)
    record = run.run(module, data, TensorBatches(inputs, targets, 10)).records[0]
    assert (record.training_accuracy, record.validation_accuracy) == (1.0, 1.0)
    assert module.weight.dtype == torch.float32
    # A step of 1e-6 is lost in bf16, where the next number below 1 is 0.996.
    assert module.weight[0, 0].item() == pytest.approx(1 + 1e-6, abs=3e-7)


def test_bf16_learns_like_fp32() -> None:
    inputs, targets = blobs(rows=300)
    accuracies = []
    names: tuple[Literal["fp32", "bf16"], ...] = ("fp32", "bf16")
    for precision in names:
        options = LoopOptions(epochs=20, learning_rate=0.01)
        run = EpochLoop(options=options, seed=1, precision=precision)
        history = run.run(layer(), TensorBatches(inputs, targets, 32, seed=1))
        accuracies.append(history.records[-1].training_accuracy)
    assert accuracies[0] > 0.9
    assert abs(accuracies[0] - accuracies[1]) <= 0.01


def test_equal_seeds_give_equal_weights_and_leave_torch_alone() -> None:
    inputs, targets = blobs()
    results = []
    for outside, seed in ((1, 5), (2, 5), (1, 6)):
        module = Frozen()
        torch.manual_seed(outside)
        expected = torch.rand(1, generator=torch.Generator().manual_seed(outside))
        loop(seed).run(module, TensorBatches(inputs, targets, 16, seed=3))
        assert torch.equal(torch.rand(1), expected)
        results.append(module.last.weight.detach())
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])  # dropout draws from the loop's seed


def test_each_epoch_is_told() -> None:
    told: list[EpochRecord] = []
    options = LoopOptions(epochs=2)
    run = EpochLoop(options=options, seed=1, on_epoch=told.append)
    history = run.run(layer(), TensorBatches(*blobs(), 16))
    assert tuple(told) == history.records
    assert [record.epoch for record in told] == [1, 2]
    assert all(record.seconds > 0 for record in told)


def test_a_stop_by_key_leaves_the_epochs_so_far() -> None:
    def stop(record: EpochRecord) -> None:
        if record.epoch == 2:
            raise KeyboardInterrupt

    module, good = layer(), layer()
    data = TensorBatches(*blobs(), 16, seed=1)
    with pytest.raises(KeyboardInterrupt):
        EpochLoop(options=LoopOptions(epochs=9), seed=1, on_epoch=stop).run(module, data)
    EpochLoop(options=LoopOptions(epochs=2), seed=1).run(good, data)
    assert torch.equal(module.weight, good.weight)


def test_nothing_to_train_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to train"):
        loop().run(layer().requires_grad_(False), TensorBatches(*blobs(), 16))


def test_options_are_checked_first() -> None:
    with pytest.raises(UsageError, match="--epochs"):
        EpochLoop(options=LoopOptions(), seed=1).run(layer(), TensorBatches(*blobs(), 16))


def test_with_a_schedule_the_start_is_kept_where_nothing_is_better() -> None:
    inputs, targets = blobs()
    best = layer()
    loop(epochs=60, rate=0.05).run(best, TensorBatches(inputs, targets, 16, seed=1))
    start = copy.deepcopy(best)
    groups = [{"params": list(best.parameters()), "lr": 5.0, "full_rate": 5.0}]
    wild = EpochLoop(
        options=LoopOptions(epochs=2, keep="best"), seed=1, schedule=Schedule(), groups=groups
    )
    noisy = TensorBatches(inputs, targets.roll(1), 16, seed=1)
    history = wild.run(best, noisy, TensorBatches(inputs, targets, 16))
    assert (len(history.records), history.kept_epoch, history.kept_accuracy) == (2, 0, None)
    assert torch.equal(best.weight, start.weight)
    assert not any(row["kept"] for row in history.to_rows())


def test_with_a_schedule_the_validation_loss_is_that_of_the_best_temperature() -> None:
    inputs, targets = blobs()
    sure = layer()
    with torch.no_grad():
        sure.weight.mul_(20)
        expected = [cross_entropy(sure(inputs) / t, targets).item() for t in TEMPERATURES]
    groups = [{"params": list(sure.parameters()), "lr": 0.0, "full_rate": 0.0}]
    still = EpochLoop(
        options=LoopOptions(epochs=1, keep="best"), seed=1, schedule=Schedule(), groups=groups
    )
    batches = TensorBatches(inputs, targets, 16)
    (record,) = still.run(sure, batches, batches).records
    assert record.validation_loss == pytest.approx(min(expected))
    assert min(expected) < cross_entropy(sure(inputs), targets).item()
