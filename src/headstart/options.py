"""Every option once. Flags, `run.json` and the docs derive from these classes.

A field's help text stands in its metadata, so that this module imports nothing but the standard
library. A command takes one or more of these classes; `headstart.cli` turns them into flags.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Literal

DEFAULT_BACKBONE = "tf_efficientnet_lite0"
DEFAULT_SEED = 13
MAX_PIXELS = 200_000_000

HeadName = Literal["linear", "svm", "knn", "mlp"]
LayerName = Literal["pooled", "fc6", "fc7", "last"]
RecipeName = Literal["frozen", "scratch"]
PrecisionName = Literal["auto", "fp32", "bf16"]


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How a table or a folder of class folders is read."""

    images: str | Path | None = _option(
        None,
        "Folder or address that the table's names are relative to; default: the table's own.",
    )
    image_column: str | None = _option(None, "Column with the pictures' names.")
    label_column: str | None = _option(None, "Column with the labels.")
    split_column: str | None = _option(
        None, "Column with a given split: train, test (val counts as test when there is no test)."
    )
    group_column: str | None = _option(
        None, "Column that names a patient, camera or series; a group stays on one side."
    )
    separator: str | None = _option(
        None, "Separator of the table's cells; default: found by looking."
    )
    encoding: str | None = _option(
        None, "Encoding of the table; default: UTF-8, or UTF-16 with a mark."
    )
    exclude: tuple[str, ...] = _option((), "Classes to leave out; repeat for more.")
    skip_bad: bool = _option(
        False, "Go on without bad rows and files, and say how many there were."
    )
    allow_outside: bool = _option(False, "Allow table rows whose path leaves the pictures' folder.")
    max_pixels: int = _option(MAX_PIXELS, "Largest picture in pixels; larger ones are refused.")


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """What is done to the labels before they are used."""

    fixes: Path | None = _option(
        None, "Table of corrected labels, from check --write-fixes and edited."
    )


@dataclass(frozen=True, kw_only=True)
class RecipeOptions:
    """What is trained."""

    recipe: RecipeName = _option(
        "frozen", "frozen: a head on a pretrained backbone; scratch: the small CNN from nothing."
    )


@dataclass(frozen=True, kw_only=True)
class SharedBackboneOptions:
    """What all backbones of a comparison share."""

    image_size: int | None = _option(
        None, "Side of the backbone's input in pixels; default: what the backbone was trained for."
    )
    precision: PrecisionName = _option(
        "auto", "Arithmetic of the backbone; auto is bf16 where the processor has it, else fp32."
    )


@dataclass(frozen=True, kw_only=True)
class BackboneOptions(SharedBackboneOptions):
    """Which backbone, which of its layers, and how it computes."""

    backbone: str = _option(
        DEFAULT_BACKBONE, "Name of the backbone, any of timm's; `headstart backbones` lists some."
    )
    weights: Path | None = _option(
        None, "File with the backbone's weights (safetensors, or torch without code)."
    )
    layer: LayerName = _option(
        "pooled", "Which activations are the features; fc6, fc7 and last are for VGG."
    )
    random_weights: bool = _option(False, "Take an untrained backbone; only for trying things out.")


@dataclass(frozen=True, kw_only=True)
class EmbedOptions:
    """How features are computed and kept."""

    device: str = _option("auto", "Where the backbone runs: auto, cpu, cuda, cuda:1, mps.")
    workers: int | None = _option(
        None, "Threads that read pictures and run the backbone; default: one a core."
    )
    embed_batch: int | None = _option(
        None,
        "Inputs that a thread sends through the backbone at once; default: 4 on a processor in "
        "fp32, 8 in bf16, 64 on an accelerator.",
    )
    cache: bool = _option(True, "Keep features in the cache folder and use those kept there.")
    views: int = _option(0, "Augmented views of each training picture, besides the picture itself.")


@dataclass(frozen=True, kw_only=True)
class SharedSplitOptions:
    """What a check has of a split."""

    test_fraction: float = _option(0.1, "Share of the pictures kept for the test.")
    seed: int = _option(DEFAULT_SEED, "Seed of everything random.")
    near_duplicates: bool = _option(
        True, "Find near-duplicates too, and keep each group of them on one side of a split."
    )


@dataclass(frozen=True, kw_only=True)
class SplitOptions(SharedSplitOptions):
    """Which rows train and which test."""

    folds: int = _option(10, "Folds of the cross-validation over all rows; 0 for none.")


@dataclass(frozen=True, kw_only=True)
class SharedHeadOptions:
    """What all heads of a comparison share."""

    class_weight: Literal["none", "balanced"] = _option(
        "none", "balanced gives every class the same total weight."
    )


@dataclass(frozen=True, kw_only=True)
class HeadOptions(SharedHeadOptions):
    """What is fitted on the features."""

    head: HeadName = _option("linear", "linear (logistic regression), svm, knn or mlp.")
    C: float | None = _option(
        None, "The linear head's or SVM's C; default: chosen by folds of the training rows."
    )


@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """The epoch loop: gradient steps instead of the exact solution."""

    epochs: int | None = _option(
        None, "Train by this many epochs of gradient steps instead of solving exactly."
    )
    learning_rate: float | None = _option(
        None, "Step size of the optimizer; default: 0.001 for a head, 0.0001 for a network."
    )
    batch_size: int = _option(32, "Pictures in one gradient step.")
    optimizer: Literal["adam", "adamw", "sgd"] = _option("adam", "adam, adamw or sgd.")
    weight_decay: float = _option(0.0, "Weight decay.")
    label_smoothing: float = _option(0.0, "Share of the target spread over all classes, 0 to 1.")
    keep: Literal["best", "last"] | None = _option(
        None,
        "Which epoch's weights are kept: best has the least validation loss; default: best, and "
        "last with --augment once.",
    )
    augment: Literal["each-epoch", "once", "none"] = _option(
        "each-epoch", "Random crops and flips for training from scratch: drawn anew, once, or none."
    )
    memory_limit: int = _option(
        4_000_000_000, "Bytes for decoded pictures kept in memory; beyond, they are read again."
    )


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """All options of one fit, by room."""

    recipe: RecipeOptions = field(default_factory=RecipeOptions)

    read: ReadOptions = field(default_factory=ReadOptions)
    labels: LabelOptions = field(default_factory=LabelOptions)
    backbone: BackboneOptions = field(default_factory=BackboneOptions)
    embed: EmbedOptions = field(default_factory=EmbedOptions)
    split: SplitOptions = field(default_factory=SplitOptions)
    head: HeadOptions = field(default_factory=HeadOptions)
    loop: LoopOptions = field(default_factory=LoopOptions)


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
