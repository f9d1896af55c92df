"""Features of pictures as a scikit-learn transformer."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from headstart.answering import Images, OnPictures, plain
from headstart.arrays import Float32Array
from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_backbone
from headstart.options import (
    DEFAULT_BACKBONE,
    MAX_PIXELS,
    MEMORY_LIMIT,
    BackboneOptions,
    ReadOptions,
)
from headstart.options.checks import check_options


class OnBackbone(OnPictures, BaseEstimator):
    """What both faces share: opening the backbone that the parameters name."""

    backbone: str
    weights: str | Path | None
    layer: Any
    image_size: int | None
    mirror: bool
    random_weights: bool
    precision: Any

    def _parameters(self) -> Collection[str]:
        return list(self.get_params(deep=False))

    def _open(self) -> Backbone:
        options = self._backbone_options()
        with self._naming_parameters():
            check_options(options, self._embed_options(), self._read_options())
            return open_backbone(options, device=self.device, runtime=self.runtime)

    def _backbone_options(self) -> BackboneOptions:
        is_path = isinstance(self.weights, str | os.PathLike)
        return BackboneOptions(
            backbone=self.backbone,
            weights=Path(self.weights) if is_path else self.weights,  # type: ignore[arg-type]
            layer=self.layer,
            image_size=plain(self.image_size),
            mirror=plain(self.mirror),
            random_weights=plain(self.random_weights),
            precision=self.precision,
        )

    def _read_options(self) -> ReadOptions:
        return ReadOptions(max_pixels=plain(self.max_pixels))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        return tags


class ImageEmbedder(TransformerMixin, OnBackbone):
    """Features of pictures by a frozen pretrained backbone.

    A picture is a path, a URL, a file's bytes, a Pillow image or a uint8 array (h, w, 3) in RGB;
    pictures are any iterable of them, a column of names, or one array (n, h, w, 3).

    Args:
        backbone: name of the backbone, any of timm's.
        weights, layer, image_size, mirror, random_weights, precision: see `BackboneOptions`.
        device, runtime, workers, cache: see `EmbedOptions`.
        max_pixels: largest picture in pixels; larger ones are refused.
        memory_limit: bytes for pictures that are read and decoded at the same time, and for their
            features; what would take more is refused.

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
        mirror: bool = False,
        random_weights: bool = False,
        precision: str = "auto",
        device: str = "auto",
        runtime: str = "auto",
        workers: int | None = None,
        cache: bool = True,
        max_pixels: int = MAX_PIXELS,
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.layer = layer
        self.image_size = image_size
        self.mirror = mirror
        self.random_weights = random_weights
        self.precision = precision
        self.device = device
        self.runtime = runtime
        self.workers = workers
        self.cache = cache
        self.max_pixels = max_pixels
        self.memory_limit = memory_limit

    def fit(self, X: Images, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Open the backbone; nothing is learnt from the pictures.

        Raises UsageError, a ValueError, for a parameter that is not allowed, and WeightsError when
        the weights are not to be had.
        """
        self.backbone_ = self._open()
        self.n_features_out_ = self.backbone_.info.feature_size
        return self

    def transform(self, X: Images) -> Float32Array:
        """Features (n, d) of n pictures.

        Raises BadInputsError with all pictures that cannot be read, TypeError for what is none,
        and what `fit` raises when it was not called before.
        """
        if not hasattr(self, "backbone_"):
            self.fit(())
        return self._embed(self.backbone_, X)

    def get_feature_names_out(
        self,
        input_features: Any = None,  # noqa: ARG002 - scikit-learn's signature
    ) -> npt.NDArray[Any]:
        """Names of the d features: the backbone's name and a number."""
        check_is_fitted(self)
        return np.array([f"{self.backbone}_{i}" for i in range(self.n_features_out_)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False  # `transform` opens the backbone itself
        return tags
