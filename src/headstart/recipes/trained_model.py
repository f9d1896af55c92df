"""A backbone with its fitted head: pictures in, class probabilities out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from headstart.arrays import Float32Array, FloatArray
from headstart.backbones.backbone import Backbone
from headstart.data.dataset import ImageRecords
from headstart.data.label_values import LabelType
from headstart.evaluate.calibration import apply_temperature
from headstart.evaluate.predictions import Predictions, joined
from headstart.features.embed import Features, embed_images
from headstart.features.recent import Recent
from headstart.heads.familiarity import Familiar, is_unfamiliar
from headstart.heads.fitted_heads import FittedHead
from headstart.heads.standardisation import BLOCK
from headstart.images.picture_warnings import UNFAMILIAR, picture_warnings
from headstart.images.source import ImageSource
from headstart.options import MAX_PIXELS, EmbedOptions
from headstart.progress import QUIET, Progress
from headstart.recipes.training_examples import Examples

ROWS_PART = 8  # of the memory limit, an eighth is for the features of a block of rows


@dataclass(frozen=True)
class TrainedModel:
    """All that answers for a picture.

    Attributes:
        backbone: the frozen backbone.
        head: the fitted head; its classes are in the order of `classes`.
        classes: class names in stored order, (k,).
        temperature: the calibration temperature, which divides the log probabilities; 1 leaves
            them as the head gave them.
        label_type: what the labels were in Python before they became text; None for a model that
            was saved before this was kept.
        examples: pictures that it learnt from, to name those most like another; None for a model
            that keeps none.
        familiarity: tells how familiar a picture is; None where nothing does.
    """

    backbone: Backbone
    head: FittedHead
    classes: tuple[str, ...]
    temperature: float = 1.0
    label_type: LabelType | None = "text"
    familiarity: Familiar | None = None
    examples: Examples | None = field(default=None, kw_only=True, compare=False)

    def probabilities(self, features: Float32Array | FloatArray) -> FloatArray:
        """Class probabilities (n, k) for features (n, d)."""
        return apply_temperature(self.head.predict_proba(features), self.temperature)

    def predict(
        self,
        images: Sequence[ImageSource],
        *,
        names: Sequence[str] | None = None,
        truth: Sequence[str] | None = None,
        options: EmbedOptions | None = None,
        max_pixels: int = MAX_PIXELS,
        progress: Progress = QUIET,
    ) -> Predictions:
        """Answers in the order of `images`; a picture that cannot be read has its error."""
        rows = self.block_rows(options or EmbedOptions())
        shown = names if names is not None else [image.name for image in images]
        parts = [
            (images[start : start + rows], shown[start : start + rows])
            for start in range(0, max(1, len(images)), rows)
        ]
        answered = self.predict_blocks(
            parts, len(images), options=options, max_pixels=max_pixels, progress=progress
        )
        return replace(joined(list(answered)), truth=None if truth is None else tuple(truth))

    def block_rows(self, options: EmbedOptions) -> int:
        """Pictures that are answered at once: those of one of the head's own blocks, if they fit.

        So the answers are equal to the bit, however many pictures there are.
        """
        most = options.memory_limit // (ROWS_PART * 4 * self.backbone.info.feature_size)
        return max(1, min(BLOCK, most))

    def predict_blocks(
        self,
        blocks: Iterable[tuple[Sequence[ImageSource], Sequence[str]]],
        total: int,
        *,
        options: EmbedOptions | None = None,
        max_pixels: int = MAX_PIXELS,
        progress: Progress = QUIET,
    ) -> Iterator[Predictions]:
        """Answers block by block, so that memory does not grow with the pictures.

        Args:
            blocks: pictures with their names, `block_rows` of them but for the last.
            total: all pictures, as far as it is known.
            options: how they are embedded.
            max_pixels: largest picture.
            progress: told of all blocks as of one piece of work.
        """
        options = options or EmbedOptions()
        recent = Recent(options.memory_limit // ROWS_PART) if total > BLOCK else None
        inner = _OneWork(progress)
        progress.start("reading pictures", total)
        try:
            for images, names in blocks:
                records, features = embed_images(
                    images,
                    self.backbone,
                    options,
                    max_pixels=max_pixels,
                    progress=inner,
                    recent=recent,
                )
                yield self.answer(records, features, names)
        finally:
            progress.stop()

    def answer(
        self,
        records: ImageRecords,
        features: Features,
        names: Sequence[str],
        truth: Sequence[str] | None = None,
    ) -> Predictions:
        """Answers for features that are there already."""
        answers = answer_rows(self, features.values, tuple(names), records.errors)
        alone = (() if item is None else picture_warnings(item) for item in records.statistics)
        warnings = tuple(
            "; ".join((*lines, *far))
            for lines, far in zip(alone, unfamiliar_words(answers), strict=True)
        )
        return replace(answers, truth=tuple(truth) if truth is not None else None,
                       warnings=warnings)  # fmt: skip


def answer_rows(
    model: TrainedModel, values: Float32Array, names: tuple[str, ...], errors: tuple[str, ...]
) -> Predictions:
    """Answers for features (n, d), of which those in rows that have an error do not count."""
    rows = np.array([not error for error in errors], dtype=np.bool_)
    answers = np.full((len(values), len(model.classes)), np.nan)
    familiar = None if model.familiarity is None else np.full(len(values), np.nan)
    if rows.any():
        answers[rows] = model.probabilities(values[rows])
        if model.familiarity is not None and familiar is not None:
            familiar[rows] = model.familiarity.of(values[rows])
    return Predictions(names, model.classes, answers, None, errors, familiar=familiar)


def unfamiliar_words(answers: Predictions) -> list[tuple[str, ...]]:
    """For each row, () or what is said of a picture that is unlike what was learnt."""
    if answers.familiar is None:
        return [()] * len(answers)
    return [(UNFAMILIAR,) if is_far else () for is_far in is_unfamiliar(answers.familiar)]


class _OneWork:
    """Progress of the blocks of one piece of work, each line of notes told once."""

    def __init__(self, whole: Progress) -> None:
        self._whole = whole
        self._told: set[str] = set()

    def start(self, label: str, total: int) -> None:
        """The whole has begun already."""

    def advance(self, steps: int = 1) -> None:
        """Some steps are done."""
        self._whole.advance(steps)

    def stop(self) -> None:
        """The whole goes on."""

    def note(self, line: str) -> None:
        """A line that the user should read."""
        if line not in self._told:
            self._told.add(line)
            self._whole.note(line)
