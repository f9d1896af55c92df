from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from tests.recipes.tuning_set import options, tuned, write_pictures

from headstart.arrays import FloatArray
from headstart.errors import UsageError
from headstart.heads import familiarity_fit
from headstart.heads.familiarity import Familiarity
from headstart.model_dir import load_model, save_model
from headstart.recipes import fine_tune
from headstart.recipes.batches import PictureBatches
from headstart.recipes.frozen import FitResult
from headstart.recipes.scratch import answer_rows_of, choose_validation
from headstart.recipes.tuning_defaults import usual_options


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("tuning"))


def weights(result: FitResult) -> dict[str, FloatArray]:
    """All numbers of a model."""
    return {**result.model.backbone.tensors(), **result.model.head.to_arrays()}


def same(one: FitResult, other: FitResult) -> bool:
    first, second = weights(one), weights(other)
    return all(np.array_equal(first[name], second[name]) for name in first)


def test_the_last_stage_learns_and_the_rest_stays_to_the_bit(folder: Path) -> None:
    from headstart.backbones.opening import open_backbone

    result = tuned(folder, epochs=2, unfreeze="last-stage")
    before = open_backbone(options().backbone, device="cpu").tensors()
    after = result.model.backbone.tensors()
    changed = {
        name.split(".")[0] for name in after if not np.array_equal(after[name], before[name])
    }
    assert changed == {"layer4"}
    statistics = [name for name in after if "running" in name or "tracked" in name]
    assert all(np.array_equal(after[name], before[name]) for name in statistics)
    assert result.tuning is not None
    assert [bool(part.trained) for part in result.tuning.parts] == [False] * 4 + [True]
    assert result.tuning.phases.accuracy[1] == pytest.approx(result.test.correct.mean())
    assert result.record.recipe == "fine-tune"
    assert result.features is None


def test_equal_seeds_give_equal_weights_whatever_the_threads(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tuned(folder, epochs=2, workers=1, augment="strong")
    other = tuned(folder, epochs=2, workers=1, augment="strong", seed=14)
    assert not same(first, other)
    for ahead in (0, 1, 2):  # by the turn of training itself, by one thread beside it, by two
        monkeypatch.setattr(
            "headstart.recipes.fine_tune.PictureBatches",
            lambda ahead=ahead, **given: PictureBatches(**{**given, "ahead": ahead}),
        )
        second = tuned(folder, epochs=2, workers=max(1, ahead), augment="strong")
        assert same(first, second), ahead
    assert first.history is not None
    assert second.history is not None
    timeless = [
        [replace(record, seconds=0.0) for record in history.records]
        for history in (first.history, second.history)
    ]
    assert timeless[0] == timeless[1]


def test_five_pictures_are_trained_on(tmp_path: Path) -> None:
    few = tuned(write_pictures(tmp_path / "few", 5), epochs=1, batch_size=32)
    assert few.history is not None
    assert few.history.records[0].validation_loss is None  # too few to hold some out


@pytest.mark.parametrize("batch_norm", ["eval", "train"])
def test_a_lone_last_picture_with_both_kinds_of_batch_norm(batch_norm: str, tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "few", 11)
    result = tuned(folder, epochs=1, batch_size=7, test_fraction=0.2, unfreeze="all", keep="last",
                   batch_norm=batch_norm)  # fmt: skip
    assert len(result.split.train) == 8
    moved = [name for name, value in result.model.backbone.tensors().items()
             if name == "bn1.num_batches_tracked" and value > 0]  # fmt: skip
    assert bool(moved) == (batch_norm == "train")


def test_statistics_of_a_lone_picture_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"--batch-norm train .* batches of 16 or more"):
        tuned(folder, epochs=1, batch_size=1, batch_norm="train")


def test_the_saved_model_answers_alike_in_timm_too(folder: Path, tmp_path: Path) -> None:
    result = tuned(folder, epochs=2, unfreeze="all")
    save_model(result.model, tmp_path / "model")
    again = load_model(tmp_path / "model", device="cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    expected = result.model.probabilities(result.model.backbone.embed(pixels))
    found = again.probabilities(again.backbone.embed(pixels))
    np.testing.assert_allclose(found, expected, atol=1e-7)
    network = timm.create_model(f"local-dir:{tmp_path / 'model'}", pretrained=True).eval()
    inputs = again.backbone.info.preprocessing.normalise(pixels)
    with torch.no_grad():
        logits = network(torch.from_numpy(inputs).permute(0, 3, 1, 2))
    np.testing.assert_allclose(logits.softmax(dim=1).numpy(), expected, atol=1e-5)


def test_folds_are_made_where_they_are_asked_for(folder: Path) -> None:
    assert tuned(folder, epochs=1).folds is None
    result = tuned(folder, epochs=1, folds=2)
    assert result.folds is not None
    assert len(result.folds.metrics) == 2
    assert result.tuning is not None
    assert result.tuning.phases.pictures == "20 pictures, out-of-fold"


def test_a_tuned_model_tells_how_familiar_a_picture_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tuned(folder, epochs=1).model.familiarity is None  # too few pictures for that
    for module in (familiarity_fit, fine_tune):
        monkeypatch.setattr(module, "LEAST", 1)
    result = tuned(folder, epochs=1)
    known = result.model.familiarity
    assert isinstance(known, Familiarity)
    _, check = choose_validation(result.data, result.split.train, options().split.seed)
    assert len(known.distances) == len(check) > 0
    answers = answer_rows_of(result.model, result.data, result.split.test, options()).familiar
    assert result.test.familiar is not None
    assert answers is not None
    assert np.array_equal(result.test.familiar, answers)
    held_out = answer_rows_of(result.model, result.data, check, options()).familiar
    assert held_out is not None
    assert np.allclose(np.sort(held_out), np.arange(2, len(check) + 2) / (len(check) + 1))


def test_class_weights_are_in_the_loss(folder: Path) -> None:
    (folder / "a" / "00.png").unlink()  # so that the classes differ in size
    plain, balanced = (tuned(folder, epochs=1, class_weight=w) for w in ("none", "balanced"))
    assert not same(plain, balanced)


@pytest.mark.parametrize(
    ("given", "views"),
    [({}, 4), ({"epochs": 3}, 3), ({"views": 2}, 2), ({"augment": "none"}, 0)],
)
def test_phase_one_learns_from_as_many_views(given: dict[str, Any], views: int) -> None:
    from headstart.options.every_option import in_rooms

    made = usual_options(in_rooms({"recipe": "fine-tune", **given}))
    assert made.embed.views == views
    assert usual_options(made) == made
    assert (made.loop.learning_rate, made.loop.weight_decay) == (5e-4, 0.05)
