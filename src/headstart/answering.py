"""What every face of a model does with pictures, fitted here or exported. Needs no scikit-learn."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from headstart.arrays import Float32Array, FloatArray
from headstart.backbones.backbone import Backbone
from headstart.data.label_values import label_text, places, read_labels
from headstart.errors import BadInput, BadInputsError, DataError, HeadstartError
from headstart.evaluate.predictions import Predictions
from headstart.features.embed import embed_images
from headstart.images.memory_budget import MemoryBudget
from headstart.images.source import ImageSource, image_sources
from headstart.options import EmbedOptions
from headstart.recipes.trained_model import TrainedModel

if TYPE_CHECKING:
    from headstart.explain.explanation import Explanation

Images = Iterable[Any]  # of paths, URLs, bytes, Pillow images or uint8 arrays (h, w, 3)
ADVICE = "Mend them, or leave them out."
_FLAG = re.compile(r"--(no-)?([A-Za-z][A-Za-z-]*)")
_OWN_NAMES = {"seed": "random_state"}  # parameters that have scikit-learn's name and not the flag's


def plain(value: Any) -> Any:
    """A number of NumPy, as a search over a grid gives it, as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


class OnPictures(ABC):
    """Abstract: an object that takes pictures, with the parameters that say how."""

    device: str
    runtime: Any
    workers: int | None
    cache: bool
    max_pixels: int
    memory_limit: int

    @abstractmethod
    def _parameters(self) -> Collection[str]:
        """The names of its parameters."""

    @contextmanager
    def _naming_parameters(self) -> Iterator[None]:
        """Errors from inside name this object's parameters where the program's would name flags."""
        try:
            yield
        except BadInputsError as error:
            inputs = [BadInput(item.where, self._spelt(item.cause)) for item in error.inputs]
            raise BadInputsError(inputs, ADVICE) from None
        except HeadstartError as error:
            error.args = (self._spelt(str(error)),)
            raise

    def _spelt(self, message: str) -> str:
        known = self._parameters()

        def name(flag: re.Match[str]) -> str:
            word = flag[2].replace("-", "_")
            word = _OWN_NAMES.get(word, word)
            if word not in known:
                return flag[0]
            return f"{word}=False" if flag[1] else word

        return _FLAG.sub(name, message)

    def _embed_options(self) -> EmbedOptions:
        return EmbedOptions(
            device=self.device,
            runtime=self.runtime,
            workers=plain(self.workers),
            cache=plain(self.cache),
            memory_limit=plain(self.memory_limit),
        )

    def _embed(self, backbone: Backbone, X: Images) -> Float32Array:
        """Features (n, d) of readable pictures. Raises BadInputsError that lists all others."""
        images = image_sources(X)
        if not images:
            return np.empty((0, backbone.info.feature_size), dtype=np.float32)
        with self._naming_parameters():
            records, features = embed_images(
                images, backbone, self._embed_options(), max_pixels=self.max_pixels
            )
            records.raise_if_bad(images)
        return features.values


