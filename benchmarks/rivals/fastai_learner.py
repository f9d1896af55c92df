"""fastai's `vision_learner` with its body frozen."""

from __future__ import annotations

from typing import Any

import pandas as pd
from benchmarks.rivals.clock import NAME, Clock, given, read_tables
from fastai.vision.all import (
    Callback,
    ImageDataLoaders,
    Resize,
    accuracy,
    set_seed,
    vision_learner,
)


class Teller(Callback):  # type: ignore[misc, unused-ignore]
    """Tells the accuracy after each epoch."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def after_epoch(self) -> None:
        """Called by fastai; its recorder has been there before."""
        self.clock.tell(self.recorder.values[-1][-1], epoch=self.epoch + 1)

    order = 60  # behind the recorder


def main() -> None:
    """Tell the accuracy after each epoch."""
    clock = Clock("fastai", "torch")
    folder, weights, epochs = given()
    set_seed(0)
    teller: list[Any] = [Teller(clock)]
    # What a user writes
    train, test = read_tables(folder)
    table = pd.concat([train.assign(is_valid=False), test.assign(is_valid=True)])
    data = ImageDataLoaders.from_df(
        table, path="/", fn_col="path", label_col="label", valid_col="is_valid",
        item_tfms=Resize(224), bs=32,
    )  # fmt: skip
    file = {"file": str(weights)}
    learner = vision_learner(data, NAME, metrics=accuracy, pretrained_cfg_overlay=file)
    learner.fit_one_cycle(epochs, cbs=teller)
    # End


if __name__ == "__main__":
    main()
