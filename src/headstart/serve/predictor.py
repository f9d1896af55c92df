"""What the server asks of a model, and the models that answer it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import Backbone
from headstart.backbones.preprocessing import Preprocessing
from headstart.errors import ImageError
from headstart.evaluate.predictions import Predictions
from headstart.explain.explain import explain_picture
from headstart.explain.explanation import Explanation
from headstart.export.exported_model import is_exported, open_model
from headstart.images.decode import decode_picture
from headstart.images.memory_budget import MemoryBudget
from headstart.images.source import ImageSource
from headstart.options import MAX_PIXELS, EmbedOptions
from headstart.recipes.trained_model import TrainedModel, answer_rows


class Predictor(Protocol):
    """Answers pictures. Several threads may ask at once.

    Attributes:
        classes: class names in stored order, (k,).
        batch: pictures that it likes to be asked at once.
        threads: threads that ask it side by side.
    """

    classes: tuple[str, ...]
    batch: int
    threads: int

    def predict(self, images: Sequence[ImageSource]) -> Predictions:
        """Answers in the order of `images`; a picture that cannot be read has its error."""

    def prepare_thread(self) -> None:
        """Called once by each thread that will ask."""

    def description(self) -> dict[str, Any]:
        """What a reader wants to know of the model, as JSON values under short headings."""

    def familiarity(self) -> dict[str, Any] | None:
        """How it is told that a picture is unlike what was learnt; None where it is not."""


@runtime_checkable
class Explainer(Protocol):
    """A predictor that can also say what an answer rests on."""

    def explain(self, image: ImageSource, class_name: str | None) -> Explanation:
        """What speaks for a class in a picture; None: for the predicted one.

        Raises ImageError for a picture that cannot be read.
        """


@dataclass(frozen=True)
class Computing:
    """Where and how a model computes, and the largest picture that it takes."""

    embed: EmbedOptions = EmbedOptions()
    max_pixels: int = MAX_PIXELS


class TrainedPredictor:
    """A model folder's model, on the path of `headstart predict`, without the cache.

    Nothing is kept of a picture, and its looks are not measured. Pictures are decoded within one
    budget of memory for all threads.
    """

    def __init__(self, model: TrainedModel, computing: Computing) -> None:
        self.model = model
        self.classes = model.classes
        self.threads = computing.embed.workers or os.cpu_count() or 1
        self.batch = computing.embed.embed_batch or model.backbone.usual_batch()
        self.prepare_thread = model.backbone.prepare_thread
        self._max_pixels = computing.max_pixels
        self._budget = MemoryBudget(computing.embed.memory_limit)

    def predict(self, images: Sequence[ImageSource]) -> Predictions:
        """Answers in the order of `images`. Raises UsageError when memory ends."""
        errors = [""] * len(images)
        found = [self._features(part, images, errors) for part in self.model.backbone.parts]
        values = np.concatenate(found, axis=1)
        names = tuple(image.name for image in images)
        return answer_rows(self.model, values, names, tuple(errors))

    def _features(
        self, backbone: Backbone, images: Sequence[ImageSource], errors: list[str]
    ) -> Float32Array:
        """One network's features (n, d); why a picture cannot be read is put into `errors`."""
        inputs: dict[int, ByteImage] = {}
        for row, image in enumerate(images):
            if errors[row]:
                continue
            try:
                inputs[row] = self._prepared(image, backbone.info.preprocessing)
            except ImageError as error:
                errors[row] = str(error)
        values = np.full((len(images), backbone.info.feature_size), np.nan, dtype=np.float32)
        if inputs:
            values[list(inputs)] = backbone.embed(np.stack(list(inputs.values())))
        return values

    def _prepared(self, image: ImageSource, steps: Preprocessing) -> ByteImage:
        with self._budget.share() as claim:
            decoded = decode_picture(
                image, minimum_side=steps.resize, max_pixels=self._max_pixels, claim=claim
            )
            return steps.prepare(decoded.image)

    def description(self) -> dict[str, Any]:
        """Backbone, head and what they compute in."""
        info = self.model.backbone.info
        return {
            "backbone": info.name,
            "layer": info.layer,
            "head": self.model.head.name,
            "weights": info.source,
            "precision": info.precision,
            "runtime": info.runtime,
            "input_size": info.preprocessing.size,
            "temperature": self.model.temperature,
        }

    def familiarity(self) -> dict[str, Any] | None:
        """How `familiar` is told, as `Familiarity.facts`; None where it is not."""
        known = self.model.familiarity
        return None if known is None else known.facts()


class ExplainingPredictor(TrainedPredictor):
    """A model folder's model that also says what an answer rests on."""

    def explain(self, image: ImageSource, class_name: str | None) -> Explanation:
        """The map and the pictures most like it. Raises ImageError; UsageError as `predict`."""
        return explain_picture(
            self.model, image, class_name, max_pixels=self._max_pixels, budget=self._budget
        )


def open_predictor(place: Path, computing: Computing) -> Predictor:
    """The predictor for a model's place. Raises ModelFolderError for what is no model.

    An exported model, which answers a hundred times for one explanation, explains nothing here:
    other requests would wait.
    """
    embed = computing.embed
    model = open_model(place, device=embed.device, runtime=embed.runtime)
    if is_exported(place):
        return TrainedPredictor(model, computing)
    return ExplainingPredictor(model, computing)
