"""The options of what is trained: the recipe, the head, and training by epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headstart.options.definition import (
    FIT,
    HEAD_OR_SMALL_CNN,
    MODELS,
    ON_PICTURES,
    PENALISED,
    SOLVED,
    STEPS,
    number,
    option,
    whole,
)

HeadName = Literal["linear", "svm", "knn", "mlp"]
RecipeName = Literal["frozen", "scratch", "fine-tune", "auto"]
Augment = Literal["each-epoch", "once", "none", "light", "medium", "strong"]


@dataclass(frozen=True, kw_only=True)
class RecipeOptions:
    """What is trained."""

    recipe: RecipeName = option(
        "frozen",
        FIT,
        "frozen: a head on a pretrained backbone; scratch: a small CNN trained from scratch; "
        "fine-tune: the backbone learns too, from the frozen head on; auto: frozen, and fine-tuned "
        "where folds of the training rows show that it pays.",
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
class LoopOptions:
    """The epoch loop: gradient steps instead of the exact solution."""

    epochs: int | None = option(
        None,
        MODELS,
        "Epochs of gradient steps instead of the exact solution; default: none for a head, 50 for "
        "the small CNN, 10 for fine-tuning.",
        rule=whole(1),
        use=STEPS,
    )
    learning_rate: float | None = option(
        None,
        MODELS,
        "Step size of the optimizer; default: 0.001 for a head, 0.0001 for the small CNN, 0.0005 "
        "for fine-tuning.",
        rule=number("above 0 and finite", lambda value: value > 0),
        use=STEPS,
    )
    batch_size: int = option(32, MODELS, "Pictures in one gradient step.", rule=whole(1), use=STEPS)
    optimizer: Literal["adam", "adamw", "sgd"] = option(
        "adam",
        MODELS,
        "How a gradient becomes a step; sgd has momentum 0.9.",
        use=HEAD_OR_SMALL_CNN,
    )
    weight_decay: float | None = option(
        None,
        MODELS,
        "Weight decay; default: 0, and 0.05 for fine-tuning.",
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
    augment: Augment | None = option(
        None,
        MODELS,
        "Random crops and flips for the small CNN: each-epoch (the default), once or none. For "
        "fine-tuning: none, light (crops and flips, the default), medium (one more random change), "
        "strong (also erasing and mixing pictures).",
        use=ON_PICTURES,
    )
