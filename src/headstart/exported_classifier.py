"""An exported model in Python, and loading whatever kind of model a path means.

Neither torch nor scikit-learn is imported for an exported one.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart.answering import AnsweringPictures
from headstart.data.label_values import restored_classes
from headstart.export.exported_model import is_exported, load_exported
from headstart.extras import explained
from headstart.images.address import on_disk
from headstart.options import MAX_PIXELS, MEMORY_LIMIT
from headstart.recipes.trained_model import TrainedModel

if TYPE_CHECKING:
    from headstart.classifier import ImageClassifier


class ExportedClassifier(AnsweringPictures):
    """A model in a file of `headstart export`, which answers as `ImageClassifier` does.

    It cannot be fitted or saved, and is no estimator of scikit-learn.

    Args:
        model: from `load_exported`.
        workers: threads that read pictures and answer them; None for one a core.
        cache: keep answers in the cache folder and use those kept there.
        max_pixels: largest picture in pixels; larger ones are refused.
        memory_limit: bytes for pictures that are read and decoded at the same time.

    Attributes:
        classes_: the classes in their own type, sorted, (k,).
        model_: the model.

    Example:
        >>> headstart.load("model.onnx").predict(["photo.jpg"])  # doctest: +SKIP
    """

    def __init__(
        self,
        model: TrainedModel,
        *,
        workers: int | None = None,
        cache: bool = True,
        max_pixels: int = MAX_PIXELS,
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        self.device = "cpu"
        self.runtime = "auto"
        self.workers = workers
        self.cache = cache
        self.max_pixels = max_pixels
        self.memory_limit = memory_limit
        values = restored_classes(model.classes, model.label_type or "text")
        self._hold(model, np.unique(np.array(values)))

    def _parameters(self) -> Collection[str]:
        return ("device", "workers", "cache", "max_pixels", "memory_limit")

    def _check_fitted(self) -> None:
        """It always is."""


def load(
    path: str | Path, *, device: str = "auto", runtime: str = "auto"
) -> ImageClassifier | ExportedClassifier:
    """The classifier in a model folder or in an exported file, by its name: model.onnx.

    A folder gives an `ImageClassifier`, as `headstart.classifier.load_folder` says, a file an
    `ExportedClassifier`; both answer pictures by `predict`, `predict_proba`, `predictions` and
    `score`.

    Raises ModelFolderError for anything else, MissingExtraError for a package that is not
    installed, and UsageError for a device or a runtime that cannot be had.
    """
    path = on_disk(path)
    if is_exported(path):
        return ExportedClassifier(load_exported(path, device=device, runtime=runtime))
    try:
        from headstart.classifier import load_folder
    except ModuleNotFoundError as error:
        raise explained(error) or error from error
    return load_folder(path, device=device, runtime=runtime)
