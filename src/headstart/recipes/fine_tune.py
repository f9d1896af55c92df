"""Fine-tuning: the exact frozen head is phase one, and from there the backbone learns too.

Importing this module loads torch; import it inside the function that trains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from headstart.arrays import Float32Array, FloatArray, IntArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.device import choose_device
from headstart.data.dataset import Dataset
from headstart.data.image_table import ImageTable
from headstart.data.split import Split
from headstart.errors import UsageError
from headstart.evaluate.calibration import apply_temperature, fit_temperature
from headstart.evaluate.metrics import measure
from headstart.features.embed import Features, embed_images
from headstart.heads.familiarity_fit import LEAST, fit_on_two
from headstart.images.memory_budget import MemoryBudget
from headstart.options import FitOptions, LoopOptions, as_json
from headstart.progress import QUIET, Progress
from headstart.recipes.batches import Batches, PictureBatches
from headstart.recipes.checkpoint import Checkpoints, Identity
from headstart.recipes.data_preparation import choose_split, open_and_tell, prepare_data
from headstart.recipes.epoch_loop import EpochLoop, step_size
from headstart.recipes.folds import FoldResult, as_predictions, predictions_of, take
from headstart.recipes.frozen import FitResult, fit_features, train_head
from headstart.recipes.head_choice import epoch_line
from headstart.recipes.kept_maps import SharedMaps
from headstart.recipes.pixel_store import PixelStore
from headstart.recipes.processes import ALONE, Processes, joined
from headstart.recipes.rates import Schedule, layered_groups
from headstart.recipes.run_record import Stopwatch, make_record
from headstart.recipes.scratch import (
    answer_pictures,
    answer_rows_of,
    balancing,
    choose_validation,
)
from headstart.recipes.stages import unfreeze
from headstart.recipes.step_precision import choose_step_precision
from headstart.recipes.trained_model import TrainedModel
from headstart.recipes.training_history import EpochRecord, History
from headstart.recipes.training_state import TrainingState
from headstart.recipes.tuned_network import Tuned, TunedNetwork, as_tuned
from headstart.recipes.tuning_defaults import usual_options
from headstart.recipes.tuning_record import Cost, Tuning, compare_phases, parts_in_words

BATCHES_AHEAD = 3  # cut while an accelerator computes
MEASURED_PICTURES = 64  # whose steps are timed
LEAST_BATCH = 2  # pictures, of which a batch norm can take statistics


def fit_tuned(
    table: ImageTable,
    options: FitOptions,
    progress: Progress = QUIET,
    *,
    checkpoints: Checkpoints | None = None,
) -> FitResult:
    """Embed, split, fit the frozen head, fine-tune from there, and measure both.

    Raises UsageError and DataError.
    """
    clock = Stopwatch()
    options = usual_options(options)
    backbone = open_and_tell(options, progress, clock)
    with joined() as processes:
        with processes.first_alone():
            data, features = prepare_data(table, backbone, options, progress)
        clock.lap("embed")
        tuner = Tuner(data, features, backbone, options, progress, processes)
        split = choose_split(data, options.split)
        return tuner.fit(split, chosen_folds(data, options), clock, checkpoints=checkpoints)


def chosen_folds(data: Dataset, options: FitOptions) -> list[Split]:
    """Folds only where they are asked for: each is a training of its own."""
    from headstart.recipes.data_preparation import choose_folds

    return choose_folds(data, options.split) if options.split.folds is not None else []


class Tuner:
    """Fine-tunes one backbone on parts of the same pictures, which are decoded once.

    Args:
        data, features: all usable rows; the features with the views for phase one.
        backbone: what the features came from.
        options: with the defaults of `usual_options`.
        progress: told of what is trained, of each epoch and of how far it is.
        processes: which of several processes this is.
    """

    def __init__(
        self,
        data: Dataset,
        features: Features,
        backbone: Backbone,
        options: FitOptions,
        progress: Progress = QUIET,
        processes: Processes = ALONE,
    ) -> None:
        self.data, self.features, self.backbone = data, features, backbone
        self.options, self.progress, self.processes = options, progress, processes
        self.frozen_options = replace(options, loop=LoopOptions())
        self.plain = backbone.info.preprocessing
        self._store: PixelStore | None = None
        self.measured: dict[str, Any] = {}
        self.tells_epochs = True
        self._maps = self._new_maps()
        if options.tune.batch_norm == "train":
            self._check_statistics()

    def _new_maps(self, views: int | None = None) -> SharedMaps:
        embed = self.options.embed
        return SharedMaps(
            views=views or max(1, self.features.views.shape[1]),
            limit=embed.memory_limit,
            bf16=self.backbone.info.precision == "bf16",
            device=choose_device(embed.device),
            measured=self.measured,
            note=self.progress.note,
        )

    def _check_statistics(self) -> None:
        size = self.options.loop.batch_size
        if size < LEAST_BATCH or self.processes.count > 1:
            raise UsageError(
                "--batch-norm train takes statistics of each batch: it needs batches of 16 or "
                f"more in one process, and here are {size} in {self.processes.count}; leave it out"
            )

    @property
    def store(self) -> PixelStore:
        """The decoded pictures, read when they are first needed."""
        if self._store is None:
            self._store = PixelStore(
                self.data.table.images,
                self.plain,
                memory_limit=self.options.embed.memory_limit,
                budget=MemoryBudget(self.options.embed.memory_limit),
                workers=self.options.embed.workers,
                where=[self.data.table.where(row) for row in range(len(self.data))],
                max_pixels=self.options.read.max_pixels,
                progress=self.progress,
            )
        return self._store

    def fit(
        self,
        split: Split,
        folds: Sequence[Split],
        clock: Stopwatch,
        *,
        checkpoints: Checkpoints | None = None,
        decision: tuple[str, ...] = (),
    ) -> FitResult:
        """Fine-tune on the training rows and in each fold, and measure both phases."""
        data, options = self.data, self.options
        parts = (split, list(folds))
        one = fit_features(
            data, self.features, self.backbone, self.frozen_options, self.progress, parts=parts
        )
        clock.lap("phase one")
        self.share(split.train)
        tuned = self.tune(split.train, checkpoints)
        tuned = replace(tuned, model=self.with_familiarity(tuned.model, split.train))
        clock.lap("head")
        answered = answer_rows_of(
            replace(tuned.model, temperature=1.0), data, split.test, self.options
        )
        raw = answered.probabilities
        calibrated = apply_temperature(raw, tuned.model.temperature)
        test = predictions_of(data, split.test, calibrated)
        test = replace(test, familiar=answered.familiar)
        clock.lap("test")
        validated = self.cross_validated(folds) if folds else None
        clock.lap("folds")
        if one.folds is not None and validated is not None:
            first = apply_temperature(one.folds.predictions.probabilities, one.model.temperature)
            phases = compare_phases(
                replace(one.folds.predictions, probabilities=first),
                validated.predictions,
                "picture",
                ", out-of-fold",
            )
        else:
            phases = compare_phases(one.test, test, "test picture")
        return FitResult(
            model=tuned.model,
            data=data,
            features=None,
            split=split,
            test=test,
            test_uncalibrated=predictions_of(data, split.test, raw),
            train_accuracy=tuned.history.kept_accuracy or one.train_accuracy,
            folds=validated,
            history=tuned.history,
            record=make_record("fine-tune", as_json(options), data, clock, [self.backbone]),
            tuning=Tuning(
                unfreeze=options.tune.unfreeze,
                parts=tuned.parts,
                head_weights=tuned.head_weights,
                views=self.features.views.shape[1],
                phases=phases,
            ),
            decision=decision,
        )

    def cross_validated(self, folds: Sequence[Split]) -> FoldResult:
        """Fine-tune anew for each fold, and answer its test rows, calibrated."""
        answers = np.full((len(self.data), len(self.data.classes)), np.nan)
        self.share(np.arange(len(self.data)), len(folds))
        for number, fold in enumerate(folds, start=1):
            self.progress.note(f"fold {number} of {len(folds)}")
            answers[fold.test] = self.answers(self.tune(fold.train).model, fold.test)
        whole = as_predictions(self.data, answers)
        parts = [measure(take(whole, fold.test)) for fold in folds]
        return FoldResult(tuple(parts), tuple(folds), whole)

    def share(self, rows: IntArray, trainings: int = 1) -> None:
        """So many trainings that follow are on parts of these rows, and share what they keep."""
        self._maps.begin(rows, trainings * (self.options.loop.epochs or 0))

    def tune(self, rows: IntArray, checkpoints: Checkpoints | None = None) -> Tuned:
        """A model fine-tuned on these rows; a tenth of them choose epoch and temperature."""
        if checkpoints is not None:
            checkpoints.refuse_other(Identity.of(self.data, self.backbone))
            self.measured.update(checkpoints.measured)
            checkpoints.measured = self.measured
        self._maps.cover(rows, self.options.loop.epochs or 0)
        learn, check = choose_validation(self.data, rows, self.options.split.seed)
        start, _ = train_head(
            self.data, self.features, self.backbone, learn, self.frozen_options, self.progress
        )
        network = TunedNetwork(start, len(self.data.classes))
        parts = unfreeze(network.backbone, self.options.tune.unfreeze)
        head = sum(parameter.numel() for parameter in network.classifier.parameters())
        self.progress.note(parts_in_words(parts, head))
        history = self._train(network, learn, check, checkpoints)
        model = as_tuned(network, start)
        if len(check):
            temperature = fit_temperature(self.answers(model, check), self.data.targets[check])
            model = replace(model, temperature=temperature)
        return Tuned(model, history, tuple(parts))

    def with_familiarity(self, model: TrainedModel, rows: IntArray) -> TrainedModel:
        """The model with what tells how familiar a picture is.

        Its statistics are of the rows that were learnt from, ranked by those that chose the epoch,
        if these are enough.
        """
        learn, check = choose_validation(self.data, rows, self.options.split.seed)
        if len(check) < LEAST:
            return model
        both = np.concatenate([learn, check])
        values = embed_images(
            [self.data.table.images[row] for row in both],
            model.backbone,
            replace(self.options.embed, cache=False, views=0),
            max_pixels=self.options.read.max_pixels,
        )[1].values
        known, held_out = values[: len(learn)], values[len(learn) :]
        found = fit_on_two(known, self.data.targets[learn], held_out)
        return replace(model, familiarity=found)

    def answers(self, model: TrainedModel, rows: IntArray) -> FloatArray:
        """Probabilities (b, k) of these rows by the path that prediction takes."""
        return answer_pictures(model, self.data, rows, self.options)

    def _train(
        self,
        network: TunedNetwork,
        learn: IntArray,
        check: IntArray,
        checkpoints: Checkpoints | None,
    ) -> History:
        options, seed = self.options, self.options.split.seed
        keeps = options.tune.batch_norm == "eval"
        working = network.with_folded_norms(self.plain.size) if keeps else network
        device = choose_device(options.embed.device)
        epochs = options.loop.epochs or 0
        pictures = self._batches(learn, check, device)
        training: Batches = pictures[0]
        validation: Batches | None = pictures[1]
        if keeps:
            working, training, validation = self._maps.shorten(working, *pictures)
        loop = EpochLoop(
            options=options.loop,
            seed=seed,
            class_weights=self._class_weights(learn),
            precision=choose_step_precision(
                working,
                training,
                self.backbone.info.precision,
                device,
                alone=self.processes.count == 1,
                measured=self.measured,
                note=self.progress.note,
            ),
            device=device,
            on_epoch=self._teller(len(learn), epochs) if self.tells_epochs else None,
            on_batch=self.progress.advance,
            schedule=Schedule(keeps_statistics=keeps),
            groups=layered_groups(
                working.backbone,
                working.classifier,
                rate=step_size(options.loop),
                layer_decay=options.tune.layer_decay,
                weight_decay=options.loop.weight_decay or 0.0,
            ),
            on_state=self._keeper(checkpoints),
            taken_up=checkpoints.take_up if checkpoints is not None else None,
            processes=self.processes,
        )
        self.progress.start("fine-tuning", epochs * len(learn))
        try:
            return loop.run(working, training, validation)
        finally:
            self.progress.stop()
            if working is not network:
                network.take(working)

    def _batches(
        self, learn: IntArray, check: IntArray, device: str
    ) -> tuple[PictureBatches, PictureBatches | None]:
        loop = self.options.loop
        training = PictureBatches(
            pixels=self.store,
            targets=self.data.targets,
            chosen=learn,
            batch_size=loop.batch_size,
            augment=loop.augment or "light",
            seed=self.options.split.seed,
            ahead=0 if device == "cpu" else BATCHES_AHEAD,
            classes=len(self.data.classes),
            lane=self.processes.rank,
            lanes=self.processes.count,
            fewest=1 if self.options.tune.batch_norm == "eval" else LEAST_BATCH,
        )
        plain = replace(training, chosen=check, augment="none", seed=None)
        return training, plain if len(check) else None

    def _class_weights(self, learn: IntArray) -> Float32Array | None:
        if self.options.head.class_weight != "balanced":
            return None
        return balancing(self.data, learn)

    def _keeper(self, checkpoints: Checkpoints | None) -> Callable[[TrainingState], None] | None:
        """Saves the state after each epoch; of several processes the first one does."""
        if checkpoints is None or not self.processes.is_first:
            return None
        identity = Identity.of(self.data, self.backbone)
        return lambda state: checkpoints.save(state, identity)

    def cost(self, start: TrainedModel, rows: IntArray) -> Cost:
        """What the trainings that share `rows` take here, measured on the first of these rows."""
        loop = replace(self.options.loop, epochs=2, keep="last")
        trial = Tuner(
            self.data, self.features, self.backbone, replace(self.options, loop=loop), self.progress
        )
        trial._store, trial.measured, trial.tells_epochs = self.store, self.measured, False
        trial._maps = trial._new_maps(views=1)
        network = TunedNetwork(start, len(self.data.classes))
        unfreeze(network.backbone, self.options.tune.unfreeze)
        few, once = rows[:MEASURED_PICTURES], 0.0
        if self.options.tune.batch_norm == "eval":
            training, _ = self._batches(rows, rows[:0], choose_device(self.options.embed.device))
            once = self._maps.decide(network.with_folded_norms(self.plain.size), training)
        seconds = trial._train(network, few, few[:0], None).records[-1].seconds
        return Cost(seconds / len(few), once)

    def _teller(self, rows: int, epochs: int) -> Callable[[EpochRecord], None]:
        def told(record: EpochRecord) -> None:
            left = (epochs - record.epoch) * record.seconds
            rate = rows / record.seconds
            self.progress.note(
                f"{epoch_line(record)}   {rate:.0f} pictures/s, {left:.0f} s left at most"
            )

        return told
