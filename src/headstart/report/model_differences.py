"""How the models of a comparison differ: single pictures, ROC curves, accuracy against seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from headstart.arrays import BoolArray
from headstart.compare.comparison import Comparison
from headstart.evaluate.curves import RocCurve, roc_curve
from headstart.evaluate.predictions import Predictions
from headstart.images.source import ImageSource
from headstart.options import MAX_PIXELS
from headstart.report.plots import STYLES, Dot, Frame, Line, dot_plot, line_plot
from headstart.report.thumbnails import Thumbnail, thumbnail
from headstart.report.words import count, number, seconds

SHOWN = 6  # pictures of each model
UNIT = (-0.02, 1.02)


@dataclass(frozen=True)
class SameRows:
    """Answers of several models to the same pictures.

    Attributes:
        names: of the models.
        answers: of each model, n rows each in the same order.
        images: the pictures, (n,).
        words: which pictures these are.
        max_pixels: limit for a picture's size.
    """

    names: tuple[str, ...]
    answers: tuple[Predictions, ...]
    images: tuple[ImageSource, ...]
    words: str
    max_pixels: int = MAX_PIXELS


def same_rows(comparison: Comparison) -> SameRows | None:
    """The out-of-fold answers where every model has them, else those to the test pictures.

    None with fewer than two models.
    """
    done = [(e.spec.text, e.result) for e in comparison.entries if e.result is not None]
    if len(done) < 2:
        return None
    folds = [result.folds for _, result in done]
    images = comparison.data.table.images
    known = [fold.predictions for fold in folds if fold is not None]
    if len(known) == len(done):
        rows, words = range(len(images)), f"all {count(len(images), 'picture')}, out-of-fold"
    else:
        known = [result.test for _, result in done]
        rows, words = comparison.split.test.tolist(), count(len(known[0]), "test picture")
    limit = comparison.record.options.get("read", {}).get("max_pixels", MAX_PIXELS)
    return SameRows(
        names=tuple(name for name, _ in done),
        answers=tuple(known),
        images=tuple(images[row] for row in rows),
        words=words,
        max_pixels=limit,
    )


@dataclass(frozen=True)
class Telling:
    """One picture, its label, and what the models answered: (models, answer), right ones first."""

    name: str
    label: str
    answers: tuple[tuple[str, str, bool], ...]
    small: Thumbnail


@dataclass(frozen=True)
class Alone:
    """The pictures that one model alone gets right, or that none does."""

    title: str
    total: int
    pictures: tuple[Telling, ...]


def told_apart(same: SameRows) -> list[Alone]:
    """For each model the pictures that it alone gets right; last those that none does.

    The pictures of which the right model is surest, or the wrong ones are, come first.
    """
    right: BoolArray = np.stack([answers.correct for answers in same.answers])  # (models, n)
    scored = np.all([answers.scorable for answers in same.answers], axis=0)
    found = []
    for model, name in enumerate(same.names):
        rows = np.flatnonzero(scored & right[model] & (right.sum(axis=0) == 1))
        order = np.argsort(-same.answers[model].probability[rows], kind="stable")
        found.append(_alone(f"{name} alone gets {len(rows)} right", rows[order].tolist(), same))
    rows = np.flatnonzero(scored & ~right.any(axis=0))
    sureness = np.mean([answers.probability[rows] for answers in same.answers], axis=0)
    order = np.argsort(-sureness, kind="stable")
    found.append(_alone(f"{len(rows)} that no model gets right", rows[order].tolist(), same))
    return found


def _alone(title: str, rows: Sequence[int], same: SameRows) -> Alone:
    return Alone(title, len(rows), tuple(_telling(row, same) for row in rows[:SHOWN]))


def _telling(row: int, same: SameRows) -> Telling:
    label = (same.answers[0].truth or ())[row]
    models: dict[str, list[str]] = {}
    for name, answers in zip(same.names, same.answers, strict=True):
        models.setdefault(answers.predicted[row], []).append(name)
    given = sorted(models.items(), key=lambda item: item[0] != label)
    return Telling(
        name=same.answers[0].images[row],
        label=label,
        answers=tuple(
            ("all" if len(names) == len(same.names) else ", ".join(names), answer, answer == label)
            for answer, names in given
        ),
        small=thumbnail(same.images[row], max_pixels=same.max_pixels),
    )


def roc_drawing(same: SameRows) -> tuple[Markup, str] | None:
    """The ROC curves of all models in one drawing, with its caption.

    With two classes the second one is positive; with more, every pair of a picture and a class is
    a case, positive where the picture has the class (the micro-average). None where a class is
    missing among the labels.
    """
    classes = same.answers[0].classes
    curves = [(name, _roc(answers)) for name, answers in zip(same.names, same.answers, strict=True)]
    known = [(name, curve) for name, curve in curves if curve is not None]
    if len(known) < len(curves):
        return None
    best = sorted(known, key=lambda item: -item[1].auc)[: len(STYLES)]
    lines = [
        Line(f"{curve.auc:.3f}  {name}", curve.false_positive_rate.tolist(),
             curve.true_positive_rate.tolist())
        for name, curve in best
    ]  # fmt: skip
    frame = Frame(x_label="false positive rate", y_label="true positive rate", x_limits=UNIT,
                  y_limits=UNIT, height=320)  # fmt: skip
    areas = "; ".join(f"{name} {number(curve.auc)}" for name, curve in best)
    drawing = line_plot(lines, frame, name="all-roc", diagonal=True,
                        alt=f"ROC curves, area under each: {areas}.")  # fmt: skip
    about = (
        f"“{classes[1]}” counts as positive"
        if len(classes) == 2
        else "each class of each picture counts as a case (micro-average)"
    )
    left = len(known) - len(best)
    more = f" The {count(left, 'model')} of least area are left out." if left else ""
    return drawing, f"ROC for {same.words}, with the area under it: {about}.{more}"


def _roc(answers: Predictions) -> RocCurve | None:
    rows = np.flatnonzero(answers.scorable)
    truth, shares = answers.truth_index[rows], answers.probabilities[rows]
    if len(answers.classes) == 2:
        return roc_curve(truth == 1, shares[:, 1])
    cases = truth[:, None] == np.arange(len(answers.classes))
    return roc_curve(cases.ravel(), shares.ravel())


def cost_drawing(run: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[Markup, str] | None:
    """Accuracy against seconds, from names and rows of comparison.json; None without seconds."""
    dots = []
    for name, row in run:
        parts = [row["seconds_embed"], row["seconds_train"]]
        spent = sum(part for part in parts if part is not None)
        if row["accuracy"] is None or not spent > 0:
            continue
        kept = row["seconds_embed"] is not None and row["pictures_per_second"] is None
        dots.append(Dot(name, spent, row["accuracy"], row["accuracy_interval"],
                        hollow=kept and row.get("crops") is None))  # fmt: skip
    if len(dots) < 2:
        return None
    frame = Frame(x_label="seconds for features and training", y_label="test accuracy", height=260)
    words = "; ".join(f"{dot.label} {number(dot.y)} in {seconds(dot.x)}" for dot in dots)
    caption = "Test accuracy with its 95% interval against the seconds of this run."
    if any(dot.hollow for dot in dots):
        caption += " Hollow: the features were kept from an earlier run, whose seconds are missing."
    return dot_plot(dots, frame, name="cost", alt=f"Accuracy against seconds: {words}."), caption
