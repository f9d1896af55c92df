"""The scikit-learn classifier: pictures in, classes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, get_args, get_type_hints

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from headstart.arrays import FloatArray
from headstart.backbones.opening import FILE_SOURCE, RANDOM_SOURCE
from headstart.data.image_table import class_order
from headstart.embedder import ImageEmbedder, OnBackbone
from headstart.errors import DataError, UsageError
from headstart.evaluate.predictions import Predictions
from headstart.inputs import Paths, as_labels, as_paths
from headstart.model_dir import WEIGHTS_FILE, load_model, save_model
from headstart.options import DEFAULT_BACKBONE, DEFAULT_SEED, HeadOptions, LoopOptions
from headstart.recipes.head_choice import head_maker
from headstart.recipes.trained_model import TrainedModel

__all__ = ["ImageClassifier", "ImageEmbedder", "load"]


class ImageClassifier(ClassifierMixin, OnBackbone):
    """A picture classifier: a frozen pretrained backbone with a head fitted on its features.

    Labels are text, as everywhere in this program: `predict` answers with `str(label)`.

    Args:
        backbone: name of the backbone, any of timm's.
        head: "linear", "svm", "knn" or "mlp".
        C: inverse strength of the penalty of the linear head or SVM; None chooses it by folds
            within the training rows.
        class_weight: "none" or "balanced".
        weights, layer, image_size, random_weights, precision: see `BackboneOptions`.
        device, workers, cache: see `EmbedOptions`.
        random_state: seed of everything random.

    Attributes:
        classes_: class names in stored order, (k,).
        model_: the backbone with its fitted head.

    Example:
        >>> classifier = ImageClassifier().fit(paths, labels)  # doctest: +SKIP
        >>> classifier.predict(["photo.jpg"])  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter named here
        self,
        backbone: str = DEFAULT_BACKBONE,
        *,
        head: str = "linear",
        C: float | None = None,
        class_weight: str = "none",
        weights: str | Path | None = None,
        layer: str = "pooled",
        image_size: int | None = None,
        random_weights: bool = False,
        precision: str = "auto",
        device: str = "auto",
        workers: int | None = None,
        cache: bool = True,
        random_state: int = DEFAULT_SEED,
    ) -> None:
        self.backbone = backbone
        self.head = head
        self.C = C
        self.class_weight = class_weight
        self.weights = weights
        self.layer = layer
        self.image_size = image_size
        self.random_weights = random_weights
        self.precision = precision
        self.device = device
        self.workers = workers
        self.cache = cache
        self.random_state = random_state

    def fit(self, X: Paths, y: Any) -> Self:
        """Learn from n pictures and their labels, (n,) or (n, 1).

        Raises UsageError for a parameter that is not allowed, DataError for pictures and labels
        that cannot be used.
        """
        make = head_maker(self._head_options(), LoopOptions(), self.random_state)
        paths = as_paths(X)
        if not paths:
            raise DataError("there are no pictures to learn from")
        labels = as_labels(y, len(paths))
        classes = class_order(labels)
        if len(classes) < 2:
            raise DataError(
                f"one class only ({', '.join(classes)}); a classifier needs two or more"
            )
        backbone = self._open()
        features = self._embed(backbone, paths)
        position = {name: number for number, name in enumerate(classes)}
        head = make().fit(features, [position[label] for label in labels])
        return self._hold(TrainedModel(backbone, head, classes))

    def _head_options(self) -> HeadOptions:
        allowed = get_args(get_type_hints(HeadOptions)["class_weight"])
        if self.class_weight not in allowed:
            raise UsageError(
                f"class_weight is {self.class_weight!r}; allowed are {', '.join(allowed)}"
            )
        return HeadOptions(
            head=self.head,  # type: ignore[arg-type]  # checked by head_maker
            C=self.C,
            class_weight=self.class_weight,  # type: ignore[arg-type]  # checked above
        )

    def _hold(self, model: TrainedModel) -> Self:
        self.model_ = model
        self.classes_ = np.array(model.classes)
        return self

    def predict(self, X: Paths) -> npt.NDArray[Any]:
        """Class names (n,) in the order of X. Raises BadInputsError for unreadable pictures."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def predict_proba(self, X: Paths) -> FloatArray:
        """Probabilities (n, k), columns as in `classes_`. Raises BadInputsError as `predict`."""
        check_is_fitted(self, "model_")
        features = self._embed(self.model_.backbone, X)
        if not len(features):
            return np.empty((0, len(self.classes_)))
        return self.model_.probabilities(features)

    def predictions(self, X: Paths, y: Any = None) -> Predictions:
        """Answers in the order of X; an unreadable picture has its error in its row.

        Raises DataError for labels that are missing or do not fit the pictures.
        """
        check_is_fitted(self, "model_")
        paths = as_paths(X)
        truth = None if y is None else as_labels(y, len(paths))
        names = [str(path) for path in X]
        return self.model_.predict(paths, names=names, truth=truth, options=self._embed_options())

    def score(self, X: Paths, y: Any, sample_weight: Any = None) -> float:
        """Share of right answers among n pictures with labels (n,) or (n, 1).

        Raises DataError for no pictures at all, and for labels or weights that do not fit them.
        """
        paths = as_paths(X)
        if not paths:
            raise DataError("there are no pictures to score")
        labels = as_labels(y, len(paths))
        if sample_weight is not None and np.shape(sample_weight) != (len(paths),):
            raise DataError(
                f"sample_weight has the shape {np.shape(sample_weight)}, expected ({len(paths)},)"
            )
        return float(np.average(self.predict(paths) == np.array(labels), weights=sample_weight))

    def save(self, folder: str | Path) -> None:
        """Write a complete model folder that `headstart.load` and `headstart predict` read."""
        check_is_fitted(self, "model_")
        save_model(self.model_, Path(folder))


def load(folder: str | Path, *, device: str = "auto") -> ImageClassifier:
    """The classifier in a model folder. Raises ModelFolderError for anything else.

    Its parameters are those of the model, so that a clone can be fitted on the same backbone. The
    path of a weights file is not kept: where the backbone came from one, `weights` is the folder's
    own copy, which must stay there for that. A head that was trained by epochs is solved exactly
    when it is fitted again, and "small_cnn", which was trained from nothing, cannot be opened
    again by its name.
    """
    model = load_model(Path(folder), device=device)
    info, head = model.backbone.info, model.head.get_params(deep=False)
    is_from_file = info.source.startswith(FILE_SOURCE)
    classifier = ImageClassifier(
        info.name,
        head=model.head.name,
        C=head.get("C"),
        class_weight=head["class_weight"] or "none",
        weights=(Path(folder) / WEIGHTS_FILE).absolute() if is_from_file else None,
        layer=info.layer,
        image_size=info.preprocessing.size,
        random_weights=info.source == RANDOM_SOURCE,
        precision=info.precision,
        device=device,
        random_state=head["random_state"],
    )
    return classifier._hold(model)
