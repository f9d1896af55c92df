"""The recipe auto: the frozen head first, and fine-tuning where it is seen to pay.

What is seen are a few folds of the training rows, each answered by both phases; the test rows
choose nothing. Importing this module loads torch; import it inside the function that trains.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.arrays import FloatArray
from headstart.data.dataset import Dataset
from headstart.data.image_table import ImageTable
from headstart.data.split import Split, stratified_folds
from headstart.errors import DataError
from headstart.evaluate.effective_rows import effective_share
from headstart.evaluate.metrics import measure
from headstart.evaluate.predictions import Predictions
from headstart.options import FitOptions, as_json
from headstart.progress import QUIET, Progress
from headstart.recipes.checkpoint import Checkpoints
from headstart.recipes.data_preparation import (
    choose_folds,
    choose_split,
    open_and_tell,
    prepare_data,
    tell,
)
from headstart.recipes.fine_tune import Tuner
from headstart.recipes.folds import predictions_of
from headstart.recipes.frozen import FitResult, fit_features, train_head
from headstart.recipes.run_record import Stopwatch, make_record
from headstart.recipes.trained_model import TrainedModel
from headstart.recipes.tuning_defaults import usual_options

FOLDS = 3  # of the training rows
LEAST_EPOCHS = 3  # with fewer, fine-tuning has not begun to learn
SPARE = 0.9  # share of the minutes that is planned for; the figures and the report take the rest


@dataclass(frozen=True)
class Plan:
    """What fits into the time: epochs, and folds that are tried before; 0 epochs for neither."""

    epochs: int
    folds: int
    seconds: float


def fit_auto(
    table: ImageTable,
    options: FitOptions,
    progress: Progress = QUIET,
    *,
    checkpoints: Checkpoints | None = None,
) -> FitResult:
    """The frozen model, or the fine-tuned one where it gains more than its standard error.

    Raises UsageError and DataError.
    """
    began, clock = time.perf_counter(), Stopwatch()
    options = usual_options(options)
    backbone = open_and_tell(options, progress, clock)
    data, features = prepare_data(table, backbone, options, progress)
    clock.lap("embed")
    tuner = Tuner(data, features, backbone, options, progress)
    split, folds = choose_split(data, options.split), choose_folds(data, options.split)
    frozen = fit_features(
        data, features, backbone, tuner.frozen_options, progress, parts=(split, folds), clock=clock
    )
    left = 60 * options.tune.minutes * SPARE - (time.perf_counter() - began)
    lines, epochs = _decide(tuner, frozen.model, split, left)
    clock.lap("trial")
    tell(progress, lines[1:])
    if not epochs:
        record = make_record("frozen", as_json(options), data, clock, [backbone])
        record = replace(record, notes=(*record.notes, *lines))
        return replace(frozen, record=record, decision=lines)
    chosen = replace(
        options,
        loop=replace(options.loop, epochs=epochs),
        recipe=replace(options.recipe, recipe="fine-tune"),
        split=replace(options.split, folds=None),  # the trial's folds were enough
        embed=replace(options.embed, views=features.views.shape[1]),
        tune=replace(options.tune, minutes=type(options.tune)().minutes),
    )
    if checkpoints is not None:
        checkpoints.request = replace(checkpoints.request, options=chosen, notes=lines)
    tuner.options = chosen
    made = tuner.fit(split, [], clock, checkpoints=checkpoints, decision=lines)
    return replace(made, record=replace(made.record, notes=(*made.record.notes, *lines)))


def _decide(
    tuner: Tuner, frozen: TrainedModel, split: Split, seconds: float
) -> tuple[tuple[str, ...], int]:
    """Three lines that say why, and the epochs to fine-tune for; 0 to keep the frozen head."""
    data, options = tuner.data, tuner.options
    wanted, minutes = options.loop.epochs or 0, options.tune.minutes
    try:
        folds = _folds_within(data, split, options.split.seed)
    except DataError:
        few = "a class has too few training pictures to hold some out, so nothing can be tried"
        tell(tuner.progress, (f"auto: {few}",))
        return (f"auto: {few}", KEPT), 0
    if seconds <= 0:
        line = f"auto: the frozen model took all of {minutes:g} minutes; more --minutes are needed"
        tell(tuner.progress, (line,))
        return (line, NOT_TRIED, KEPT), 0
    tuner.share(split.train, FOLDS + 1)
    cost = tuner.cost(frozen, split.train)
    per_picture = cost.a_picture
    plan = plan_for(len(split.train), per_picture, seconds - cost.once, wanted)
    measured = f"auto: a training step takes {per_picture:.3f} s a picture"
    if not plan.epochs:
        epochs = FOLDS * min(LEAST_EPOCHS, wanted)
        needed = epochs * len(split.train) * per_picture + cost.once
        line = (
            f"{measured}; {LEAST_EPOCHS} epochs with {FOLDS} folds need {needed / 60:.1f} minutes, "
            f"and --minutes {minutes:g} leaves {seconds / 60:.1f}"
        )
        tell(tuner.progress, (line,))
        return (line, NOT_TRIED, KEPT), 0
    first = (
        f"{measured}; {plan.epochs} epochs of {wanted}, {plan.folds} folds and the model take "
        f"about {(plan.seconds + cost.once) / 60:.1f} of {minutes:g} minutes"
    )
    tell(tuner.progress, (first,))
    one, two = _try(tuner, folds, plan)
    found, pays = verdict(one, two)
    last = "auto: the model is fine-tuned" if pays else KEPT
    return (first, found, last), plan.epochs if pays else 0


NOT_TRIED = "auto: fine-tuning was not tried"
KEPT = "auto: the frozen model is kept"


def plan_for(rows: int, per_picture: float, seconds: float, epochs: int) -> Plan:
    """The most epochs, up to `epochs`, that folds and the final training have time for."""
    an_epoch = rows * per_picture
    # Each of f folds learns from all rows but one part in f, and the model at the end from all.
    epoch_and_folds = FOLDS * an_epoch
    chosen = min(epochs, math.floor(seconds / epoch_and_folds) if seconds > 0 else 0)
    if chosen < min(LEAST_EPOCHS, epochs):
        return Plan(0, 0, 0.0)
    return Plan(chosen, FOLDS, chosen * epoch_and_folds)


def verdict(one: Predictions, two: Predictions) -> tuple[str, bool]:
    """Whether phase two pays, in words and as such: from both phases' answers for the same rows.

    It does when its accuracy gains more than the gain's standard error, and its log loss is no
    larger.
    """
    first, second = measure(one), measure(two)
    gains: FloatArray = two.correct.astype(np.float64) - one.correct
    gain = float(gains.mean())
    error = _standard_error(gains, two)
    losses = [float("nan") if m.log_loss is None else m.log_loss for m in (first, second)]
    pays = gain > error and losses[1] <= losses[0]
    return (
        f"auto: over {FOLDS} folds of the training pictures fine-tuning has accuracy "
        f"{two.correct.mean():.3f}, the frozen head {one.correct.mean():.3f}: {100 * gain:+.1f} "
        f"points, standard error {100 * error:.1f}; log loss {losses[1]:.3f} against "
        f"{losses[0]:.3f}"
    ), pays


def _standard_error(gains: FloatArray, answers: Predictions) -> float:
    """Of the mean of n paired differences, on the effective number of rows."""
    n = len(gains)
    worth = effective_share(gains - gains.mean(), answers.groups)
    return float(gains.std(ddof=1) / math.sqrt(max(1.0, n * worth)))


def _folds_within(data: Dataset, split: Split, seed: int) -> list[Split]:
    labels = [data.labels[row] for row in split.train]
    inner = stratified_folds(labels, folds=FOLDS, seed=seed, groups=data.groups_of(split.train))
    return [Split(split.train[fold.train], split.train[fold.test]) for fold in inner]


def _try(tuner: Tuner, folds: Sequence[Split], plan: Plan) -> tuple[Predictions, Predictions]:
    """Both phases' answers for the rows that the folds hold out, calibrated."""
    data = tuner.data
    k = len(data.classes)
    answers = [np.full((len(data), k), 1 / k) for _ in range(2)]
    whole = tuner.options
    tuner.options = replace(whole, loop=replace(whole.loop, epochs=plan.epochs))
    for number, fold in enumerate(folds, start=1):
        tuner.progress.note(f"trial {number} of {len(folds)}")
        frozen, _ = train_head(
            data, tuner.features, tuner.backbone, fold.train, tuner.frozen_options, tuner.progress
        )
        answers[0][fold.test] = _placed(frozen.probabilities(tuner.features.values[fold.test]),
                                        frozen.head.classes, k)  # fmt: skip
        answers[1][fold.test] = tuner.answers(tuner.tune(fold.train).model, fold.test)
    tuner.options = whole
    held = np.concatenate([fold.test for fold in folds])
    one, two = (predictions_of(data, held, found[held]) for found in answers)
    return one, two


def _placed(found: FloatArray, classes: FloatArray, k: int) -> FloatArray:
    wide = np.zeros((len(found), k))
    wide[:, np.asarray(classes, dtype=np.int64)] = found
    return wide
