"""The backbone that is chosen by folds within the rows that learn, and what is said of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.small_set import write_small_set
from tests.tiny_classifier import LABELS

from headstart import ImageClassifier
from headstart.backbones.network_name import NetworkName
from headstart.backbones.opening import open_backbone
from headstart.errors import DataError, MissingExtraError, UsageError, WeightsError
from headstart.options import BackboneOptions, EmbedOptions, FitOptions, ReadOptions, SplitOptions
from headstart.options.checks import check_fit
from headstart.rank import auto_backbone as module
from headstart.rank.auto_backbone import (
    Candidates,
    cheapest_first,
    cost,
    fit_auto_backbone,
    train_auto_backbone,
)
from headstart.rank.candidate import Candidate
from headstart.recipes.data_preparation import read_labelled
from headstart.recipes.fit import fit
from headstart.recipes.frozen import FitResult
from headstart.recipes.run_record import Stopwatch

NAMES = ("test_resnet@32", "test_efficientnet@32", "test_resnet@40")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("place")
    write_small_set(root)
    return root


@pytest.fixture(autouse=True)
def tiny_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """Untrained tiny networks in place of those here."""

    def ways(options: FitOptions) -> list[module.Way]:
        found = []
        for name in NAMES:
            bare, _, size = name.partition("@")
            made = BackboneOptions(backbone=name, random_weights=True, precision="fp32")
            candidate = Candidate((NetworkName(bare, int(size)),))
            found.append((candidate, open_backbone(made, device="cpu")))
        return found

    monkeypatch.setattr(module, "cheapest_first", ways)


def asked(place: Path, minutes: float = 10.0) -> FitOptions:
    usual = FitOptions(backbone=BackboneOptions(backbone="auto"))
    return replace(
        usual,
        read=ReadOptions(images=place / "images", label_column="label"),
        embed=EmbedOptions(device="cpu"),
        split=SplitOptions(folds=3),
        tune=replace(usual.tune, minutes=minutes),
    )


def fitted(place: Path) -> FitResult:
    return fit(place / "labels.csv", asked(place), frozen=fit_auto_backbone)


def test_the_choice_and_what_is_said_of_it(place: Path) -> None:
    found = fitted(place)
    first, second, third = found.decision
    name = found.model.backbone.info.name
    assert first.startswith(f"auto: {name}@") and "among 3 candidates" in first
    assert all(candidate in first for candidate in NAMES)
    assert "log loss over 5 folds of the training pictures" in second or "too few" in second
    assert "each of the 3 folds chose for itself" in second
    assert "times the work a picture of the cheapest, test_resnet@32" in third
    assert found.record.notes[-3:] == found.decision
    assert found.record.machine["runtime"] == "torch in fp32"
    assert found.folds is not None and len(found.folds.metrics) == 3
    assert np.isfinite(found.folds.predictions.probabilities).all()


def test_a_fold_chooses_without_its_test_rows(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []
    whole = Candidates.choose

    def choose(self: Candidates, rows: np.ndarray) -> module.Choice:
        seen.append(set(rows.tolist()))
        inner = self._inner(rows)
        assert all({*fold.train, *fold.test} <= set(rows.tolist()) for fold in inner)
        return whole(self, rows)

    monkeypatch.setattr(Candidates, "choose", choose)
    found = fitted(place)
    assert found.folds is not None
    wanted = [set(found.split.train.tolist())]
    assert seen == wanted + [set(fold.train.tolist()) for fold in found.folds.splits]


def test_the_least_log_loss_is_chosen(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Candidates, "_loss", lambda self, number, inner: [0.3, 0.1, 0.2][number])
    found = fitted(place)
    assert found.model.backbone.info.name == "test_efficientnet"
    assert "test_efficientnet@32 0.100, against test_resnet@40 0.200" in found.decision[1]


def test_time_and_memory_leave_candidates_out(place: Path) -> None:
    table = read_labelled(place / "labels.csv", asked(place).read)
    told: list[str] = []

    class Listening(module.QUIET.__class__):  # type: ignore[name-defined]
        def note(self, line: str) -> None:
            told.append(line)

    short = Candidates(table, asked(place, 1e-9), Listening(), Stopwatch())
    assert short.names == [NAMES[0]]
    assert "--minutes 1e-09 leaves out test_efficientnet@32, test_resnet@40" in told[-1]
    some = Candidates(table, asked(place), Listening(), Stopwatch())
    rows = np.arange(len(some.data))
    some.options = asked(place, 1e-9)
    some.keep_to_time(rows, 4)
    assert some.names == [NAMES[0]] and "choosing by folds within" in told[-1]
    small = replace(asked(place).embed, memory_limit=some.features[0].values.nbytes - 1)
    options = replace(asked(place), embed=small)
    with pytest.raises(DataError, match="more than --memory-limit"):
        Candidates(table, options, Listening(), Stopwatch())


def test_the_python_face(pictures: Sequence[Path]) -> None:
    made = ImageClassifier("auto", device="cpu").fit(pictures, LABELS)
    assert len(made.choice_) == 3 and made.choice_[0].startswith("auto: test_")
    assert set(made.predict(pictures)) <= set(LABELS)
    assert made.model_.examples is not None
    with pytest.raises(UsageError, match="mirror is for a backbone that is named"):
        ImageClassifier("auto", mirror=True).fit(pictures, LABELS)
    with pytest.raises(UsageError, match="minutes is 0; it must be a number above 0"):
        ImageClassifier("auto", minutes=0).fit(pictures, LABELS)


def test_python_learns_all_that_the_program_does(place: Path) -> None:
    table = read_labelled(place / "labels.csv", asked(place).read)
    models = (train_auto_backbone(table, asked(place))[0], fitted(place).model)
    assert all(model.familiarity is not None and model.examples is not None for model in models)


@pytest.mark.parametrize(
    ("changed", "recipe", "message"),
    [
        ({"image_size": 64}, "frozen", "--image-size 64 is for a backbone that is named"),
        ({"weights": Path("w.pth")}, "frozen", "--weights w.pth is for a backbone that is named"),
        ({}, "fine-tune", "--backbone auto chooses a frozen network, and here the recipe is"),
        ({}, "scratch", "--backbone auto is for a head on a pretrained backbone"),
    ],
)
def test_what_does_not_go_with_it(changed: dict[str, object], recipe: str, message: str) -> None:
    options = FitOptions(backbone=BackboneOptions(backbone="auto", **changed))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=message):
        check_fit(options, recipe)  # type: ignore[arg-type]


def test_minutes_are_for_what_is_chosen() -> None:
    usual = FitOptions()
    options = replace(usual, tune=replace(usual.tune, minutes=3.0))
    with pytest.raises(UsageError, match=r"--minutes 3.0 is for --recipe auto or --backbone auto"):
        check_fit(options, "frozen")
    check_fit(replace(options, backbone=BackboneOptions(backbone="auto")), "frozen")


def test_the_networks_here_plain_mirrored_and_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    ways = cheapest_first(FitOptions())
    names = [candidate.text for candidate, _ in ways]
    assert names[0] == "tf_efficientnet_lite0"
    assert {"tf_efficientnet_lite0 mirrored", "tf_efficientnet_lite0@256 mirrored"} <= set(names)
    costs = [cost(backbone) for _, backbone in ways]
    assert costs == sorted(costs)
    asked_for = FitOptions(embed=EmbedOptions(device="cpu", runtime="onnxruntime"))
    assert {backbone.info.runtime for _, backbone in cheapest_first(asked_for)} == {"onnxruntime"}
    for file in ("onnxruntime", "onnx"):
        monkeypatch.setitem(sys.modules, file, None)
    with pytest.raises(MissingExtraError):  # and not that no weights are here
        cheapest_first(asked_for)
    monkeypatch.setattr(module, "_opened", lambda candidate, options: None)
    with pytest.raises(WeightsError, match="no network's weights are here"):
        cheapest_first(FitOptions())
