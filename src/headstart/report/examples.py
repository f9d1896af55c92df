"""Pictures to look at: the most confidently wrong ones, and the least certain ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.audit.neighbours import nearest_rows, unit_rows
from headstart.errors import ImageError, UsageError
from headstart.evaluate.predictions import Predictions
from headstart.explain.explain import explain_picture
from headstart.heads.fitted_heads import FittedLinear
from headstart.images.source import ImageSource
from headstart.recipes.frozen import FitResult
from headstart.recipes.trained_model import TrainedModel
from headstart.report.thumbnails import Thumbnail, thumbnail, thumbnail_of

SHOWN = 12
NEAREST_SIDE = 96  # pixels
WHY_SIDE = 320  # of the map, which opens at twice the width of a picture


@dataclass(frozen=True)
class Nearest:
    """The most alike picture among those that were learnt from, with its label."""

    name: str
    label: str
    small: Thumbnail


@dataclass(frozen=True)
class Example:
    """One picture and its answer.

    Attributes:
        other: the given label where the answer is wrong, the second likeliest class where it is
            right; `other_probability` belongs to it.
        small: the picture itself, or why it cannot be shown.
        nearest: what the model knew that is most like it; None where it was not looked for.
        why: the picture with what speaks for the answer; None where it was not looked for.
    """

    name: str
    answer: str
    probability: float
    right: bool
    other: str
    other_probability: float
    small: Thumbnail
    nearest: Nearest | None = None
    why: Thumbnail | None = None

    @property
    def alt(self) -> str:
        """The picture in words."""
        given = "rightly" if self.right else f"given {self.other},"
        return f"{self.name}: {given} answered {self.answer} at {self.probability:.3f}"


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


def with_reasons(
    shown: Sequence[Example], images: Sequence[ImageSource], model: TrainedModel, max_pixels: int
) -> tuple[Example, ...]:
    """The examples with the exact map of what speaks for their answers in the model.

    As they are for a model without such a map, and for one whose network was not loaded in this run
    because all features were known: to load it takes longer than all else.
    """
    if not (model.backbone.is_started and isinstance(model.head, FittedLinear)):
        return tuple(shown)
    found = []
    for example, image in zip(shown, images, strict=True):
        try:
            reason = explain_picture(model, image, example.answer, "cam", max_pixels=max_pixels)
        except ImageError:
            found.append(example)
        except UsageError:  # layers after the pooling, or no map at all
            return tuple(shown)
        else:
            found.append(replace(example, why=thumbnail_of(reason.overlay(), WHY_SIDE)))
    return tuple(found)


def with_nearest(
    shown: Sequence[Example], rows: Sequence[int], result: FitResult, max_pixels: int
) -> tuple[Example, ...]:
    """The examples with the nearest picture that their answer's model learnt from.

    Args:
        shown: examples of the answers in `report.curves.evidence`, m.
        rows: which rows of the table they are, (m,).
        result: of the fit; one without features gives the examples as they are.
        max_pixels: limit for a picture's size.
    """
    if result.features is None:
        return tuple(shown)
    splits = (result.split,) if result.folds is None else result.folds.splits
    units = unit_rows(result.features.values)
    asked = np.array(rows, dtype=np.int64)
    nearest = np.full(len(asked), -1, dtype=np.int64)
    for split in splits:
        tested = np.flatnonzero(np.isin(asked, split.test))
        nearest[tested] = nearest_rows(units, asked[tested], split.train)[:, 0]
    table, labels = result.data.table, result.data.labels
    return tuple(
        replace(
            example,
            nearest=Nearest(
                table.ids[row],
                labels[row],
                thumbnail(table.images[row], side=NEAREST_SIDE, max_pixels=max_pixels),
            ),
        )
        if row >= 0
        else example
        for example, row in zip(shown, nearest.tolist(), strict=True)
    )
