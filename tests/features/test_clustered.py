"""Features from a cluster's actors are those of a pass here, to the bit, whatever happens to them.

One session of Ray serves all tests but the one of the program, since its start takes long.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import SIDE, describe_tiny
from tests.deadly_picture import DeadlyFile
from tests.tiny_classifier import LABELS, classifier
from tests.web_server import web_server

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.runtimes.runtime import no_map
from headstart.cluster.blocks import Place, done_blocks
from headstart.cluster.session import ray_session
from headstart.errors import HeadstartError, MissingExtraError, UsageError
from headstart.features import clustered as clustered_file
from headstart.features.embed import embed_images
from headstart.images.address import Url
from headstart.images.source import ImageSource, RemoteFile, image_source, local_files
from headstart.options import EmbedOptions
from headstart.progress import QUIET, Quiet

HERE = EmbedOptions(device="cpu", cache=False, views=1)
THERE = EmbedOptions(device="cpu", views=1, cluster="local", workers=2)


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Two actors' worth of Ray, and no warnings of Ray's own."""
    pytest.importorskip("ray", reason="Ray is not installed; it comes with headstart[ray]")
    with ray_session("local", 2) as module:
        yield module


@dataclass(frozen=True)
class Projection:
    """A network of one product with numbers from a seed. An actor needs no torch for it."""

    seed: int

    usual_batch = 4

    def start(self, info: BackboneInfo) -> Projection:
        return self

    def tensors(self, info: BackboneInfo) -> dict[str, Any]:
        return {"weights": self.weights}

    @property
    def weights(self) -> Any:
        return np.random.default_rng(self.seed).normal(size=(8, SIDE * SIDE * 3))

    def embed(self, pixels: ByteImage) -> Float32Array:
        weights = self.weights
        features = [weights @ (row.ravel() / 255) for row in pixels]  # each for itself
        return np.array(features, dtype=np.float32).reshape(-1, 8)

    def feature_map(self, pixels: ByteImage) -> Float32Array:
        raise no_map("projection")

    def prepare_thread(self) -> None:
        """Nothing is to be prepared."""


@pytest.fixture
def backbone() -> Backbone:
    return Backbone(describe_tiny(), Projection(0))


class Told(Quiet):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps, self.notes = 0, list[str]()

    def advance(self, steps: int = 1) -> None:
        self.steps += steps

    def note(self, line: str) -> None:
        self.notes.append(line)


def test_features_errors_and_measures_are_those_of_a_pass_here(
    ray: Any, pictures: list[Path], backbone: Backbone, own_cache: Path
) -> None:
    (pictures[0].parent / "text.png").write_text("no picture")
    with web_server() as web:
        web.files["/far.png"] = pictures[3].read_bytes()  # the same content at another place, too
        images: list[ImageSource] = [
            *local_files(pictures),
            RemoteFile(Url(f"{web.address}/far.png")),
            RemoteFile(Url(f"{web.address}/gone.png")),
            *local_files([pictures[0].parent / "text.png", pictures[0].parent / "gone.png"]),
            image_source(np.full((20, 20, 3), 9, np.uint8)),
        ]
        records, features = embed_images(images, backbone, HERE)
        told = Told()
        others, found = embed_images(images, backbone, THERE, progress=told)
        again = embed_images(images, backbone, EmbedOptions(device="cpu", views=1))
    assert np.array_equal(found.values, features.values, equal_nan=True)
    assert np.array_equal(found.views, features.views, equal_nan=True)
    assert others == records
    assert [row for row, error in enumerate(others.errors) if error] == [13, 14, 15]
    assert found.computed == features.computed == 13
    assert told.steps == len(images)
    assert told.notes == ["cluster local: 2 actors, 1 machine"]
    assert again[0] == records
    assert again[1].computed == 0  # all was taken up as kept features
    assert np.array_equal(again[1].views, features.views, equal_nan=True)
    assert not list((own_cache / "cluster").iterdir())


def test_an_actor_that_is_killed_changes_nothing(
    ray: Any, pictures: list[Path], backbone: Backbone, tmp_path: Path
) -> None:
    mark = tmp_path / "killed"
    images = [
        *local_files(pictures[:5]),
        DeadlyFile(str(pictures[5]), mark),
        *local_files(pictures[6:]),
    ]
    shared = tmp_path / "shared"
    options = replace(THERE, cluster_folder=str(shared))
    found = embed_images(images, backbone, options)[1]
    assert not list(shared.iterdir())
    assert int(mark.read_text()) != os.getpid()
    features = embed_images(local_files(pictures), backbone, HERE)[1]
    assert np.array_equal(found.values, features.values)
    assert np.array_equal(found.views, features.views)


@dataclass(frozen=True)
class Refusal:
    """Work that ends the run."""

    error: HeadstartError

    def __call__(self, cpus: int) -> Any:
        raise self.error


def test_an_error_of_ours_in_an_actor_is_the_run_s(ray: Any, own_cache: Path) -> None:
    refusal, place = Refusal(MissingExtraError("needs s3fs")), Place("local", actors=1)
    with pytest.raises(MissingExtraError, match="needs s3fs"):
        list(done_blocks(refusal, [1], place, QUIET))
    assert not list((own_cache / "cluster").iterdir())


def test_a_machine_that_would_compute_other_features_is_refused(backbone: Backbone) -> None:
    make = clustered_file._Embedder(backbone, HERE, 0, 10**6, "another fingerprint")
    with pytest.raises(UsageError, match="would compute other features"):
        make(1)


def test_a_cluster_without_a_gpu_is_told(ray: Any) -> None:
    with pytest.raises(UsageError, match="has no GPU; take --device cpu"):
        list(done_blocks(Refusal(UsageError("")), [1], Place("local", on_gpu=True), QUIET))


def test_a_model_answers_alike(ray: Any, pictures: list[Path]) -> None:
    fitted = classifier().fit(pictures, LABELS)
    answers = fitted.predictions(pictures)
    fitted.set_params(cache=False, cluster="local", workers=2)
    assert np.array_equal(fitted.predictions(pictures).probabilities, answers.probabilities)
