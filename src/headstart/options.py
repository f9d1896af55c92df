"""Every option once: type, default, rule, help text, the verbs that have it and what uses it.

The flags of the terminal program, `run.json` and the checks derive from these classes. Only the
standard library is imported, so that `--help` is quick.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Literal

from headstart.option_facts import (
    BACKBONES,
    ENCODING,
    EXPORT,
    FEATURES,
    FIT,
    LABELLED,
    LABELS,
    LOOKED_AT,
    MODELS,
    ON_BACKBONE,
    PENALISED,
    PICTURES,
    SMALL_CNN,
    SOLVED,
    STEPS,
    none_or,
    number,
    option,
    text,
    whole,
)

DEFAULT_BACKBONE = "tf_efficientnet_lite0"
DEFAULT_SEED = 13
MAX_PIXELS = 200_000_000
MEMORY_LIMIT = 4_000_000_000  # bytes of decoded pictures
LARGEST_SEED = 2**32 - 1  # NumPy's
LARGEST_SIDE = 4096  # pixels; one picture of this side is 200 MB as a backbone's input
MOST_WORKERS = 1024
USUAL_FOLDS = 10
LEAST_OPSET = 18  # of ONNX: torch's exporter writes the operators as they are from there on
LARGEST_FOR_FOLDS = 5_000  # rows; with more, one test part is precise enough

HeadName = Literal["linear", "svm", "knn", "mlp"]
LayerName = Literal["pooled", "fc6", "fc7", "last"]
RecipeName = Literal["frozen", "scratch"]
PrecisionName = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class RecipeOptions:
    """What is trained."""

    recipe: RecipeName = option(
        "frozen",
        FIT,
        "frozen: a head on a pretrained backbone; scratch: a small CNN trained from scratch.",
    )


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How a table or a folder of class folders is read."""

    images: str | Path | None = option(
        None,
        LOOKED_AT,
        "Folder or address that the table's names are relative to; default: the table's own.",
        most_used=True,
        for_tables=True,
    )
    image_column: str | None = option(
        None,
        LOOKED_AT,
        "Column with the pictures' names; default: found by its usual names.",
        for_tables=True,
    )
    label_column: str | None = option(
        None,
        (*LABELS, *EXPORT),
        "Column with the labels; default: found by its usual names.",
        most_used=True,
        for_tables=True,
    )
    split_column: str | None = option(
        None,
        (*LABELLED, "embed", "evaluate"),
        "Column with a given split: train, test (val counts as test when there is no test).",
        for_tables=True,
    )
    group_column: str | None = option(
        None,
        LABELS,
        "Column that names a patient, camera or series; a group stays on one side of a split, and "
        "intervals respect groups.",
        most_used=True,
        for_tables=True,
    )
    separator: str | None = option(
        None,
        PICTURES,
        "Separator of the table's cells, or the word tab; default: found by looking.",
        rule=text("one character (no quote, no line break), or tab", r"""[^"'\r\n]|tab|\\t"""),
        for_tables=True,
    )
    encoding: str | None = option(
        None,
        PICTURES,
        "Encoding of the table; default: UTF-8, or what its first bytes say.",
        rule=ENCODING,
        for_tables=True,
    )
    exclude: tuple[str, ...] = option((), LABELS, "Class to leave out; repeat for more.")
    skip_bad: bool = option(
        False,
        (*MODELS, "embed", "evaluate", *EXPORT),
        "Go on without bad rows and files, and say how many there were.",
        most_used=True,
    )
    allow_outside: bool = option(
        False,
        PICTURES,
        "Allow table rows whose path leaves the pictures' folder.",
        for_tables=True,
    )
    max_pixels: int = option(
        MAX_PIXELS, LOOKED_AT, "Largest picture in pixels; larger ones are refused.", rule=whole(1)
    )


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """What is done to the labels before they are used."""

    fixes: Path | None = option(
        None,
        LABELLED,
        "Table of corrected labels, from check --write-fixes and edited.",
        most_used=True,
    )


