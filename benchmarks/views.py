"""Whether augmented views of the training pictures make the linear head better.

    python -m benchmarks.views --table LABELS.csv --images DIR [--backbones NAME,NAME] [--folds 10]

For each backbone the head is fitted on the training rows of the same folds with K = 0, 1, 2, 4, 8
augmented views; the test rows are never augmented. Prints a table in Markdown. Differences are to
K = 0 on the same folds, with the corrected resampled t test. The times of embedding are those of
an empty cache; a backbone whose views are in the cache already has none.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from benchmarks.corrected_t import corrected_t_test

from headstart.backbones.opening import open_backbone
from headstart.data.dataset import Dataset
from headstart.data.split import Split
from headstart.evaluate.intervals import corrected_standard_error
from headstart.evaluate.metrics import Metrics
from headstart.evaluate.significance import p_words
from headstart.features.embed import Features
from headstart.options import (
    DEFAULT_BACKBONE,
    BackboneOptions,
    EmbedOptions,
    FitOptions,
    HeadOptions,
    LoopOptions,
    ReadOptions,
    SplitOptions,
)
from headstart.recipes.data_preparation import choose_folds, prepare_data, read_labelled
from headstart.recipes.folds import cross_validate
from headstart.recipes.head_choice import head_maker

VIEWS = (0, 1, 2, 4, 8)
SEED = 13


@dataclass(frozen=True)
class Measured:
    """The folds of one backbone with K views, and the seconds of embedding and fitting."""

    views: int
    metrics: tuple[Metrics, ...]
    embedding: float | None
    fitting: float

    @property
    def accuracies(self) -> list[float]:
        return [known(m.accuracy) for m in self.metrics]

    @property
    def log_losses(self) -> list[float]:
        return [known(m.log_loss) for m in self.metrics]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--backbones", default=DEFAULT_BACKBONE, help="names with commas between")
    parser.add_argument("--folds", type=int, default=10)
    given = parser.parse_args()
    print("| backbone | K | accuracy | log loss | accuracy, difference to K = 0 | "
          "log loss, difference to K = 0 | embedding | fits |")  # fmt: skip
    print("| --- | ---: | ---: | ---: | --- | --- | ---: | ---: |")
    for name in given.backbones.split(","):
        measure(name, given.table, ReadOptions(images=given.images), given.folds)


def measure(name: str, source: Path, read: ReadOptions, count: int) -> None:
    """Print the rows of one backbone."""
    backbone = open_backbone(BackboneOptions(backbone=name))
    table = read_labelled(source, read)
    side = backbone.info.preprocessing.size
    backbone.embed(np.zeros((2, side, side, 3), dtype=np.uint8))  # loads the network
    options = SplitOptions(folds=count)
    seconds: list[float | None] = []
    for views in VIEWS:  # each pass adds the views that are new
        chosen = FitOptions(read=read, embed=EmbedOptions(views=views), split=options)
        data, features = prepare_data(table, backbone, chosen)
        new = features.computed >= len(set(data.digests))
        seconds.append(features.seconds if new else None)
    folds = choose_folds(data, options)
    results: list[Measured] = []
    for number, views in enumerate(VIEWS):
        passes = seconds[: number + 1]
        embedding = None if None in passes else math.fsum(s for s in passes if s is not None)
        fewer = replace(features, views=features.views[:, :views])
        results.append(fit(data, fewer, folds, embedding))
        print(row(name, results[-1], results[0], folds), flush=True)


def fit(data: Dataset, features: Features, folds: list[Split], embedding: float | None) -> Measured:
    """Cross-validate on the pictures and their views."""
    began = time.perf_counter()
    result = cross_validate(data, features, folds, head_maker(HeadOptions(), LoopOptions(), SEED))
    views = features.views.shape[1]
    return Measured(views, result.metrics, embedding, time.perf_counter() - began)


def row(backbone: str, own: Measured, plain: Measured, folds: list[Split]) -> str:
    """One line of the table."""
    cells = [backbone, str(own.views)]
    cells += [spread(own.accuracies, folds), spread(own.log_losses, folds)]
    if own.views:
        pairs = ((own.accuracies, plain.accuracies), (own.log_losses, plain.log_losses))
        cells += [difference(mine, other, folds) for mine, other in pairs]
    else:
        cells += ["", ""]
    cells += ["cached" if own.embedding is None else f"{own.embedding:.0f} s"]
    return "| " + " | ".join([*cells, f"{own.fitting:.1f} s"]) + " |"


def mean_rows(folds: list[Split]) -> tuple[float, float]:
    train = sum(len(fold.train) for fold in folds) / len(folds)
    return train, sum(len(fold.test) for fold in folds) / len(folds)


def spread(values: Sequence[float], folds: list[Split]) -> str:
    mean, error = (
        math.fsum(values) / len(values),
        corrected_standard_error(values, *mean_rows(folds)),
    )
    return f"{mean:.3f}" if error is None else f"{mean:.3f} ± {error:.3f}"


def difference(mine: Sequence[float], other: Sequence[float], folds: list[Split]) -> str:
    """Mean difference over the folds, its 95% interval and p."""
    gaps = [a - b for a, b in zip(mine, other, strict=True)]
    found = corrected_t_test(gaps, *mean_rows(folds))
    if found.interval is None or found.p_value is None:
        return f"{found.mean:+.3f}"
    low, high = found.interval
    return f"{found.mean:+.3f} ({low:+.3f} to {high:+.3f}), {p_words(found.p_value)}"


def known(value: float | None) -> float:
    if value is None:
        raise ValueError("a fold has no test rows")
    return value


if __name__ == "__main__":
    main()
