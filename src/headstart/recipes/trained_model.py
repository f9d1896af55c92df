"""A backbone with its fitted head: pictures in, class probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import Float32Array, FloatArray
from headstart.backbones.backbone import Backbone
from headstart.data.dataset import ImageRecords
from headstart.data.label_values import LabelType
from headstart.evaluate.calibration import apply_temperature
from headstart.evaluate.predictions import Predictions
from headstart.features.embed import Features, embed_images
from headstart.heads.fitted_heads import FittedHead
from headstart.images.source import ImageSource
from headstart.options import MAX_PIXELS, EmbedOptions
from headstart.progress import QUIET, Progress


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
    """

    backbone: Backbone
    head: FittedHead
    classes: tuple[str, ...]
    temperature: float = 1.0
    label_type: LabelType | None = "text"

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
        records, features = embed_images(
            images, self.backbone, options, max_pixels=max_pixels, progress=progress
        )
        shown = names if names is not None else [image.name for image in images]
        return self.answer(records, features, shown, truth)

    def answer(
        self,
        records: ImageRecords,
        features: Features,
        names: Sequence[str],
        truth: Sequence[str] | None = None,
    ) -> Predictions:
        """Answers for features that are there already."""
        return Predictions(
            images=tuple(names),
            classes=self.classes,
            probabilities=answer_rows(self, features.values, records.errors),
            truth=tuple(truth) if truth is not None else None,
            errors=records.errors,
        )


def answer_rows(model: TrainedModel, values: Float32Array, errors: Sequence[str]) -> FloatArray:
    """Probabilities (n, k); NaN in the rows that have an error."""
    rows = np.array([not error for error in errors], dtype=np.bool_)
    answers = np.full((len(values), len(model.classes)), np.nan)
    if rows.any():
        answers[rows] = model.probabilities(values[rows])
    return answers
