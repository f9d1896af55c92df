"""How many flipped labels are found, and how many of those flagged were flipped.

    python benchmarks/wrong_labels.py --table LABELS.csv --images DIR [--backbone NAME]
        [--share 0.05] [--draws 10]

A share of the labels is flipped to another class at seeded random; out-of-fold probabilities of
the linear head go into confident learning. Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from headstart.arrays import IntArray
from headstart.audit.wrong_labels import WrongLabel, find_wrong_labels, label_scores
from headstart.backbones.opening import open_backbone
from headstart.data.dataset import Dataset
from headstart.data.split import stratified_folds
from headstart.evaluate.intervals import wilson
from headstart.evaluate.predictions import Predictions
from headstart.features.embed import Features
from headstart.heads.linear import LinearHead
from headstart.options import (
    DEFAULT_BACKBONE,
    BackboneOptions,
    FitOptions,
    ReadOptions,
)
from headstart.recipes.data_preparation import prepare_data, read_labelled
from headstart.recipes.folds import cross_validate

FOLDS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE)
    parser.add_argument("--share", type=float, default=0.05, help="share of labels to flip")
    parser.add_argument("--draws", type=int, default=10)
    given = parser.parse_args()
    data, features = load(given.table, given.images, given.backbone)
    answers = out_of_fold(data, features, 13)
    own = find_wrong_labels(answers)
    wrong = int((~answers.correct).sum())
    print(f"{len(data)} pictures, {len(data.classes)} classes; nothing flipped: {wrong} answered")
    print(f"otherwise than labelled, {len(own)} flagged\n")
    show(own)
    measure((data, features), own, given.share, given.draws)


def load(table: Path, images: Path, backbone: str) -> tuple[Dataset, Features]:
    read = ReadOptions(images=images)
    opened = open_backbone(BackboneOptions(backbone=backbone))
    return prepare_data(read_labelled(table, read), opened, FitOptions(read=read))


def out_of_fold(data: Dataset, features: Features, seed: int) -> Predictions:
    folds = stratified_folds(data.labels, folds=FOLDS, seed=seed, groups=data.groups)
    make = partial(LinearHead, random_state=seed)
    return cross_validate(data, features, folds, make).predictions


def flipped(data: Dataset, share: float, seed: int) -> tuple[Dataset, IntArray]:
    """The data with labels moved to another class, and the rows where."""
    rng = np.random.default_rng(seed)
    n, k = len(data), len(data.classes)
    rows = np.sort(rng.choice(n, round(share * n), replace=False))
    targets = data.targets.copy()
    targets[rows] = (targets[rows] + rng.integers(1, k, len(rows))) % k
    labels = tuple(data.classes[target] for target in targets)
    return replace(data, targets=targets, table=replace(data.table, labels=labels)), rows


def show(found: tuple[WrongLabel, ...]) -> None:
    print("| picture | label | likelier | p(label) | p(likelier) |")
    print("| --- | --- | --- | ---: | ---: |")
    for item in found:
        print(
            f"| {item.image} | {item.given} | {item.likelier} | {item.p_given:.3f} | "
            f"{item.p_likelier:.3f} |"
        )


def measure(
    loaded: tuple[Dataset, Features], own: tuple[WrongLabel, ...], share: float, draws: int
) -> None:
    data, features = loaded
    print("\n| seed | flipped | flagged | of these flipped | precision | recall | least fitting |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    totals = np.zeros(5, dtype=np.int64)
    known = {item.row for item in own}
    began = time.perf_counter()
    for seed in range(draws):
        changed, rows = flipped(data, share, seed)
        answers = out_of_fold(changed, features, seed)
        flagged = {item.row for item in find_wrong_labels(answers)}
        hits = len(flagged & set(rows.tolist()))
        worst = np.argsort(label_scores(answers), kind="stable")[: len(rows)]
        top = int(np.isin(worst, rows).sum())
        doubted = len(flagged & known - set(rows.tolist()))
        totals += (len(rows), len(flagged), hits, top, doubted)
        print(
            f"| {seed} | {len(rows)} | {len(flagged)} | {hits} | {hits / len(flagged):.2f} | "
            f"{hits / len(rows):.2f} | {top / len(rows):.2f} |"
        )
    planted, found, hits, top, doubted = totals.tolist()
    print(
        f"| all | {planted} | {found} | {hits} | {hits / found:.2f} | {hits / planted:.2f} | "
        f"{top / planted:.2f} |"
    )
    print("\n'least fitting': share of flipped labels among as many labels of the lowest score.")
    print(f"Precision {between(hits, found)}, recall {between(hits, planted)} (95% intervals).")
    print(f"Flags on labels that were in doubt before flipping: {doubted} of {found}.")
    print(f"{(time.perf_counter() - began) / draws:.1f} s a draw.")


def between(hits: int, n: int) -> str:
    low, high = wilson(hits, n) or (0.0, 1.0)
    return f"{hits / n:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
