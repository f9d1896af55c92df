"""How well scores of unfamiliarity tell strangers from held-out pictures of a labelled set.

    python benchmarks/unfamiliar.py --table LABELS.csv --images DIR [--cases DIR]
        [--backbones NAME,NAME]

Strangers are drawn vehicles, noise, blanks, textures, and the pictures below --cases that can be
read, each content once. The set's own pictures are scored out-of-fold, by five folds, strangers by
what was fitted on all. Prints, for each backbone, the AUROC of each method in Markdown, that where
a class of the set is the stranger, and the share of strangers beyond the distance that 95 of 100
held-out pictures keep.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.metrics import roc_auc_score

from headstart.arrays import Float32Array, FloatArray, IntArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_backbone
from headstart.data.duplicates import find_duplicates
from headstart.data.read_table import read_table
from headstart.features.embed import embed_images
from headstart.heads.blas_threads import threads_for
from headstart.heads.familiarity import squares, to_length_one
from headstart.heads.familiarity_fit import fit_familiarity
from headstart.heads.inner_folds import inner_folds
from headstart.heads.linear import LinearHead
from headstart.images.source import image_sources, local_files
from headstart.options import DEFAULT_SEED, BackboneOptions, ReadOptions
from headstart.samples.drawn_set import SIDE, draw_picture

COUNT = 100  # strangers of each kind
FOLDS = 5
SUFFIXES = {".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic"}
Score = Callable[[Float32Array], FloatArray]  # features (n, d): the larger the stranger, (n,)
Fit = Callable[[Float32Array, IntArray], Score]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--cases", type=Path)
    parser.add_argument(
        "--backbones", default="tf_efficientnet_lite0,tf_efficientnet_lite1,tf_efficientnet_lite2"
    )
    given = parser.parse_args()
    table = read_table(given.table, ReadOptions(images=given.images))
    classes, codes = np.unique(np.array(table.labels), return_inverse=True)
    for name in given.backbones.split(","):
        backbone = open_backbone(BackboneOptions(backbone=name))
        records, features = embed_images(table.images, backbone)
        groups = find_duplicates(sha256=records.digests).group
        print(f"\n{name}, {backbone.info.precision}, {len(codes)} pictures\n", flush=True)
        show(features.values, codes, groups, dict(strangers(backbone, given.cases)), classes)


def show(
    X: Float32Array,
    codes: IntArray,
    groups: IntArray,
    others: dict[str, Float32Array],
    classes: Any,
) -> None:
    """One backbone's table."""
    left_out = [f"class {name} left out" for name in classes]
    print("| method | " + " | ".join([*others, *left_out]) + " | flagged |")
    print("| --- |" + " ---: |" * (len(others) + len(left_out) + 1))
    for name, fit in METHODS.items():
        own, whole = held_out(fit, X, codes, groups), fit(X, codes)
        scores = [whole(values) for values in others.values()]
        found = [area(own, theirs) for theirs in scores]
        for code in range(len(classes)):
            rows, out = codes != code, codes == code
            if len(classes) == 2 and name in NEED_CLASSES:
                found.append(float("nan"))
                continue
            known = held_out(fit, X[rows], codes[rows], groups[rows])
            found.append(area(known, fit(X[rows], codes[rows])(X[out])))
        limit = np.sort(own)[int(np.ceil(0.95 * (len(own) + 1))) - 1]
        flagged = float((np.concatenate(scores) > limit).mean())
        cells = ["" if np.isnan(value) else f"{value:.3f}" for value in (*found, flagged)]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    print(f"\nas it is built in, {kept_share(X, codes, groups)}")


def kept_share(X: Float32Array, codes: IntArray, groups: IntArray) -> str:
    """The share of rows with 0.05 or more that a fifth of the set has which was not fitted on."""
    shares = []
    for seed in range(20):
        random = np.random.RandomState(seed)
        test = inner_folds(codes, groups, random, FOLDS) == 0
        known = fit_familiarity(X[~test], codes[~test], groups[~test], seed)
        if known is not None:
            shares.append((known.of(X[test]) >= 0.05).mean())
    mean, spread = np.mean(shares), np.std(shares)
    return f"{mean:.3f} of held-out pictures are kept (20 draws of a fifth, deviation {spread:.3f})"


def area(own: FloatArray, theirs: FloatArray) -> float:
    """Chance that a stranger has the larger score."""
    truth = np.repeat([0, 1], [len(own), len(theirs)])
    return float(roc_auc_score(truth, np.concatenate([own, theirs])))


def held_out(fit: Fit, X: Float32Array, codes: IntArray, groups: IntArray) -> FloatArray:
    """Each row's score by what was fitted without its fold, (n,)."""
    folds = inner_folds(codes, groups, np.random.RandomState(DEFAULT_SEED), FOLDS)
    scores = np.empty(len(X))
    for fold in range(FOLDS):
        scores[folds == fold] = fit(X[folds != fold], codes[folds != fold])(X[folds == fold])
    return scores


