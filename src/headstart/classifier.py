"""The scikit-learn classifier: pictures in, classes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from headstart.arrays import FloatArray
from headstart.backbones.opening import FILE_SOURCE, RANDOM_SOURCE
from headstart.data.image_table import ImageTable
from headstart.data.label_values import label_text, read_labels, restored_classes
from headstart.data.labels import plural
from headstart.embedder import ImageEmbedder, Images, OnBackbone
from headstart.errors import DataError, UsageError
from headstart.evaluate.predictions import Predictions
from headstart.images.source import ImageSource, image_sources
from headstart.model_dir import WEIGHTS_FILE, load_model, save_model
from headstart.option_rules import check_fit
from headstart.options import (
    DEFAULT_BACKBONE,
    DEFAULT_SEED,
    MAX_PIXELS,
    FitOptions,
    HeadOptions,
    SplitOptions,
)
from headstart.recipes.data_preparation import prepare_data
from headstart.recipes.frozen import train_head
from headstart.recipes.trained_model import TrainedModel

__all__ = ["ImageClassifier", "ImageEmbedder", "load"]


class ImageClassifier(ClassifierMixin, OnBackbone):
    """A picture classifier: a frozen pretrained backbone with a head fitted on its features.

    `fit` does what `headstart fit` does with its training rows. A picture is a path, a URL, a
    file's bytes, a Pillow image or a uint8 array (h, w, 3) in RGB.

    Args:
        backbone: name of the backbone, any of timm's.
        head: "linear", "svm", "knn" or "mlp".
        C: inverse strength of the penalty of the linear head or SVM; None chooses it by folds
            within the training rows.
        class_weight: None, or "balanced" for the same total weight of every class.
        weights, layer, image_size, random_weights, precision: see `BackboneOptions`.
        views: augmented views of each picture that are learnt from besides it.
        near_duplicates: keep near-duplicates together where rows are held out, not only copies.
        device, workers, cache: see `EmbedOptions`.
        max_pixels: largest picture in pixels; larger ones are refused.
        random_state: seed of everything random, or a source of one.

    Attributes:
        classes_: the classes of y in their own type, sorted, (k,).
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
        class_weight: str | None = None,
        weights: str | Path | None = None,
        layer: str = "pooled",
        image_size: int | None = None,
        random_weights: bool = False,
        precision: str = "auto",
        views: int = 0,
        near_duplicates: bool = True,
        device: str = "auto",
        workers: int | None = None,
        cache: bool = True,
        max_pixels: int = MAX_PIXELS,
        random_state: Any = DEFAULT_SEED,
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
        self.views = views
        self.near_duplicates = near_duplicates
        self.device = device
        self.workers = workers
        self.cache = cache
        self.max_pixels = max_pixels
        self.random_state = random_state

    def fit(self, X: Images, y: Any, groups: Any = None) -> Self:
        """Learn from n pictures and their labels, (n,) or (n, 1), of text or numbers.

        Pictures of one group, (n,), and pictures that are equal or nearly equal, stay together
        where C and the temperature are chosen by held-out rows.

        Raises UsageError for a parameter that is not allowed, TypeError for what is no picture,
        and DataError (BadInputsError with all pictures that cannot be read) for pictures and
        labels that cannot be used. All but TypeError are ValueErrors.
        """
        options = self._fit_options()
        check_fit(options, "frozen")
        images = image_sources(X)
        if not images:
            raise DataError("there are no pictures to learn from")
        labels = read_labels(y, len(images))
        if len(labels.classes) < 2:
            raise DataError(f"one class only ({labels.texts[0]}); a classifier needs two or more")
        table = ImageTable(
            ids=tuple(image.name for image in images),
            images=images,
            labels=labels.texts,
            source=Path("X"),
            groups=_as_groups(groups, len(images)),
        )
        backbone = self._open()
        data, features = prepare_data(table, backbone, options)
        model = train_head(data, features, backbone, np.arange(len(data)), options)
        return self._hold(replace(model, label_type=labels.type), labels.classes)

    def _fit_options(self) -> FitOptions:
        if self.class_weight not in (None, "balanced"):
            raise UsageError(
                f"class_weight is {self.class_weight!r}; allowed are None and 'balanced'"
            )
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31)
        return FitOptions(
            read=self._read_options(),
            backbone=self._backbone_options(),
            embed=replace(self._embed_options(), views=self.views),
            split=SplitOptions(seed=int(seed), near_duplicates=self.near_duplicates),
            head=HeadOptions(
                head=self.head,  # type: ignore[arg-type]  # checked with the others
                C=self.C,
                class_weight="none" if self.class_weight is None else "balanced",
            ),
        )

    def _hold(self, model: TrainedModel, classes: npt.NDArray[Any]) -> Self:
        """Keep a model; `classes` are its classes as values, sorted, (k,)."""
        self.model_ = model
        self.classes_ = classes
        place = {name: number for number, name in enumerate(model.classes)}
        self._columns = [place[label_text(value)] for value in classes.tolist()]
        return self

    def predict(self, X: Images) -> npt.NDArray[Any]:
        """Classes (n,) in the order of X. Raises BadInputsError for unreadable pictures."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def predict_proba(self, X: Images) -> FloatArray:
        """Probabilities (n, k), columns as in `classes_`. Raises BadInputsError as `predict`."""
        check_is_fitted(self, "model_")
        features = self._embed(self.model_.backbone, X)
        if not len(features):
            return np.empty((0, len(self.classes_)))
        return self.model_.probabilities(features)[:, self._columns]

    def predictions(self, X: Images, y: Any = None) -> Predictions:
        """Answers in the order of X; an unreadable picture has its error in its row.

        Raises DataError for labels that are missing or do not fit the pictures.
        """
        check_is_fitted(self, "model_")
        images = image_sources(X)
        truth = None if y is None else read_labels(y, len(images)).texts
        return self.model_.predict(
            images, truth=truth, options=self._embed_options(), max_pixels=self.max_pixels
        )

    def score(self, X: Images, y: Any, sample_weight: Any = None) -> float:
        """Share of right answers among n pictures with labels (n,) or (n, 1).

        Raises DataError for no pictures at all, and for labels or weights that do not fit them.
        """
        images: tuple[ImageSource, ...] = image_sources(X)
        if not images:
            raise DataError("there are no pictures to score")
        labels = read_labels(y, len(images))
        if sample_weight is not None and np.shape(sample_weight) != (len(images),):
            raise DataError(
                f"sample_weight has the shape {np.shape(sample_weight)}, expected ({len(images)},)"
            )
        # As text, since a model that was read from a folder may have been fitted on text.
        answers = np.array([label_text(value) for value in self.predict(images).tolist()])
        return float(np.average(answers == np.array(labels.texts), weights=sample_weight))

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
        class_weight=head["class_weight"],
        weights=(Path(folder) / WEIGHTS_FILE).absolute() if is_from_file else None,
        layer=info.layer,
        image_size=info.preprocessing.size,
        random_weights=info.source == RANDOM_SOURCE,
        precision=info.precision,
        device=device,
        random_state=head["random_state"],
    )
    classes = np.unique(np.array(restored_classes(model.classes, model.label_type)))
    return classifier._hold(model, classes)


def _as_groups(groups: Any, pictures: int) -> tuple[str, ...] | None:
    """Groups (n,) as text; a group that is missing is the picture's own."""
    if groups is None:
        return None
    named = tuple("" if group is None else str(group) for group in groups)
    if len(named) != pictures:
        raise DataError(f"{plural(pictures, 'picture')} and {plural(len(named), 'group')}")
    return named
