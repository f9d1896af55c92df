"""The baseline: the small CNN trained from scratch, epoch by epoch, on the same kind of split.

Importing this module loads torch; import it inside the function that trains.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headstart.arrays import Float32Array, FloatArray, IntArray
from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.opening import SMALL_CNN, HeldNetwork
from headstart.backbones.small_cnn import SmallCNN
from headstart.backbones.weights.digest import digest
from headstart.data.dataset import Dataset
from headstart.data.image_table import ImageTable
from headstart.data.split import Split, stratified_folds
from headstart.errors import DataError
from headstart.evaluate.calibration import apply_temperature, fit_temperature
from headstart.evaluate.predictions import Predictions, joined
from headstart.heads.fitted_heads import FittedLinear
from headstart.images.memory_budget import MemoryBudget
from headstart.options import FitOptions, LoopOptions, as_json
from headstart.progress import QUIET, Progress
from headstart.recipes.data_preparation import choose_split, prepare_without_features
from headstart.recipes.epoch_loop import NETWORK_RATE, EpochLoop
from headstart.recipes.folds import as_predictions, take
from headstart.recipes.frozen import FitResult
from headstart.recipes.head_choice import epoch_teller
from headstart.recipes.pixel_store import PixelStore
from headstart.recipes.run_record import Stopwatch, make_record
from headstart.recipes.small_cnn_training import SIZE, small_cnn_preprocessing, train_small_cnn
from headstart.recipes.trained_model import TrainedModel
from headstart.recipes.training_history import History

DEFAULT_EPOCHS = 50
AT_A_TIME = 512  # pictures; their last maps are 100 kB each
VALIDATION_FOLDS = 10  # one of them chooses the epoch and the calibration temperature


def fit_scratch(table: ImageTable, options: FitOptions, progress: Progress = QUIET) -> FitResult:
    """Split, train the small CNN from scratch, and measure. Raises DataError."""
    clock = Stopwatch()
    data = prepare_without_features(table, options, progress)
    clock.lap("embed")
    return train_on(data, choose_split(data, options.split), options, progress, clock=clock)


def train_on(
    data: Dataset,
    split: Split,
    options: FitOptions,
    progress: Progress = QUIET,
    *,
    clock: Stopwatch | None = None,
) -> FitResult:
    """Train on the training rows, part of which choose the epoch; the test rows choose nothing."""
    clock = clock or Stopwatch()
    loop = replace(
        options.loop,
        epochs=options.loop.epochs if options.loop.epochs is not None else DEFAULT_EPOCHS,
        learning_rate=options.loop.learning_rate or NETWORK_RATE,
        # The exercise drew its crops once and took the last epoch, which shows what that does.
        keep=options.loop.keep or ("last" if options.loop.augment == "once" else "best"),
    )
    plain = small_cnn_preprocessing(options.backbone.image_size or SIZE)
    store = PixelStore(
        data.table.images,
        plain,
        memory_limit=options.embed.memory_limit,
        budget=MemoryBudget(options.embed.memory_limit),
        workers=options.embed.workers,
        where=[data.table.where(row) for row in range(len(data))],
        max_pixels=options.read.max_pixels,
        progress=progress,
    )
    clock.lap("read")
    network, history, validation = _train(data, split, store, loop, options, progress)
    clock.lap("head")
    untempered = as_trained(network, data, 1.0, plain.size)
    raw = answer_pictures(untempered, data, np.arange(len(data)), options)
    temperature = 1.0
    if len(validation):
        temperature = fit_temperature(raw[validation], data.targets[validation])
    clock.seconds.setdefault("embed", 0.0)
    clock.seconds["folds"] = 0.0
    return FitResult(
        model=replace(untempered, temperature=temperature),
        data=data,
        features=None,
        split=split,
        test=take(as_predictions(data, apply_temperature(raw, temperature)), split.test),
        test_uncalibrated=take(as_predictions(data, raw), split.test),
        train_accuracy=history.records[history.kept_epoch - 1].training_accuracy,
        folds=None,
        history=history,
        record=make_record("scratch", as_json(options), data, clock),
    )


def answer_pictures(
    model: TrainedModel, data: Dataset, rows: IntArray, options: FitOptions
) -> FloatArray:
    """Probabilities (b, k) of some rows by the path that prediction takes."""
    return answer_rows_of(model, data, rows, options).probabilities


def answer_rows_of(
    model: TrainedModel, data: Dataset, rows: IntArray, options: FitOptions
) -> Predictions:
    """Answers for some rows by the path that prediction takes, some at a time."""
    own = replace(options.embed, cache=False, views=0)
    parts = [
        model.predict(
            [data.table.images[row] for row in rows[start : start + AT_A_TIME]],
            options=own,
            max_pixels=options.read.max_pixels,
        )
        for start in range(0, len(rows), AT_A_TIME)
    ]
    return joined(parts)


def balancing(data: Dataset, rows: IntArray) -> Float32Array:
    """The weight of each class, (k,), that gives all of them the same in these rows."""
    k = len(data.classes)
    counts = np.bincount(data.targets[rows], minlength=k)
    return np.asarray(len(rows) / (k * np.maximum(counts, 1)), dtype=np.float32)


def _train(
    data: Dataset,
    split: Split,
    store: PixelStore,
    loop: LoopOptions,
    options: FitOptions,
    progress: Progress,
) -> tuple[SmallCNN, History, IntArray]:
    """The trained network, its history, and the rows that chose the epoch."""
    seed = options.split.seed
    training, validation = choose_validation(data, split.train, seed)
    weights = None
    if options.head.class_weight == "balanced":
        weights = balancing(data, training)
    network, history = train_small_cnn(
        store,
        data.targets,
        classes=len(data.classes),
        training=training,
        validation=validation,
        loop=EpochLoop(
            options=loop, seed=seed, class_weights=weights, on_epoch=epoch_teller(progress)
        ),
    )
    return network, history, validation


def choose_validation(data: Dataset, train: IntArray, seed: int) -> tuple[IntArray, IntArray]:
    """Training rows that are learnt from, and those that choose the epoch: about a tenth."""
    labels = [data.labels[row] for row in train]
    try:
        fold = stratified_folds(
            labels, folds=VALIDATION_FOLDS, seed=seed, groups=data.groups[train]
        )[0]
    except DataError:
        return train, train[:0]  # too few pictures to hold some out: the last epoch is kept
    return train[fold.train], train[fold.test]


def as_trained(network: SmallCNN, data: Dataset, temperature: float, size: int) -> TrainedModel:
    """The network as a backbone with a linear head, which is how models are kept."""
    backbone = network.backbone
    tensors = {name: tensor.numpy() for name, tensor in backbone.state_dict().items()}
    weight = network.classifier.weight.detach().double().numpy()
    info = BackboneInfo(
        name=SMALL_CNN,
        layer="pooled",
        precision="fp32",
        preprocessing=small_cnn_preprocessing(size),
        feature_size=weight.shape[1],
        parameters=sum(parameter.numel() for parameter in backbone.parameters()),
        weights_id=digest(tensors),
        source="trained from scratch",
        classifier=None,
        device="cpu",
    )
    bias = network.classifier.bias.detach().double().numpy()
    head = FittedLinear.of_layer(weight, bias)
    return TrainedModel(Backbone(info, HeldNetwork(backbone)), head, data.classes, temperature)