class AnsweringPictures(OnPictures):
    """Abstract: answers pictures with a model that it holds.

    Attributes:
        classes_: the classes in their own type, sorted, (k,).
        model_: the model.
    """

    classes_: npt.NDArray[Any]
    model_: TrainedModel

    @abstractmethod
    def _check_fitted(self) -> None:
        """Raise scikit-learn's NotFittedError where there is no model yet."""

    def _hold(self, model: TrainedModel, classes: npt.NDArray[Any]) -> Self:
        """Keep a model; `classes` are its classes as values, sorted, (k,)."""
        self.model_ = model
        self.classes_ = classes
        place = {name: number for number, name in enumerate(model.classes)}
        self._columns = [place[label_text(value)] for value in classes.tolist()]
        return self

    def predict(self, X: Images) -> npt.NDArray[Any]:
        """Classes (n,) of n pictures, in their order and in the type of `classes_`.

        Raises BadInputsError with all pictures that cannot be read, and TypeError for what is none.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def predict_proba(self, X: Images) -> FloatArray:
        """Probabilities (n, k), columns as in `classes_`. Raises BadInputsError as `predict`."""
        return self._answered(X).probabilities[:, self._columns]

    def _answered(self, X: Images) -> Predictions:
        """Answers for readable pictures. Raises BadInputsError with all others."""
        answers = self.predictions(X)
        bad = zip(answers.images, answers.errors, strict=True)
        if inputs := [BadInput(name, error) for name, error in bad if error]:
            raise BadInputsError(inputs, ADVICE)
        return answers

    def familiarity(self, X: Images) -> FloatArray:
        """How familiar n pictures are, from 0 to 1, (n,): below 0.05 they are unfamiliar.

        It is the share of the training pictures that are as unlike the others as a picture is, or
        more: of pictures like these, 95 of 100 have 0.05 or more. Raises BadInputsError as
        `predict`, and DataError for a model that cannot tell: one of an earlier version, one
        trained from scratch, or one that learnt from fewer than some twenty pictures.
        """
        self._check_fitted()
        if self.model_.familiarity is None:
            raise DataError(
                "this model does not tell how familiar a picture is: it was saved by an earlier "
                "version, was trained from scratch, or learnt from too few pictures; fit it anew "
                "on 20 or more"
            )
        answers = self._answered(X)
        return np.empty(0) if answers.familiar is None else answers.familiar

    def predictions(self, X: Images, y: Any = None) -> Predictions:
        """Answers for n pictures; an unreadable picture has its error in its row.

        Classes and true labels, (n,) or (n, 1), are text there, as in the program's tables. Raises
        DataError for labels that are missing or do not fit the pictures.
        """
        self._check_fitted()
        images = image_sources(X)
        truth = None if y is None else self._as_texts(y, len(images))
        with self._naming_parameters():
            answers = self.model_.predict(
                images, truth=truth, options=self._embed_options(), max_pixels=self.max_pixels
            )
        return replace(answers, errors=tuple(map(self._spelt, answers.errors)))

    def explain(self, image: Any, label: Any = None, *, method: str = "auto") -> Explanation:
        """What speaks for a class in one picture, as a map over it that `save` writes as a PNG.

        Args:
            image: a path, a URL, bytes, a Pillow image or a uint8 array (h, w, 3).
            label: the class, as `classes_` has it; None for the predicted one.
            method: "cam", exact, for a linear head on the mean of the network's last map;
                "grad-cam", which needs captum; "occlusion", slow, for any model; or "auto" for the
                first of these that can be had.

        Raises ImageError for a picture that cannot be read, TypeError for what is none, and
        UsageError for a label that is no class or a method that the model does not allow.

        Example:
            >>> classifier.explain("photo.jpg").save("why.png")  # doctest: +SKIP
        """
        from headstart.explain.explain import explain_picture

        self._check_fitted()
        (source,) = image_sources([image])
        (name,) = (None,) if label is None else self._as_texts([label], 1)
        budget = MemoryBudget(plain(self.memory_limit))
        with self._naming_parameters():
            return explain_picture(
                self.model_, source, name, method, max_pixels=self.max_pixels, budget=budget
            )

    def score(self, X: Images, y: Any, sample_weight: Any = None) -> float:
        """Share of right answers among n pictures with labels (n,) or (n, 1), weighted by (n,).

        A label that the model has not learnt is a wrong answer. Raises DataError for no pictures
        at all, for labels or weights that do not fit them, and for labels that differ from a class
        only by case.
        """
        self._check_fitted()
        images: tuple[ImageSource, ...] = image_sources(X)
        if not images:
            raise DataError("there are no pictures to score")
        truth = places(read_labels(y, len(images)), self.classes_)
        weights = _as_weights(sample_weight, len(images))
        return float(
            np.average(self.predict_proba(images).argmax(axis=1) == truth, weights=weights)
        )

    def _as_texts(self, y: Any, pictures: int) -> list[str]:
        """Labels (n,) in the model's spelling, where it has them."""
        labels = read_labels(y, pictures)
        names = [label_text(value) for value in self.classes_.tolist()]
        found = places(labels, self.classes_)
        return [
            names[place] if place >= 0 else text
            for place, text in zip(found, labels.texts, strict=True)
        ]


def _as_weights(sample_weight: Any, pictures: int) -> FloatArray | None:
    """Weights (n,) with a sum above 0. Raises DataError for others."""
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (pictures,):
        raise DataError(f"sample_weight has the shape {weights.shape}, expected ({pictures},)")
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.sum() > 0):
        raise DataError("sample_weight must be finite, 0 or more, and not 0 for all pictures")
    return weights
