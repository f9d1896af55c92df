"""The options of fine-tuning: how much of the backbone learns, how fast, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headstart.options.definition import AUTO, FINE_TUNING, FIT, MODELS, number, option, text

DEFAULT_MINUTES = 10.0


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """What of a pretrained backbone is trained."""

    unfreeze: str = option(
        "3",
        MODELS,
        "What of the backbone is trained: a number of stages from the last, last-stage, all, or "
        "norm (the normalisation layers).",
        rule=text(
            "last-stage, all, norm or a number of stages from 1",
            r"last-stage|all|norm|[1-9]\d{0,3}",
        ),
        use=FINE_TUNING,
    )
    layer_decay: float = option(
        0.9,
        MODELS,
        "Factor of the learning rate from each layer to the one before it; 1 for equal rates.",
        rule=number("above 0 and up to 1", lambda value: 0 < value <= 1),
        use=FINE_TUNING,
    )
    batch_norm: Literal["eval", "train"] = option(
        "eval",
        MODELS,
        "eval keeps the batch norms' statistics; train takes those of each batch, and needs "
        "batches of 16 or more.",
        use=FINE_TUNING,
    )
    minutes: float = option(
        DEFAULT_MINUTES,
        FIT,
        "The longest that --recipe auto or --backbone auto may take, in minutes.",
        rule=number("above 0 and finite", lambda value: value > 0),
        use=AUTO,
    )
