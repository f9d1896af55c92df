"""The scikit-learn classifier: pictures in, classes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from headstart.answering import AnsweringPictures, Images, plain
from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import FILE_SOURCE, RANDOM_SOURCE, TUNED_SOURCE
from headstart.data.image_table import ImageTable
from headstart.data.label_values import read_groups, read_labels, restored_classes
from headstart.embedder import ImageEmbedder, OnBackbone
from headstart.errors import DataError, UsageError
from headstart.images.address import on_disk
from headstart.images.source import image_sources
from headstart.model_dir import WEIGHTS_FILE, load_model, save_model
from headstart.options import (
    DEFAULT_BACKBONE,
    DEFAULT_SEED,
    MAX_PIXELS,
    MEMORY_LIMIT,
    FitOptions,
    HeadOptions,
    LoopOptions,
    RecipeOptions,
    SplitOptions,
    TuneOptions,
    WriteOptions,
)
from headstart.options.checks import AUTO_BACKBONE, check_fit
from headstart.options.fine_tuning import DEFAULT_MINUTES
from headstart.options.head_and_training import RecipeName
from headstart.rank.auto_backbone import train_auto_backbone
from headstart.recipes.data_preparation import prepare_data
from headstart.recipes.frozen import train_model
from headstart.recipes.trained_model import TrainedModel

__all__ = ["ImageClassifier", "ImageEmbedder", "load_folder"]


class ImageClassifier(AnsweringPictures, ClassifierMixin, OnBackbone):
    """A picture classifier: a frozen pretrained backbone with a head fitted on its features.

    `fit` does what `headstart fit` does with its training rows. A picture is a path, a URL, a
    file's bytes, a Pillow image or a uint8 array (h, w, 3) in RGB; pictures are any iterable of
    them, a column of names, or one array (n, h, w, 3). A picture that is stored without loss has
    the same answer in each of these forms.

    Args:
        backbone: name of the backbone, any of timm's.
        recipe: "frozen", or "fine-tune" to let the backbone learn too, from the frozen head on.
        head: "linear", "svm", "knn" or "mlp"; fine-tuning begins at a linear one.
        C: inverse strength of the penalty of the linear head or SVM; None chooses it by folds
            within the training rows.
        class_weight: None, or "balanced" for the same total weight of every class.
        weights, layer, image_size, mirror, random_weights, precision: see `BackboneOptions`.
        minutes: the longest that backbone "auto" may take to choose one of those here, by folds
            within X.
        unfreeze, epochs, learning_rate, layer_decay, augment: of fine-tuning; see `TuneOptions` and
            `LoopOptions`.
        views: augmented views of each picture that are learnt from besides it.
        near_duplicates: keep near-duplicates together where rows are held out, not only copies.
        keep_examples: keep small copies of training pictures with the model, for explanations.
        device, runtime, workers, cache, cluster, cluster_folder: see `EmbedOptions`.
        max_pixels: largest picture in pixels; larger ones are refused.
        memory_limit: bytes for pictures that are read and decoded at the same time, and for their
            features; what would take more is refused.
        random_state: seed of everything random, or a source of one.

    Attributes:
        classes_: the classes of y in their own type, sorted, (k,).
        model_: the backbone with its fitted head.
        choice_: three lines on what was chosen, where `backbone` is "auto".

    Example:
        >>> classifier = ImageClassifier().fit(paths, labels)  # doctest: +SKIP
        >>> classifier.predict(["photo.jpg"])  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - scikit-learn wants every parameter named here
        self,
        backbone: str = DEFAULT_BACKBONE,
        *,
        recipe: str = "frozen",
        head: str = "linear",
        C: float | None = None,
        class_weight: str | None = None,
        weights: str | Path | None = None,
        layer: str = "pooled",
        image_size: int | None = None,
        mirror: bool = False,
        random_weights: bool = False,
        precision: str = "auto",
        minutes: float = DEFAULT_MINUTES,
        unfreeze: str = "3",
        epochs: int | None = None,
        learning_rate: float | None = None,
        layer_decay: float = 0.9,
        augment: str | None = None,
        views: int = 0,
        near_duplicates: bool = True,
        keep_examples: bool = False,
        device: str = "auto",
        runtime: str = "auto",
        workers: int | None = None,
        cache: bool = True,
        max_pixels: int = MAX_PIXELS,
        memory_limit: int = MEMORY_LIMIT,
        cluster: str | None = None,
        cluster_folder: str | None = None,
        random_state: Any = DEFAULT_SEED,
    ) -> None:
        self.backbone = backbone
        self.recipe = recipe
        self.head = head
        self.C = C
        self.class_weight = class_weight
        self.weights = weights
        self.layer = layer
        self.image_size = image_size
        self.mirror = mirror
        self.random_weights = random_weights
        self.precision = precision
        self.minutes = minutes
        self.unfreeze = unfreeze
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.layer_decay = layer_decay
        self.augment = augment
        self.views = views
        self.near_duplicates = near_duplicates
        self.keep_examples = keep_examples
        self.device = device
        self.runtime = runtime
        self.workers = workers
        self.cache = cache
        self.max_pixels, self.memory_limit = max_pixels, memory_limit
        self.cluster, self.cluster_folder = cluster, cluster_folder
        self.random_state = random_state

    def fit(self, X: Images, y: Any, groups: Any = None) -> Self:
        """Learn from n pictures and their labels, (n,) or (n, 1), of text, whole numbers or bools.

        Pictures of one group, (n,), and pictures that are equal or nearly equal, stay together
        where C and the calibration temperature are chosen by held-out rows. `name_groups(X,
        r"^(p[0-9]+)_")` reads groups from the names, as --group-pattern does.

        Raises UsageError for a parameter that is not allowed, TypeError for what is no picture,
        and DataError (BadInputsError with all pictures that cannot be read) for pictures and
        labels that cannot be used. All but TypeError are ValueErrors.
        """
        options = self._fit_options()
        with self._naming_parameters():
            check_fit(options, options.recipe.recipe)
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
            splits=("train",) * len(images),
            groups=None if groups is None else read_groups(groups, len(images)),
        )
        with self._naming_parameters():
            if self.backbone == AUTO_BACKBONE:
                model, self.choice_ = train_auto_backbone(table, options)
            else:
                model = _trained(table, self._open(), options)
        return self._hold(replace(model, label_type=labels.type), labels.classes)

    def _fit_options(self) -> FitOptions:
        weight = self.class_weight
        if not (weight is None or (isinstance(weight, str) and weight == "balanced")):
            raise UsageError(f"class_weight is {weight!r}; it must be None or 'balanced'")
        return FitOptions(
            read=self._read_options(),
            backbone=self._backbone_options(),
            embed=replace(self._embed_options(), views=plain(self.views)),
            split=SplitOptions(seed=self._seed(), near_duplicates=plain(self.near_duplicates)),
            write=WriteOptions(keep_examples=plain(self.keep_examples)),
            recipe=RecipeOptions(recipe=self._checked_recipe()),
            loop=LoopOptions(
                epochs=plain(self.epochs),
                learning_rate=plain(self.learning_rate),
                augment=self.augment,  # type: ignore[arg-type]  # checked with the others
            ),
            tune=TuneOptions(
                unfreeze=self.unfreeze,
                layer_decay=plain(self.layer_decay),
                minutes=plain(self.minutes),
            ),
            head=HeadOptions(
                head=self.head,  # type: ignore[arg-type]  # checked with the others
                C=plain(self.C),
                class_weight="none" if weight is None else "balanced",
            ),
        )

    def _checked_recipe(self) -> RecipeName:
        if self.recipe == "frozen" and self.epochs is not None:
            raise UsageError(
                f"epochs is {self.epochs!r} and recipe 'frozen', whose head is solved exactly; "
                "leave epochs out, or take recipe='fine-tune'"
            )
        if self.recipe not in ("frozen", "fine-tune"):
            raise UsageError(f"recipe is {self.recipe!r}; it must be 'frozen' or 'fine-tune'")
        return "frozen" if self.recipe == "frozen" else "fine-tune"

    def _seed(self) -> int:
        """`random_state` as a whole number; which ones are allowed is checked with the others."""
        given = plain(self.random_state)
        if isinstance(given, int):
            return given
        try:
            return int(check_random_state(given).randint(2**31))
        except ValueError as error:
            raise UsageError(
                f"random_state is {given!r}; it must be a whole number from 0, None, or NumPy's "
                "RandomState"
            ) from error

    def _check_fitted(self) -> None:
        check_is_fitted(self, "model_")

    def save(self, folder: str | Path) -> None:
        """Write a complete model folder that `headstart.load` and `headstart predict` read."""
        check_is_fitted(self, "model_")
        save_model(self.model_, on_disk(folder))