def mahalanobis(X: Float32Array, codes: IntArray, *, length_one: bool) -> Score:
    """Lee et al. (2018): to the nearest class mean, by the covariance within the classes."""

    def prepared(rows: Float32Array) -> FloatArray:
        return to_length_one(rows) if length_one else rows.astype(np.float64)

    rows, kinds = prepared(X), np.unique(codes)
    means = np.stack([rows[codes == code].mean(axis=0) for code in kinds])
    within = rows - means[np.searchsorted(kinds, codes)]
    shrunk = ledoit_wolf_shrinkage(within, assume_centered=True)
    base, share = shrunk * (within**2).mean(), (1 - shrunk) / len(within)
    inner = np.linalg.inv(
        np.linalg.cholesky(share * within @ within.T + base * np.eye(len(within)))
    )
    turn = np.sqrt(share) * inner @ within  # the inverse is (I - turn.T @ turn) / base

    def score(asked: Float32Array) -> FloatArray:
        rows = prepared(asked)
        gaps = [squares(rows - mean) - squares((rows - mean) @ turn.T) for mean in means]
        return np.asarray(np.min(gaps, axis=0) / base)

    return score


def neighbours(X: Float32Array, codes: IntArray, *, k: int) -> Score:  # noqa: ARG001 - unlabelled
    """Sun et al. (2022): distance to the k-th nearest row, all at length 1."""
    known = to_length_one(X)
    return lambda asked: 1 - np.sort(to_length_one(asked) @ known.T, axis=1)[:, -k]


def head_score(X: Float32Array, codes: IntArray, *, energy: bool) -> Score:
    """Of the linear head: minus its energy (Liu et al. 2020), or minus its largest probability."""
    head = LinearHead(random_state=DEFAULT_SEED).fit(X, codes).fitted_

    def score(asked: Float32Array) -> FloatArray:
        if energy:
            return np.asarray(-np.logaddexp.reduce(head.logits(asked), axis=1))
        return np.asarray(-head.answer(asked).max(axis=1))

    return score


METHODS: dict[str, Fit] = {
    "Mahalanobis, length 1": partial(mahalanobis, length_one=True),
    "Mahalanobis": partial(mahalanobis, length_one=False),
    "nearest neighbour": partial(neighbours, k=1),
    "5th nearest": partial(neighbours, k=5),
    "10th nearest": partial(neighbours, k=10),
    "energy": partial(head_score, energy=True),
    "largest probability": partial(head_score, energy=False),
}
NEED_CLASSES = ("energy", "largest probability")


def strangers(backbone: Backbone, cases: Path | None) -> Iterator[tuple[str, Float32Array]]:
    """Features of each kind."""
    for kind, draw in KINDS.items():
        pictures = [draw(np.random.default_rng([number, COUNT]), number) for number in range(COUNT)]
        yield kind, embed_images(image_sources(pictures), backbone)[1].values
    if cases is None:
        return
    files = sorted(p for p in cases.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
    records, features = embed_images(local_files(files), backbone)
    _, first = np.unique(records.digests, return_index=True)
    yield "cases", features.values[[row for row in sorted(first) if not records.errors[row]]]


def drawn(rng: np.random.Generator, number: int) -> Any:
    """A vehicle of the drawn set."""
    return np.asarray(draw_picture(rng, emergency=bool(number % 2)))


def noise(rng: np.random.Generator, number: int) -> Any:
    """Squares of 1, 2, 4 or 8 pixels in random colours or greys, evenly or around one colour."""
    cell = 2 ** (number % 4)
    side = -(-SIDE // cell)
    squares = rng.integers(0, 256, (side, side, 1 if number // 4 % 3 == 1 else 3))
    if number // 4 % 3 == 2:
        shape = (side, side, 3)
        squares = np.clip(rng.normal(rng.uniform(60, 200, 3), rng.uniform(15, 70), shape), 0, 255)
    grown = np.kron(squares.astype(np.uint8), np.ones((cell, cell, 1), np.uint8))
    return np.broadcast_to(grown[:SIDE, :SIDE], (SIDE, SIDE, 3)).copy()


def blank(rng: np.random.Generator, number: int) -> Any:
    """One colour or grey, every third with a camera's noise."""
    colour = rng.integers(0, 256, 3 if number % 2 else 1)
    spread = 2.0 if number % 3 == 2 else 0.0
    return np.clip(colour + rng.normal(0, spread, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)


def texture(rng: np.random.Generator, number: int) -> Any:
    """Stripes, a chessboard, a ramp, waves or clouds between two colours, turned."""
    first, second = rng.integers(0, 256, (2, 3))
    period, angle = rng.uniform(4, 60), rng.uniform(0, np.pi)
    y, x = np.mgrid[:SIDE, :SIDE]
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    waves = np.sin(2 * np.pi * u / period), np.sin(2 * np.pi * v / period)
    kinds: list[Callable[[], Any]] = [
        lambda: waves[0] > 0,
        lambda: (np.floor(u / period) + np.floor(v / period)) % 2,
        lambda: u,
        lambda: waves[0] + waves[1],
        lambda: clouds(rng),
    ]
    heights = np.asarray(kinds[number % 5](), dtype=np.float64)
    heights = (heights - heights.min()) / (heights.max() - heights.min())
    return (first + (second - first) * heights[..., None]).astype(np.uint8)


def clouds(rng: np.random.Generator) -> FloatArray:
    """Noise of several sizes, the larger the stronger."""
    total = np.zeros((SIDE, SIDE))
    for power in range(2, 8):
        small = rng.standard_normal((2**power, 2**power)).astype(np.float32)
        grown = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        total += np.asarray(grown) / 2 ** (0.8 * power)
    return total


KINDS = {"drawn": drawn, "noise": noise, "blanks": blank, "textures": texture}

if __name__ == "__main__":
    with threads_for(1):
        main()
