"""What fine-tuning does where nothing else is asked for; docs/fine-tuning.md says what for."""

from __future__ import annotations

from dataclasses import replace

from headstart.options import FitOptions

EPOCHS = 10
RATE = 5e-4
WEIGHT_DECAY = 0.05
MOST_VIEWS = 4  # of each picture for phase one, where nobody says how many


def usual_options(options: FitOptions) -> FitOptions:
    """The options with fine-tuning's own defaults where nothing was asked for."""
    loop = options.loop
    epochs = EPOCHS if loop.epochs is None else loop.epochs
    augment = loop.augment or "light"
    views = options.embed.views or (0 if augment == "none" else min(epochs, MOST_VIEWS))
    loop = replace(
        loop,
        epochs=epochs,
        learning_rate=RATE if loop.learning_rate is None else loop.learning_rate,
        weight_decay=WEIGHT_DECAY if loop.weight_decay is None else loop.weight_decay,
        augment=augment,
        keep=loop.keep or "best",
    )
    return replace(options, loop=loop, embed=replace(options.embed, views=views))