@dataclass(frozen=True, kw_only=True)
class BackboneOptions:
    """Which backbone, which of its layers, and how it computes."""

    backbone: str = option(
        DEFAULT_BACKBONE,
        BACKBONES,
        "Name of the backbone, any of timm's; `headstart backbones` lists some.",
        use=ON_BACKBONE,
        most_used=True,
    )
    weights: Path | None = option(
        None,
        BACKBONES,
        "File with the backbone's weights (safetensors, or torch without code).",
        use=ON_BACKBONE,
    )
    layer: LayerName = option(
        "pooled",
        BACKBONES,
        "Which activations are the features; fc6, fc7 and last are for VGG.",
        use=ON_BACKBONE,
    )
    image_size: int | None = option(
        None,
        FEATURES,
        "Side of the network's input in pixels; default: what the backbone was trained for, 224 "
        "for the small CNN.",
        rule=whole(1, LARGEST_SIDE),
    )
    precision: PrecisionName = option(
        "auto",
        FEATURES,
        "Arithmetic of the backbone; auto is bf16 on a processor or accelerator that is faster in "
        "it, else fp32.",
        use=ON_BACKBONE,
    )
    random_weights: bool = option(
        False, BACKBONES, "Take an untrained backbone; only for trying things out.", use=ON_BACKBONE
    )


@dataclass(frozen=True, kw_only=True)
class EmbedOptions:
    """How features are computed and kept."""

    device: str = option(
        "auto",
        PICTURES,
        "Where the backbone runs: auto, cpu, cuda, cuda:1, mps.",
        rule=text("auto, cpu, cuda, cuda:N or mps", r"auto|cpu|cuda(:\d+)?|mps"),
        use=ON_BACKBONE,
    )
    workers: int | None = option(
        None,
        PICTURES,
        "Threads that read pictures and run the backbone; default: one a core.",
        rule=whole(1, MOST_WORKERS),
    )
    embed_batch: int | None = option(
        None,
        PICTURES,
        "Inputs that a thread sends through the backbone at once; default: 4 on a processor in "
        "fp32, 8 in bf16, 64 on an accelerator.",
        rule=whole(1),
    )
    cache: bool = option(
        True, PICTURES, "Keep features in the cache folder and use those kept there, or not."
    )
    views: int = option(
        0,
        FEATURES,
        "Augmented views of each training picture, besides the picture itself.",
        rule=whole(0),
        use=ON_BACKBONE,
    )


@dataclass(frozen=True, kw_only=True)
class HeadOptions:
    """What is fitted on the features."""

    head: HeadName = option(
        "linear",
        FIT,
        "What is fitted on the features; linear is logistic regression.",
        use=SOLVED,
        most_used=True,
    )
    C: float | None = option(
        None,
        FIT,
        "Inverse strength of the linear head's or SVM's penalty; default: chosen by folds within "
        "the training rows.",
        rule=number("above 0 and finite", lambda value: value > 0),
        use=PENALISED,
    )
    class_weight: Literal["none", "balanced"] = option(
        "none", MODELS, "balanced gives every class the same total weight."
    )


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """Which rows train and which test."""

    test_fraction: float = option(
        0.1,
        LABELLED,
        "Share of the pictures kept for the test.",
        rule=number("above 0 and below 1", lambda value: 0 < value < 1),
        most_used=True,
    )
    seed: int = option(
        DEFAULT_SEED,
        FEATURES,
        "Seed of everything random.",
        rule=whole(0, LARGEST_SEED),
        most_used=True,
    )
    near_duplicates: bool = option(
        True,
        LABELLED,
        "Find near-duplicates too and keep each group of them on one side of a split, or not.",
    )
    folds: int | None = option(
        None,
        MODELS,
        f"Folds of the cross-validation over all rows, 0 for none; default: {USUAL_FOLDS}, and "
        f"none from {LARGEST_FOR_FOLDS:,} rows on.",
        rule=none_or(whole(2)),
        use=ON_BACKBONE,
    )

    def folds_for(self, rows: int) -> int:
        """The number of folds for so many rows; 0 for none."""
        if self.folds is not None:
            return self.folds
        return USUAL_FOLDS if rows < LARGEST_FOR_FOLDS else 0


