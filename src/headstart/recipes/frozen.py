"""The main recipe: a frozen backbone, one pass over the pictures, a head on the kept features."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.arrays import IntArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_backbone
from headstart.data.split import Split, stratified_folds
from headstart.errors import DataError
from headstart.evaluate.calibration import apply_temperature, fit_temperature
from headstart.evaluate.predictions import Predictions
from headstart.heads.head import Head
from headstart.option_rules import check_fit
from headstart.options import FitOptions, as_json
from headstart.progress import QUIET, Progress
from headstart.recipes import run_record
from headstart.recipes.folds import (
    FoldResult,
    as_predictions,
    cross_validate,
    out_of_folds,
    place,
    take,
)
from headstart.recipes.head_choice import head_maker
from headstart.recipes.labelled import (
    Labelled,
    choose_folds,
    choose_split,
    embed_labelled,
    read_labelled,
    stack_views,
)
from headstart.recipes.loop import History
from headstart.recipes.run_record import RunRecord
from headstart.recipes.trained_model import TrainedModel

CALIBRATION_FOLDS = 5


@dataclass(frozen=True)
class FitResult:
    """A model and what is known of it.

    Attributes:
        model: fitted on the training rows.
        data: all usable rows with their features.
        split: which rows trained and which tested.
        test: the model's answers on the test rows, calibrated.
        test_uncalibrated: the same as the head gave them.
        train_accuracy: share of right answers on what was learnt from; for a network trained by
            epochs on the views of its kept epoch, each answered before its own step.
        folds: the same fit by folds, or None when there were too many rows or none were wanted.
        history: epoch by epoch, or None when the head was solved exactly.
        record: what was run.
    """

    model: TrainedModel
    data: Labelled
    split: Split
    test: Predictions
    test_uncalibrated: Predictions
    train_accuracy: float
    folds: FoldResult | None
    history: History | None
    record: RunRecord


def fit_frozen(source: Path, options: FitOptions, progress: Progress = QUIET) -> FitResult:
    """Read, embed, split, fit, and measure. Raises UsageError and DataError."""
    check_fit(options, "frozen")
    started, began = run_record.now(), time.perf_counter()
    table = read_labelled(source, options.read, options.labels)
    for note in table.notes:
        progress.note(note)
    backbone = open_backbone(options.backbone, device=options.embed.device)
    for note in backbone.info.notes:
        progress.note(note)
    data = embed_labelled(table, backbone, options.embed, options.read, options.split, progress)
    for note in data.notes[len(table.notes) :]:
        progress.note(note)
    seconds = {"open": time.perf_counter() - began - data.features.seconds}
    fitted = fit_on_features(data, backbone, options, progress)
    seconds |= {"embed": data.features.seconds, **fitted.seconds}
    seconds["total"] = time.perf_counter() - began
    return make_result(fitted, data, make_record("frozen", options, data, started, seconds))


def make_result(fitted: Fitted, data: Labelled, record: RunRecord) -> FitResult:
    """What was fitted, with the data and the record of the run."""
    return FitResult(
        model=fitted.model,
        data=data,
        split=fitted.split,
        test=fitted.test,
        test_uncalibrated=fitted.test_uncalibrated,
        train_accuracy=fitted.train_accuracy,
        folds=fitted.folds,
        history=fitted.history,
        record=record,
    )


def make_record(
    recipe: str,
    options: FitOptions,
    data: Labelled,
    started: str,
    seconds: dict[str, float],
) -> RunRecord:
    """The record of a run on this data."""
    return RunRecord(
        recipe=recipe,
        source=str(data.table.source),
        options=as_json(options),
        seed=options.split.seed,
        data_digest=run_record.data_digest(data.features.sha256, data.labels),
        versions=run_record.versions(),
        machine=run_record.machine(),
        started=started,
        seconds=seconds,
        notes=data.notes,
    )


@dataclass(frozen=True)
class Fitted:
    """What fitting on features gives; the fields are those of `FitResult`."""

    model: TrainedModel
    split: Split
    test: Predictions
    test_uncalibrated: Predictions
    train_accuracy: float
    folds: FoldResult | None
    history: History | None
    seconds: dict[str, float]


def fit_on_features(
    data: Labelled,
    backbone: Backbone,
    options: FitOptions,
    progress: Progress = QUIET,
    *,
    split: Split | None = None,
    folds: list[Split] | None = None,
) -> Fitted:
    """Fit a head on the training rows; `split` and `folds` are drawn unless they are given."""
    split = split if split is not None else choose_split(data, options.split)
    folds = folds if folds is not None else choose_folds(data, options.split)
    _check_training_classes(data, split)
    make = head_maker(options.head, options.loop, options.split.seed)
    tell = head_maker(options.head, options.loop, options.split.seed, progress)
    began = time.perf_counter()
    X, y, groups = stack_views(data, split.train)
    head = tell().fit(X, y, groups=groups)
    head_seconds = time.perf_counter() - began
    temperature = choose_temperature(data, split.train, make, options.split.seed)
    model = TrainedModel(backbone, head, data.classes, temperature)
    raw = place(head, data.features.values, len(data.classes))
    began = time.perf_counter()
    validated = cross_validate(data, folds, make, progress) if folds else None
    return Fitted(
        model=model,
        split=split,
        test=take(as_predictions(data, apply_temperature(raw, temperature)), split.test),
        test_uncalibrated=take(as_predictions(data, raw), split.test),
        train_accuracy=float(np.mean(raw[split.train].argmax(1) == data.targets[split.train])),
        folds=validated,
        history=getattr(head, "history_", None),
        seconds={"head": head_seconds, "folds": time.perf_counter() - began},
    )


def _check_training_classes(data: Labelled, split: Split) -> None:
    absent = set(range(len(data.classes))) - set(data.targets[split.train].tolist())
    if absent:
        names = ", ".join(repr(data.classes[number]) for number in sorted(absent))
        raise DataError(
            f"no training picture of {names}; the given split has them for the test only"
        )


def choose_temperature(
    data: Labelled, train: IntArray, make: Callable[[], Head], seed: int
) -> float:
    """The temperature of least log loss on out-of-fold answers within the training rows."""
    labels = [data.labels[row] for row in train]
    try:
        inner = stratified_folds(
            labels, folds=CALIBRATION_FOLDS, seed=seed, groups=data.duplicates.group[train]
        )
    except DataError:
        return 1.0  # too few pictures of a class to hold some out
    within = [Split(train[fold.train], train[fold.test]) for fold in inner]
    probabilities = out_of_folds(data, within, make)
    return fit_temperature(probabilities[train], data.targets[train])
