"""How well each score of `headstart rank` on a sample foretells the order of the candidates.

    python -m benchmarks.ranking --table LABELS.csv --images DIR --backbones NAME@SIZE,...
    python -m benchmarks.ranking --drawn 720 --backbones NAME@SIZE,...

The truth is the accuracy over ten folds of all pictures. Each score is taken on stratified samples
of 100, 200 and 500 pictures, some draws each, and its order of the candidates is compared with the
truth's by Kendall's tau-b and Spearman's rho. Prints two tables in Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau, spearmanr

from headstart.arrays import FloatArray, IntArray
from headstart.backbones.opening import open_backbone
from headstart.data.dataset import Dataset
from headstart.data.image_table import ImageTable
from headstart.data.split import Split, stratified_folds
from headstart.features.embed import Features
from headstart.options import BackboneOptions, FitOptions, HeadOptions, LoopOptions, ReadOptions
from headstart.rank.candidate import Candidate, parse_candidates
from headstart.rank.ranking import stratified_order
from headstart.rank.transfer_scores import log_evidence, neighbour_accuracy, shrunk_h_score
from headstart.recipes.data_preparation import embed_again, prepare_data, read_labelled
from headstart.recipes.folds import out_of_folds
from headstart.recipes.head_choice import head_maker
from headstart.samples.patterned_set import write_patterned

SAMPLES = (100, 200, 500)
DRAWS = 3
FULL_FOLDS, SAMPLE_FOLDS = 10, 5
SEED = 13
Score = Callable[[Dataset, Features, IntArray], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument(
        "--drawn", type=int, help="pictures of the hard drawn set, in place of a table"
    )
    parser.add_argument(
        "--backbones", required=True, help="candidates, as `headstart rank` takes them"
    )
    parser.add_argument("--mirror", action="store_true", help="each of them mirrored too")
    given = parser.parse_args()
    candidates = parse_candidates(given.backbones, mirror=given.mirror)
    with tempfile.TemporaryDirectory() as folder:
        place, images = given.table, given.images
        if given.drawn:
            place = write_patterned(Path(folder), count=given.drawn)
            images = Path(folder) / "images"
        data, features = embedded(place, images, candidates)
    measure(data, dict(zip([one.text for one in candidates], features, strict=True)))


def embedded(
    place: Path, images: Path, candidates: tuple[Candidate, ...]
) -> tuple[Dataset, list[Features]]:
    """All rows, and each candidate's features of them."""
    options = FitOptions(read=ReadOptions(images=images))
    table: ImageTable = read_labelled(place, options.read)
    backbones = [open_backbone(one.options(BackboneOptions())) for one in candidates]
    data, first = prepare_data(table, backbones[0], options)
    rest = [embed_again(data, one, options, work="benchmark") for one in backbones[1:]]
    return data, [first, *rest]


def measure(data: Dataset, features: dict[str, Features]) -> None:
    """Print the truth, and how each score's order agrees with it."""
    everything = np.arange(len(data))
    truth = np.array(
        [folds_accuracy(FULL_FOLDS)(data, one, everything) for one in features.values()]
    )
    print(f"| candidate ({len(data)} pictures) | accuracy over {FULL_FOLDS} folds |")
    print("| --- | ---: |")
    for place in np.argsort(-truth, kind="stable"):
        print(f"| {list(features)[place]} | {truth[place]:.3f} |")
    print()
    print("| score | " + " | ".join(f"{size} pictures: tau, rho" for size in SAMPLES) + " |")
    print("| --- |" + " ---: |" * len(SAMPLES))
    scores: dict[str, Score] = {
        f"accuracy of {SAMPLE_FOLDS} folds": folds_accuracy(SAMPLE_FOLDS),
        "LogME": lambda d, f, rows: log_evidence(f.values[rows], codes(d, rows)),
        "H-score": lambda d, f, rows: shrunk_h_score(f.values[rows], codes(d, rows)),
        "5 nearest": lambda d, f, rows: neighbour_accuracy(
            f.values[rows], codes(d, rows), data.groups[rows]
        ),
    }
    for name, score in scores.items():
        cells = [agreement(data, features, truth, score, size) for size in SAMPLES]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def agreement(
    data: Dataset, features: dict[str, Features], truth: FloatArray, score: Score, size: int
) -> str:
    """Mean rank correlations over the draws, and the lowest and highest tau."""
    if size > len(data):
        return "too few"
    found = []
    for draw in range(DRAWS):
        rows = np.sort(stratified_order(data.labels, SEED + draw)[:size])
        values = [score(data, one, rows) for one in features.values()]
        found.append((kendalltau(values, truth).statistic, spearmanr(values, truth).statistic))
    taus, rhos = np.nan_to_num(np.array(found, dtype=np.float64)).T
    return f"{taus.mean():.2f} ({taus.min():.2f} to {taus.max():.2f}), {rhos.mean():.2f}"


def codes(data: Dataset, rows: IntArray) -> IntArray:
    """Classes of some rows as 0 to k - 1."""
    return np.unique(data.targets[rows], return_inverse=True)[1]


def folds_accuracy(folds: int) -> Score:
    """Share of right out-of-fold answers of the linear head."""
    make = head_maker(HeadOptions(), LoopOptions(), SEED)

    def score(data: Dataset, features: Features, rows: IntArray) -> float:
        labels = [data.labels[row] for row in rows]
        parts = stratified_folds(labels, folds=folds, seed=SEED, groups=data.groups_of(rows))
        within = [Split(rows[part.train], rows[part.test]) for part in parts]
        answers = out_of_folds(data, features, within, make)
        return float((answers[rows].argmax(axis=1) == data.targets[rows]).mean())

    return score


if __name__ == "__main__":
    main()
