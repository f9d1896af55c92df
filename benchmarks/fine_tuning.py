"""What fine-tuning is worth: against the frozen head, on photographs and on a hard drawn set.

    python benchmarks/fine_tuning.py [--set hard|TABLE] [--images FOLDER] [--ways all,norm]
                                     [--folds 5] [--parts 5] [--epochs 10] [--size 224]

For each way a fine-tuning is made in each fold, from the same frozen head, and answers the fold's
pictures; the frozen head that stands beside it has learnt from as many views. Prints a row of
Markdown a way as soon as it is measured: accuracy with its 95% interval, log loss, the paired
difference to the frozen head with its interval and p, and seconds of training a fold. `--parts`
is how many of the folds are really trained, where time is short.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.backbones.opening import open_backbone
from headstart.data.split import Split
from headstart.evaluate.metrics import measure
from headstart.evaluate.predictions import Predictions
from headstart.evaluate.significance import p_text, paired_difference
from headstart.options import FitOptions
from headstart.options.every_option import in_rooms
from headstart.recipes.data_preparation import choose_folds, prepare_data, read_labelled
from headstart.recipes.fine_tune import Tuner
from headstart.recipes.folds import predictions_of
from headstart.recipes.frozen import train_head
from headstart.recipes.tuning_defaults import usual_options
from headstart.recipes.tuning_record import parts_in_words
from headstart.samples.patterned_set import write_patterned

HARD_COUNT = 960
HEAD = "| way | accuracy [95%] | log loss | against frozen, points [95%] | p | s a fold |"


class Told:
    """Notes on the standard error."""

    def start(self, label: str, total: int) -> None:
        """Nothing."""

    def advance(self, steps: int = 1) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""

    def note(self, line: str) -> None:
        """Show a line."""
        print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--set", default="hard")
    parser.add_argument("--images", default=None)
    parser.add_argument("--ways", default="3,last-stage,all,norm")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--parts", type=int, default=None)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--size", type=int, default=None)
    given = parser.parse_args()
    values = {"recipe": "fine-tune", "folds": given.folds, "images": given.images}
    values |= {"epochs": given.epochs, "image_size": given.size, "device": "cpu"}
    options = usual_options(in_rooms(values))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(given.set)
        if given.set == "hard":
            source = write_patterned(Path(folder) / "hard", count=HARD_COUNT)
            images = str(source.parent / "images")
            options = replace(options, read=replace(options.read, images=images))
        measure_ways(source, options, given.ways.split(","), given.parts or given.folds)


def measure_ways(source: Path, options: FitOptions, ways: Sequence[str], parts: int) -> None:
    """A row for the frozen head, and one for each way."""
    told = Told()
    backbone = open_backbone(options.backbone, device="cpu")
    table = read_labelled(source, options.read, options.labels)
    data, features = prepare_data(table, backbone, options, told)
    folds = choose_folds(data, options.split)[:parts]
    held = np.concatenate([fold.test for fold in folds])
    tuner = Tuner(data, features, backbone, options, told)
    tuner.share(np.arange(len(data)), len(folds))
    print(f"{len(held)} pictures of {len(data)} answered, {len(data.classes)} classes, "
          f"{options.loop.epochs} epochs, {backbone.info.preprocessing.size} pixels\n\n{HEAD}"
          f"\n|{' --- |' * HEAD.count(' | ')} --- |", flush=True)  # fmt: skip
    began = time.perf_counter()
    probabilities = np.zeros((len(data), len(data.classes)))
    for fold in folds:
        model, _ = train_head(data, features, backbone, fold.train, tuner.frozen_options)
        probabilities[fold.test] = model.probabilities(features.values[fold.test])
        so_far("frozen", predictions_of(data, fold.test, probabilities[fold.test]))
    frozen = predictions_of(data, held, probabilities[held])
    show("frozen", frozen, frozen, (time.perf_counter() - began) / len(folds))
    for way in ways:
        tuner.options = replace(options, tune=replace(options.tune, unfreeze=way))
        tuner.measured.clear()
        measure_way(way, tuner, folds, frozen)


def measure_way(way: str, tuner: Tuner, folds: Sequence[Split], frozen: Predictions) -> None:
    """Fine-tune in each fold, and show the answers beside the frozen head's."""
    began = time.perf_counter()
    probabilities = np.zeros((len(tuner.data), len(tuner.data.classes)))
    words = ""
    for fold in folds:
        tuned = tuner.tune(fold.train)
        head = tuned.model.head.to_arrays()
        words = parts_in_words(tuned.parts, head["coef"].size + head["intercept"].size)
        probabilities[fold.test] = tuner.answers(tuned.model, fold.test)
        so_far(way, predictions_of(tuner.data, fold.test, probabilities[fold.test]))
    held = np.concatenate([fold.test for fold in folds])
    answers = predictions_of(tuner.data, held, probabilities[held])
    show(way, answers, frozen, (time.perf_counter() - began) / len(folds))
    print(words, file=sys.stderr)


def so_far(way: str, answers: Predictions) -> None:
    """One fold on the standard error, so that a run that is stopped has told what it found."""
    found = measure(answers)
    print(f"{way}: a fold has {found.accuracy:.4f}, log loss {found.log_loss:.4f}", file=sys.stderr)


def show(way: str, answers: Predictions, frozen: Predictions, seconds: float) -> None:
    """One row."""
    found = measure(answers)
    low, high = found.accuracy_interval or (0.0, 1.0)
    row = [way, f"{found.accuracy:.3f} [{low:.3f}, {high:.3f}]", f"{found.log_loss:.3f}"]
    if answers is frozen:
        row += ["", ""]
    else:
        gap = paired_difference(answers.correct, frozen.correct, answers.groups)
        ends = [f"{100 * end:+.1f}" for end in gap.interval]
        row += [f"{100 * gap.difference:+.1f} [{', '.join(ends)}]", p_text(gap.p_value)]
    print(f"| {' | '.join([*row, f'{seconds:.0f}'])} |", flush=True)


if __name__ == "__main__":
    main()
