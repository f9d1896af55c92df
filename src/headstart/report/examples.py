"""Pictures to look at: the most confidently wrong ones, and the least certain ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.evaluate.predictions import Predictions
from headstart.images.source import ImageSource
from headstart.report.thumbnails import Thumbnail, thumbnail

SHOWN = 12


@dataclass(frozen=True)
class Example:
    """One picture and its answer.

    Attributes:
        other: the given label where the answer is wrong, the second likeliest class where it is
            right; `other_probability` belongs to it.
        small: the picture itself, or why it cannot be shown.
    """

    name: str
    answer: str
    probability: float
    right: bool
    other: str
    other_probability: float
    small: Thumbnail


def wrong_rows(answers: Predictions) -> list[int]:
    """Scored rows with a wrong answer, the most confident first."""
    wrong = np.flatnonzero(answers.scorable & ~answers.correct)
    order = np.argsort(-answers.probability[wrong], kind="stable")
    return [int(row) for row in wrong[order]]


def uncertain_rows(answers: Predictions) -> list[int]:
    """Scored rows, first those whose two likeliest classes are closest."""
    rows = np.flatnonzero(answers.scorable)
    best = np.sort(answers.probabilities[rows], axis=1)
    order = np.argsort(best[:, -1] - best[:, -2], kind="stable")
    return [int(row) for row in rows[order]]


def examples(
    answers: Predictions, images: Sequence[ImageSource], rows: Sequence[int], max_pixels: int
) -> tuple[Example, ...]:
    """These rows of the answers as examples; `images` belong to the answers, (n,)."""
    return tuple(_example(answers, images[row], row, max_pixels) for row in rows)


def _example(answers: Predictions, image: ImageSource, row: int, max_pixels: int) -> Example:
    shares = answers.probabilities[row]
    answer, second = np.argsort(-shares, kind="stable")[:2]
    right = bool(answers.correct[row])
    other = second if right else answers.truth_index[row]
    return Example(
        name=answers.images[row],
        answer=answers.classes[answer],
        probability=float(shares[answer]),
        right=right,
        other=answers.classes[other],
        other_probability=float(shares[other]),
        small=thumbnail(image, max_pixels=max_pixels),
    )
