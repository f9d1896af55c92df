from __future__ import annotations

import copy
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from headstart.arrays import FloatArray
from headstart.backbones.small_cnn import SmallCNN
from headstart.images.source import local_files
from headstart.options import LoopOptions
from headstart.recipes.batches import PictureBatches
from headstart.recipes.epoch_loop import EpochLoop
from headstart.recipes.pixel_store import PixelStore
from headstart.recipes.small_cnn_training import (
    small_cnn_preprocessing,
    train_small_cnn,
)
from headstart.recipes.training_history import History

SIZE = 16
N = 24
TARGETS = np.arange(N) % 2
LEARN, CHECK = np.arange(18), np.arange(18, N)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PixelStore:
    """Reddish and bluish noise."""
    rng = np.random.default_rng(0)
    folder: Path = tmp_path_factory.mktemp("pictures")
    for number in range(N):
        array = rng.integers(0, 120, (20, 24, 3), dtype=np.uint8)
        array[..., 2 * (number % 2)] += 100
        Image.fromarray(array).save(folder / f"{number}.png")
    paths = [folder / f"{number}.png" for number in range(N)]
    return PixelStore(local_files(paths), small_cnn_preprocessing(SIZE), memory_limit=10**9)


def trained(
    store: PixelStore,
    *,
    seed: int = 13,
    precision: Literal["fp32", "bf16"] = "fp32",
    augment: Literal["each-epoch", "once", "none"] = "each-epoch",
) -> tuple[SmallCNN, History]:
    options = LoopOptions(epochs=8, learning_rate=0.003, batch_size=6, augment=augment)
    return train_small_cnn(
        store,
        TARGETS,
        classes=2,
        training=LEARN,
        validation=CHECK,
        loop=EpochLoop(options=options, seed=seed, precision=precision),
    )


@torch.inference_mode()
def class_probabilities(module: nn.Module, batches: PictureBatches) -> FloatArray:
    """Probabilities (n, k) of the rows of `batches`, in its order."""
    module.eval()
    parts = [module(inputs).double().softmax(dim=1).numpy() for inputs, _ in batches.epoch(1)]
    return np.concatenate(parts)


def plain_order(module: SmallCNN) -> nn.Sequential:
    """The same layers in the usual order and layout, as torch's own modules."""
    parts: list[nn.Module] = []
    for block in module.backbone.features:
        convolution, norm = (copy.deepcopy(part) for part in block.children())
        parts += [convolution, norm, nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*parts, nn.Flatten(), copy.deepcopy(module.classifier))


@pytest.mark.parametrize("training", [True, False])
def test_network_is_the_plain_one(training: bool) -> None:
    torch.manual_seed(0)
    module = SmallCNN(classes=5, size=SIZE).train(training)
    plain = plain_order(module).train(training)
    inputs = torch.randn(3, 3, SIZE, SIZE)
    logits, expected = module(inputs), plain(inputs)
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)
    for output in (logits, expected):
        torch.autograd.backward(output.square().sum())
    for mine, theirs in zip(module.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-3, rtol=1e-4)
    for buffer, expected in zip(module.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(buffer, expected)


def test_shapes_of_the_usual_size() -> None:
    module = SmallCNN(classes=3)
    assert module.classifier.in_features == 8 * 56 * 56
    blocks = 4 * (27 + 1) + 2 * 4 + 8 * (36 + 1) + 2 * 8
    assert sum(p.numel() for p in module.parameters()) == blocks + 3 * (8 * 56 * 56 + 1)
    assert module(torch.zeros(2, 3, 224, 224)).shape == (2, 3)


def test_preprocessing_keeps_seven_eighths() -> None:
    plain = small_cnn_preprocessing()
    assert (plain.size, plain.resize, plain.crop) == (224, 256, "center")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_learns_colours(store: PixelStore, precision: Literal["fp32", "bf16"]) -> None:
    module, history = trained(store, precision=precision)
    assert history.records[-1].training_accuracy > 0.9
    best = min(record.validation_loss or 0.0 for record in history.records)
    assert history.records[history.kept_epoch - 1].validation_loss == best
    batches = PictureBatches(
        pixels=store,
        targets=TARGETS,
        chosen=CHECK,
        batch_size=4,
    )
    answers = class_probabilities(module, batches)
    np.testing.assert_allclose(answers.sum(axis=1), 1)
    right = (answers.argmax(axis=1) == TARGETS[CHECK]).mean()
    assert right == history.records[history.kept_epoch - 1].validation_accuracy
    if precision == "fp32":
        assert -np.log(answers[np.arange(6), TARGETS[CHECK]]).mean() == pytest.approx(
            best, rel=0.01
        )


def test_equal_seeds_give_equal_networks(store: PixelStore) -> None:
    other_store = PixelStore(store.images, store.preprocessing, memory_limit=0, workers=3)
    first, again, other = trained(store), trained(other_store), trained(store, seed=14)
    for name, tensor in first[0].state_dict().items():
        assert torch.equal(tensor, again[0].state_dict()[name])
    assert first[1].to_rows()[-1]["training_loss"] == again[1].to_rows()[-1]["training_loss"]
    assert not torch.equal(first[0].classifier.weight, other[0].classifier.weight)


def test_augmentation_changes_training_only(store: PixelStore) -> None:
    histories = {kind: trained(store, augment=kind)[1] for kind in ("each-epoch", "once", "none")}
    losses = {history.records[-1].training_loss for history in histories.values()}
    assert len(losses) == 3


def test_without_validation_rows_the_last_epoch_is_kept(store: PixelStore) -> None:
    _, history = train_small_cnn(
        store,
        TARGETS,
        classes=2,
        training=LEARN,
        validation=CHECK[:0],
        loop=EpochLoop(options=LoopOptions(epochs=2), seed=1),
    )
    assert history.kept_epoch == 2
    assert history.records[0].validation_loss is None
