"""The baseline: the small CNN trained from nothing, epoch by epoch, on the same kind of split."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart.arrays import FloatArray, IntArray
from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.nothing import no_backbone
from headstart.backbones.opening import SMALL_CNN, HeldNetwork
from headstart.backbones.weights.digest import digest
from headstart.data.split import Split, stratified_folds
from headstart.errors import DataError, UsageError
from headstart.evaluate.calibration import apply_temperature, fit_temperature
from headstart.heads.linear import LinearHead
from headstart.option_rules import check_fit
from headstart.options import FitOptions, LoopOptions
from headstart.progress import QUIET, Progress
from headstart.recipes import run_record
from headstart.recipes.folds import as_predictions, take
from headstart.recipes.frozen import FitResult, Fitted, make_record, make_result
from headstart.recipes.head_choice import epoch_teller
from headstart.recipes.labelled import Labelled, choose_split, embed_labelled, read_labelled
from headstart.recipes.loop import NETWORK_RATE
from headstart.recipes.trained_model import TrainedModel

if TYPE_CHECKING:
    from headstart.backbones.small_cnn import SmallCNN
    from headstart.recipes.decoded_pictures import PixelStore
    from headstart.recipes.loop import History

DEFAULT_EPOCHS = 50
AT_A_TIME = 512  # pictures; their last maps are 100 kB each
VALIDATION_FOLDS = 10  # one of them chooses the epoch and the temperature


def fit_scratch(source: Path, options: FitOptions, progress: Progress = QUIET) -> FitResult:
    """Read, split, train the small CNN from nothing, and measure. Raises UsageError, DataError."""
    check_fit(options, "scratch")
    table = read_labelled(source, options.read, options.labels)
    for note in table.notes:
        progress.note(note)
    data = embed_labelled(
        table, no_backbone(), options.embed, options.read, options.split, progress
    )
    for note in data.notes[len(table.notes) :]:
        progress.note(note)
    return train_on(data, choose_split(data, options.split), options, progress)


def train_on(
    data: Labelled, split: Split, options: FitOptions, progress: Progress = QUIET
) -> FitResult:
    """Train on the training rows, part of which choose the epoch; the test rows choose nothing."""
    from headstart.backbones.small_cnn import feature_size
    from headstart.recipes.decoded_pictures import PixelStore
    from headstart.recipes.small_cnn import small_cnn_preprocessing

    if options.head.head != "linear":
        raise UsageError(
            f"the small CNN has its own last layer; --head {options.head.head} is not for it"
        )
    started, began = run_record.now(), time.perf_counter()
    loop = replace(
        options.loop,
        epochs=options.loop.epochs if options.loop.epochs is not None else DEFAULT_EPOCHS,
        learning_rate=options.loop.learning_rate or NETWORK_RATE,
        # The exercise drew its crops once and took the last epoch, which shows what that does.
        keep=options.loop.keep or ("last" if options.loop.augment == "once" else "best"),
    )
    steps = small_cnn_preprocessing(options.backbone.image_size or 224)
    feature_size(steps.size)
    store = PixelStore(
        data.table.paths,
        2 * steps.size,
        memory_limit=loop.memory_limit,
        workers=options.embed.workers,
        where=[data.table.where(row) for row in range(len(data))],
        max_pixels=options.read.max_pixels,
        progress=progress,
    )
    seconds = {"embed": 0.0, "read": time.perf_counter() - began}
    network, history, validation = _train(data, split, store, loop, options, progress)
    seconds |= {"head": time.perf_counter() - began - seconds["read"], "folds": 0.0}
    untempered = as_trained(network, data, 1.0, steps.size)
    raw = _answers(untempered, data, options)
    temperature = 1.0
    if len(validation):
        temperature = fit_temperature(raw[validation], data.targets[validation])
    model = replace(untempered, temperature=temperature)
    seconds["total"] = time.perf_counter() - began
    fitted = Fitted(
        model=model,
        split=split,
        test=take(as_predictions(data, apply_temperature(raw, temperature)), split.test),
        test_uncalibrated=take(as_predictions(data, raw), split.test),
        train_accuracy=history.records[history.kept_epoch - 1].training_accuracy,
        folds=None,
        history=history,
        seconds=seconds,
    )
    return make_result(fitted, data, make_record("scratch", options, data, started, seconds))


def _answers(model: TrainedModel, data: Labelled, options: FitOptions) -> FloatArray:
    """Probabilities (n, k) by the path that prediction takes, some pictures at a time."""
    own = replace(options.embed, cache=False, views=0)
    parts = [
        model.predict(
            data.table.paths[start : start + AT_A_TIME],
            options=own,
            max_pixels=options.read.max_pixels,
        )
        for start in range(0, len(data), AT_A_TIME)
    ]
    return np.concatenate([part.probabilities for part in parts])


def _train(
    data: Labelled,
    split: Split,
    store: PixelStore,
    loop: LoopOptions,
    options: FitOptions,
    progress: Progress,
) -> tuple[SmallCNN, History, IntArray]:
    """The trained network, its history, and the rows that chose the epoch."""
    from headstart.recipes.loop import EpochLoop
    from headstart.recipes.small_cnn import small_cnn_preprocessing, train_small_cnn

    seed = options.split.seed
    training, validation = choose_validation(data, split.train, seed)
    weights = None
    if options.head.class_weight == "balanced":
        counts = np.bincount(data.targets[training], minlength=len(data.classes))
        weights = (len(training) / (len(data.classes) * np.maximum(counts, 1))).astype(np.float32)
    network, history = train_small_cnn(
        store,
        data.targets,
        classes=len(data.classes),
        training=training,
        validation=validation,
        loop=EpochLoop(
            options=loop, seed=seed, class_weights=weights, on_epoch=epoch_teller(progress)
        ),
        preprocessing=small_cnn_preprocessing(options.backbone.image_size or 224),
    )
    return network, history, validation


def choose_validation(data: Labelled, train: IntArray, seed: int) -> tuple[IntArray, IntArray]:
    """Training rows that are learnt from, and those that choose the epoch: about a tenth."""
    labels = [data.labels[row] for row in train]
    try:
        fold = stratified_folds(
            labels, folds=VALIDATION_FOLDS, seed=seed, groups=data.duplicates.group[train]
        )[0]
    except DataError:
        return train, train[:0]  # too few pictures to hold some out: the last epoch is kept
    return train[fold.train], train[fold.test]


def as_trained(network: SmallCNN, data: Labelled, temperature: float, size: int) -> TrainedModel:
    """The network as a backbone with a linear head, which is how models are kept."""
    from headstart.recipes.small_cnn import small_cnn_preprocessing

    backbone = network.backbone
    tensors = {name: tensor.numpy() for name, tensor in backbone.state_dict().items()}
    weight = network.classifier.weight.detach().double().numpy()
    d = weight.shape[1]
    info = BackboneInfo(
        name=SMALL_CNN,
        layer="pooled",
        precision="fp32",
        preprocessing=small_cnn_preprocessing(size),
        feature_size=d,
        parameters=sum(parameter.numel() for parameter in backbone.parameters()),
        weights_id=digest(tensors),
        source="trained from nothing",
        classifier=None,
    )
    head = LinearHead.from_arrays(
        {
            "coef": weight,
            "intercept": network.classifier.bias.detach().double().numpy(),
            "mean": np.zeros(d),
            "scale": np.ones(d),
            "C": np.array([np.inf]),
            "n_iter": np.array([0], dtype=np.int64),
        },
        np.arange(len(data.classes)),
    )
    return TrainedModel(
        Backbone(info, HeldNetwork(backbone), device="cpu"), head, data.classes, temperature
    )
