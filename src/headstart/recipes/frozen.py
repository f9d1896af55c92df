"""The main recipe: a frozen backbone, one pass over the pictures, a head on the kept features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from headstart.arrays import Float32Array, IntArray
from headstart.backbones.backbone import Backbone
from headstart.data.dataset import Dataset
from headstart.data.image_table import ImageTable
from headstart.data.split import Split, stratified_folds
from headstart.errors import DataError
from headstart.evaluate.calibration import apply_temperature, fit_temperature
from headstart.evaluate.predictions import Predictions
from headstart.features.embed import Features
from headstart.heads.familiarity_fit import fit_familiarity
from headstart.heads.head import Head
from headstart.heads.probabilities import softmax
from headstart.heads.solver.choice_of_c import JudgedRows
from headstart.options import FitOptions, as_json
from headstart.progress import QUIET, Progress
from headstart.recipes.data_preparation import (
    choose_folds,
    choose_split,
    open_and_tell,
    prepare_data,
    stack_views,
)
from headstart.recipes.folds import (
    FoldResult,
    as_predictions,
    cross_validate,
    out_of_folds,
    take,
)
from headstart.recipes.head_choice import head_maker
from headstart.recipes.run_record import RunRecord, Stopwatch, make_record
from headstart.recipes.trained_model import TrainedModel
from headstart.recipes.training_examples import with_examples
from headstart.recipes.tuning_record import Tuning, advice

if TYPE_CHECKING:
    from headstart.recipes.training_history import History

CALIBRATION_FOLDS = 5


@dataclass(frozen=True)
class FitResult:
    """A model and what is known of it.

    Attributes:
        model: fitted on the training rows.
        data: all usable rows.
        features: of these rows; None for a network that was trained on the pictures themselves.
        split: which rows trained and which tested.
        test: the model's answers on the test rows, calibrated.
        test_uncalibrated: the same as the head gave them.
        train_accuracy: share of right answers on what was learnt from; for a network trained by
            epochs on the views of its kept epoch, each answered before its own step.
        folds: the same fit by folds, or None when there were too many rows or none were wanted.
        history: epoch by epoch, or None when the head was solved exactly.
        record: what was run.
        tuning: how the backbone was fine-tuned; None where it was not.
        decision: lines that say why `auto` kept or fine-tuned the frozen model.
    """

    model: TrainedModel
    data: Dataset
    features: Features | None
    split: Split
    test: Predictions
    test_uncalibrated: Predictions
    train_accuracy: float
    folds: FoldResult | None
    history: History | None
    record: RunRecord
    tuning: Tuning | None = None
    decision: tuple[str, ...] = ()


def fit_frozen(table: ImageTable, options: FitOptions, progress: Progress = QUIET) -> FitResult:
    """Embed, split, fit, and measure. Raises UsageError and DataError."""
    clock = Stopwatch()
    backbone = open_and_tell(options, progress, clock)
    data, features = prepare_data(table, backbone, options, progress)
    clock.lap("embed")
    result = fit_features(data, features, backbone, options, progress, clock=clock)
    return replace(result, decision=advice(result.folds)) if result.folds is not None else result


def fit_features(
    data: Dataset,
    features: Features,
    backbone: Backbone,
    options: FitOptions,
    progress: Progress = QUIET,
    *,
    parts: tuple[Split, list[Split]] | None = None,
    clock: Stopwatch | None = None,
) -> FitResult:
    """Fit a head on the training rows, and measure it.

    Args:
        data, features: all usable rows.
        backbone: what the features came from.
        options: of the head, its training and the split.
        progress: told of epochs and folds.
        parts: the split and the folds; default: drawn as `options.split` says.
        clock: of a run that has begun already.
    """
    clock = clock or Stopwatch()
    split, folds = parts or (choose_split(data, options.split), choose_folds(data, options.split))
    _check_training_classes(data, split)
    model, history = train_model(data, features, backbone, split.train, options, progress)
    clock.lap("head")
    raw = model.head.predict_proba(features.values)
    make = head_maker(options.head, options.loop, options.split.seed)
    validated = None
    if folds:
        validated = cross_validate(data, features, folds, make, progress, model=model.head)
    clock.lap("folds")
    record = make_record("frozen", as_json(options), data, clock, [backbone])
    told = (validated.strength_note,) if validated is not None and validated.strength_note else ()
    calibrated = apply_temperature(raw, model.temperature)
    tested = features.values[split.test]
    return FitResult(
        model=model,
        data=data,
        features=features,
        split=split,
        test=_with_familiar(take(as_predictions(data, calibrated), split.test), model, tested),
        test_uncalibrated=take(as_predictions(data, raw), split.test),
        train_accuracy=float(np.mean(raw[split.train].argmax(1) == data.targets[split.train])),
        folds=validated,
        history=history,
        record=replace(record, notes=(*record.notes, *told)),
    )


def train_model(
    data: Dataset,
    features: Features,
    backbone: Backbone,
    rows: IntArray,
    options: FitOptions,
    progress: Progress = QUIET,
) -> tuple[TrainedModel, History | None]:
    """All that a frozen model learns from these rows: `train_head`, examples and familiarity.

    The program and Python both call it.
    """
    model, history = train_head(data, features, backbone, rows, options, progress)
    model = with_examples(model, data, features, rows, options)
    return _with_familiarity(model, data, features, rows, options), history


def train_head(
    data: Dataset,
    features: Features,
    backbone: Backbone,
    rows: IntArray,
    options: FitOptions,
    progress: Progress = QUIET,
) -> tuple[TrainedModel, History | None]:
    """A head fitted on these rows, with its temperature.

    C and the temperature are chosen by folds within the rows, with groups kept together: each by
    its own, or where a fit is very long (many classes), both by the same. The history is that of a
    head trained by epochs.
    """
    make = head_maker(options.head, options.loop, options.split.seed)
    tell_epochs = head_maker(options.head, options.loop, options.split.seed, progress)
    X, y, groups = stack_views(data, features, rows)
    head = tell_epochs().fit(X, y, groups=groups, progress=progress)
    held_out = getattr(head, "held_out_", None) if len(X) == len(rows) else None  # without views
    if held_out is not None:
        temperature = _temperature_of(held_out)
    else:
        temperature = choose_temperature(
            data, features, rows, make, options.split.seed, progress=progress
        )
    model = TrainedModel(backbone, head.fitted_, data.classes, temperature)
    return model, getattr(head, "history_", None)


def _with_familiarity(
    model: TrainedModel, data: Dataset, features: Features, rows: IntArray, options: FitOptions
) -> TrainedModel:
    """The model with what tells how familiar a picture is, fitted on these rows without views."""
    found = fit_familiarity(
        features.values[rows], data.targets[rows], data.groups_of(rows), options.split.seed
    )
    return replace(model, familiarity=found)


def _check_training_classes(data: Dataset, split: Split) -> None:
    absent = set(range(len(data.classes))) - set(data.targets[split.train].tolist())
    if absent:
        names = ", ".join(repr(data.classes[number]) for number in sorted(absent))
        raise DataError(
            f"no training picture of {names}; the given split has them for the test only"
        )


def _with_familiar(answers: Predictions, model: TrainedModel, values: Float32Array) -> Predictions:
    """Answers for features (n, d) with how familiar the pictures are, where the model can tell."""
    if model.familiarity is None:
        return answers
    return replace(answers, familiar=model.familiarity.of(values))


def _temperature_of(held_out: JudgedRows) -> float:
    """The calibration temperature of answers of the folds that chose C."""
    rows = np.flatnonzero(held_out.weights > 0)
    probabilities = softmax(held_out.logits[:, rows].T.astype(np.float64))
    return fit_temperature(probabilities, held_out.codes[rows])


def choose_temperature(
    data: Dataset,
    features: Features,
    train: IntArray,
    make: Callable[[], Head],
    seed: int,
    *,
    progress: Progress = QUIET,
) -> float:
    """The calibration temperature of least log loss, by folds within the training rows."""
    labels = [data.labels[row] for row in train]
    try:
        inner = stratified_folds(
            labels, folds=CALIBRATION_FOLDS, seed=seed, groups=data.groups_of(train)
        )
    except DataError:
        return 1.0  # too few pictures of a class to hold some out
    within = [Split(train[fold.train], train[fold.test]) for fold in inner]
    progress.start("calibration", len(within))
    try:
        probabilities = out_of_folds(data, features, within, make, progress)
    finally:
        progress.stop()
    return fit_temperature(probabilities[train], data.targets[train])
