"""The scikit-learn faces: pictures in, classes or features out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from headstart.arrays import Float32Array, FloatArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.open import open_backbone
from headstart.data.image_table import class_order
from headstart.errors import BadInput, BadInputsError, DataError
from headstart.evaluate.predictions import Predictions
from headstart.features.embed import Features, embed_pictures
from headstart.model_dir import load_model, save_model
from headstart.options import (
    DEFAULT_BACKBONE,
    DEFAULT_SEED,
    BackboneOptions,
    EmbedOptions,
    HeadOptions,
    LoopOptions,
)
from headstart.recipes.head_choice import head_maker
from headstart.recipes.trained import TrainedModel

Paths = Sequence[str | Path]


class _OnBackbone(BaseEstimator):
    """What both faces share: opening the trunk that the parameters name, and embedding."""

    backbone: str
    weights: str | Path | None
    layer: Any
    image_size: int | None
    random_weights: bool
    precision: Any
    device: str
    workers: int | None
    cache: bool

    def _open(self) -> Backbone:
        options = BackboneOptions(
            backbone=self.backbone,
            weights=Path(self.weights) if self.weights is not None else None,
            layer=self.layer,
            image_size=self.image_size,
            random_weights=self.random_weights,
            precision=self.precision,
        )
        return open_backbone(options, device=self.device)

    def _embed(self, backbone: Backbone, images: Paths) -> Features:
        """Features of readable pictures. Raises BadInputsError that lists all others."""
        options = EmbedOptions(device=self.device, workers=self.workers, cache=self.cache)
        features = embed_pictures(as_paths(images), backbone, options)
        bad = [
            BadInput(str(path), error)
            for path, error in zip(images, features.errors, strict=True)
            if error
        ]
        if bad:
            raise BadInputsError(bad)
        return features


def as_paths(images: Paths) -> list[Path]:
    """Pictures as paths. Raises TypeError for arrays, since only files can be recognised again."""
    if isinstance(images, str | Path):
        raise TypeError("expected a sequence of paths, got one path; put it into a list")
    for image in images:
        if not isinstance(image, str | Path):
            raise TypeError(f"expected paths of pictures, got {type(image).__name__}")
    return [Path(image) for image in images]


class ImageEmbedder(TransformerMixin, _OnBackbone):
    """Features of pictures by a frozen pretrained trunk.

    Args:
        backbone: name of the trunk, any of timm's.
        weights, layer, image_size, random_weights, precision: see `BackboneOptions`.
        device, workers, cache: see `EmbedOptions`.

    Example:
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.linear_model import LogisticRegression
        >>> pipeline = make_pipeline(ImageEmbedder(), LogisticRegression(max_iter=1000))
        >>> pipeline.fit(paths, labels).predict(paths)  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter named here
        self,
        backbone: str = DEFAULT_BACKBONE,
        *,
        weights: str | Path | None = None,
        layer: str = "pooled",
        image_size: int | None = None,
        random_weights: bool = False,
        precision: str = "auto",
        device: str = "auto",
        workers: int | None = None,
        cache: bool = True,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.layer = layer
        self.image_size = image_size
        self.random_weights = random_weights
        self.precision = precision
        self.device = device
        self.workers = workers
        self.cache = cache

    def fit(self, X: Paths, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Open the trunk; nothing is learnt from the pictures."""
        self.backbone_ = self._open()
        self.n_features_out_ = self.backbone_.info.feature_size
        return self

    def transform(self, X: Paths) -> Float32Array:
        """Features (n, d) of n pictures. Raises BadInputsError for unreadable ones."""
        if not hasattr(self, "backbone_"):
            self.fit(X)
        return self._embed(self.backbone_, X).values

    def get_feature_names_out(
        self,
        input_features: Any = None,  # noqa: ARG002 - scikit-learn's signature
    ) -> npt.NDArray[Any]:
        """Names of the d features: the trunk's name and a number."""
        check_is_fitted(self)
        return np.array([f"{self.backbone}_{i}" for i in range(self.n_features_out_)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        return _takes_paths(super().__sklearn_tags__())


class ImageClassifier(ClassifierMixin, _OnBackbone):
    """A picture classifier: a frozen pretrained trunk with a head fitted on its features.

    Labels are text, as everywhere in this program: `predict` answers with `str(label)`.

    Args:
        backbone: name of the trunk, any of timm's.
        head: "linear", "svm", "knn" or "mlp".
        strength: C of the linear head or SVM; None chooses it by folds within the training rows.
        class_weights: "none" or "balanced".
        weights, layer, image_size, random_weights, precision: see `BackboneOptions`.
        device, workers, cache: see `EmbedOptions`.
        random_state: seed of everything random.

    Attributes:
        classes_: class names in stored order, (k,).
        model_: the trunk with its fitted head.

    Example:
        >>> classifier = ImageClassifier().fit(paths, labels)  # doctest: +SKIP
        >>> classifier.predict(["photo.jpg"])  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter named here
        self,
        backbone: str = DEFAULT_BACKBONE,
        *,
        head: str = "linear",
        strength: float | None = None,
        class_weights: str = "none",
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
        self.strength = strength
        self.class_weights = class_weights
        self.weights = weights
        self.layer = layer
        self.image_size = image_size
        self.random_weights = random_weights
        self.precision = precision
        self.device = device
        self.workers = workers
        self.cache = cache
        self.random_state = random_state

    def fit(self, X: Paths, y: Sequence[Any]) -> Self:
        """Learn from n pictures and their labels. Raises DataError for what cannot be used."""
        as_paths(X)
        labels = [str(label).strip() for label in y]
        if len(labels) != len(X):
            raise DataError(f"{len(X)} pictures and {len(labels)} labels")
        classes = class_order(labels)
        if len(classes) < 2:
            raise DataError(
                f"one class only ({', '.join(classes)}); a classifier needs two or more"
            )
        options = HeadOptions(
            head=self.head,  # type: ignore[arg-type]  # checked by head_maker
            strength=self.strength,
            class_weights=self.class_weights,  # type: ignore[arg-type]
        )
        make = head_maker(options, LoopOptions(), self.random_state)
        backbone = self._open()
        features = self._embed(backbone, X)
        position = {name: number for number, name in enumerate(classes)}
        head = make().fit(features.values, [position[label] for label in labels])
        return self._hold(TrainedModel(backbone, head, classes))

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
        return self.model_.probabilities(features.values)

    def predictions(self, X: Paths, y: Sequence[Any] | None = None) -> Predictions:
        """Answers in the order of X; an unreadable picture has its error in its row."""
        check_is_fitted(self, "model_")
        truth = None if y is None else [str(label).strip() for label in y]
        options = EmbedOptions(device=self.device, workers=self.workers, cache=self.cache)
        names = [str(path) for path in X]
        return self.model_.predict(as_paths(X), names=names, truth=truth, options=options)

    def score(self, X: Paths, y: Sequence[Any], sample_weight: Any = None) -> float:
        """Share of right answers."""
        right = self.predict(X) == np.array([str(label).strip() for label in y])
        return float(np.average(right, weights=sample_weight))

    def save(self, folder: str | Path) -> None:
        """Write a complete model folder that `headstart.load` and `headstart predict` read."""
        check_is_fitted(self, "model_")
        save_model(self.model_, Path(folder))

    def __sklearn_tags__(self) -> Any:
        return _takes_paths(super().__sklearn_tags__())


def _takes_paths(tags: Any) -> Any:
    tags.input_tags.string = True
    tags.input_tags.two_d_array = False
    tags.input_tags.one_d_array = True
    return tags


def load(folder: str | Path, *, device: str = "auto") -> ImageClassifier:
    """The classifier in a model folder. Raises ModelFolderError for anything else."""
    model = load_model(Path(folder), device=device)
    info = model.backbone.info
    classifier = ImageClassifier(
        info.name, head=model.head.name, layer=info.layer, precision=info.precision, device=device
    )
    return classifier._hold(model)