@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """The epoch loop: gradient steps instead of the exact solution."""

    epochs: int | None = option(
        None,
        MODELS,
        "Epochs of gradient steps instead of the exact solution; default: none for a head, 50 for "
        "the small CNN.",
        rule=whole(1),
        use=STEPS,
    )
    learning_rate: float | None = option(
        None,
        MODELS,
        "Step size of the optimizer; default: 0.001 for a head, 0.0001 for the small CNN.",
        rule=number("above 0 and finite", lambda value: value > 0),
        use=STEPS,
    )
    batch_size: int = option(32, MODELS, "Pictures in one gradient step.", rule=whole(1), use=STEPS)
    optimizer: Literal["adam", "adamw", "sgd"] = option(
        "adam", MODELS, "How a gradient becomes a step; sgd has momentum 0.9.", use=STEPS
    )
    weight_decay: float = option(
        0.0,
        MODELS,
        "Weight decay.",
        rule=number("from 0 and finite", lambda value: value >= 0),
        use=STEPS,
    )
    label_smoothing: float = option(
        0.0,
        MODELS,
        "Share of the target that is spread over all classes.",
        rule=number("from 0 to below 1", lambda value: 0 <= value < 1),
        use=STEPS,
    )
    keep: Literal["best", "last"] | None = option(
        None,
        MODELS,
        "Which epoch's weights are kept: best has the least validation loss; default: best, and "
        "last with --augment once.",
        use=STEPS,
    )
    augment: Literal["each-epoch", "once", "none"] = option(
        "each-epoch",
        MODELS,
        "Random crops and flips for the small CNN: drawn anew, once, or none.",
        use=SMALL_CNN,
    )
    memory_limit: int = option(
        MEMORY_LIMIT,
        MODELS,
        "Bytes for the small CNN's decoded pictures in memory; beyond, they are read again.",
        rule=whole(0),
        use=SMALL_CNN,
    )


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a model is exported."""

    opset: int = option(LEAST_OPSET, EXPORT, "Version of ONNX's operators.", rule=whole(1))
    max_drop: float = option(
        0.01,
        EXPORT,
        "Largest loss of accuracy (agreement, without labels) by --precision int8.",
        rule=number("from 0 to below 1", lambda value: 0 <= value < 1),
    )


def _room(kind: type, heading: str) -> Any:
    return field(default_factory=kind, metadata={"heading": heading})


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """All options, by room. A verb uses those that it has, and finds the others at their default.

    Each room has the heading of its flags in a help text.
    """

    read: ReadOptions = _room(ReadOptions, "Reading")
    labels: LabelOptions = _room(LabelOptions, "Reading")
    backbone: BackboneOptions = _room(BackboneOptions, "Backbone")
    embed: EmbedOptions = _room(EmbedOptions, "Computing features")
    head: HeadOptions = _room(HeadOptions, "Head")
    split: SplitOptions = _room(SplitOptions, "Split and figures")
    recipe: RecipeOptions = _room(RecipeOptions, "Training by epochs")
    loop: LoopOptions = _room(LoopOptions, "Training by epochs")
    export: ExportOptions = _room(ExportOptions, "Export")

    def files(self) -> tuple[str | Path | None, ...]:
        """Files and folders that the options name to be read."""
        return self.read.images, self.labels.fixes, self.backbone.weights


def as_json(options: Any) -> dict[str, Any]:
    """An options object as plain JSON values: paths as text, tuples as lists."""
    if not is_dataclass(options) or isinstance(options, type):
        raise TypeError(f"not an options object: {options!r}")
    return {key: _plain(value) for key, value in asdict(options).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