def _trained(table: ImageTable, backbone: Backbone, options: FitOptions) -> TrainedModel:
    """A model that has learnt from all rows of the table."""
    if options.recipe.recipe == "fine-tune":
        from headstart.recipes.fine_tune import Tuner
        from headstart.recipes.tuning_defaults import usual_options

        options = usual_options(options)
        data, features = prepare_data(table, backbone, options)
        tuner, rows = Tuner(data, features, backbone, options), np.arange(len(data))
        return tuner.with_familiarity(tuner.tune(rows).model, rows)
    data, features = prepare_data(table, backbone, options)
    rows = np.arange(len(data))
    return train_model(data, features, backbone, rows, options)[0]


def load_folder(
    folder: str | Path, *, device: str = "auto", runtime: str = "auto"
) -> ImageClassifier:
    """The classifier in a model folder. Raises ModelFolderError for anything else.

    Its classes have the type that they were fitted with, text for a model of the program, sorted. A
    model from before the type was kept has text in an order of its own, which tools that take the
    columns for sorted, such as scikit-learn's log loss, must be told.

    Its parameters are those of the model, so that a clone can be fitted on the same backbone. The
    path of a weights file is not kept: where the backbone came from one, `weights` is the folder's
    own copy, which must stay there for that. A fine-tuned model's clone begins at the pretrained
    weights of the backbone's name. A head that was trained by epochs is solved exactly
    when it is fitted again, and "small_cnn", which was trained from scratch, cannot be opened
    again by its name.
    """
    model = load_model(on_disk(folder), device=device, runtime=runtime)
    info, asked = model.backbone.info, model.head.asked
    is_tuned = info.source.startswith(TUNED_SOURCE)
    source = info.source.removeprefix(TUNED_SOURCE)
    is_from_file = source.startswith(FILE_SOURCE) and not (is_tuned or info.parts)
    is_shared = info.precision == "fp32" or info.runtime == "torch"  # another may compute it, too
    classifier = ImageClassifier(
        info.name,
        recipe="fine-tune" if is_tuned else "frozen",
        head=model.head.name,
        C=asked.C,
        class_weight=asked.class_weight,
        weights=(Path(folder) / WEIGHTS_FILE).absolute() if is_from_file else None,
        layer="pooled" if info.parts else info.layer,
        # Joined networks have their layers and sizes in their name.
        image_size=None if info.parts else info.preprocessing.size,
        mirror=info.mirror,
        random_weights=source == RANDOM_SOURCE,
        precision=info.precision,
        device=device,
        runtime=runtime if is_shared else info.runtime,
        random_state=asked.random_state,
    )
    if model.label_type is None:  # an old model's columns stay where they were
        return classifier._hold(model, np.array(model.classes))
    classes = np.unique(np.array(restored_classes(model.classes, model.label_type)))
    return classifier._hold(model, classes)
