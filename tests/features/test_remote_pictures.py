"""Pictures behind addresses: the same answers as from disk, asked for side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.web_server import WebServer, web_server

from headstart.data.inputs import list_pictures
from headstart.errors import MissingExtraError
from headstart.features.embed import ASKED_AT_ONCE, embed_images
from headstart.images.address import Url
from headstart.images.source import (
    EncodedImage,
    ImageSource,
    PixelImage,
    RemoteFile,
    image_source,
    local_files,
)
from headstart.options import BackboneOptions, EmbedOptions, FitOptions, ReadOptions, SplitOptions
from headstart.recipes.fit import fit

OPTIONS = EmbedOptions(device="cpu", workers=2, embed_batch=4)
UNKEPT = EmbedOptions(device="cpu", workers=2, embed_batch=4, cache=False)


@pytest.fixture
def web(pictures: list[Path]) -> Iterator[WebServer]:
    with web_server() as server:
        server.files = {f"/{path.name}": path.read_bytes() for path in pictures}
        yield server


def on(server: WebServer, pictures: list[Path]) -> list[ImageSource]:
    return [RemoteFile(Url(f"{server.address}/{path.name}")) for path in pictures]


def test_every_kind_of_source_gives_the_same_features(  # type: ignore[no-untyped-def]
    pictures: list[Path], tiny_backbone, memory: Any
) -> None:
    for path in pictures:
        memory.pipe_file(f"/{path.name}", path.read_bytes())
    from PIL import Image

    pixels = [np.asarray(Image.open(path)) for path in pictures]
    kinds: list[list[ImageSource]] = [
        list(local_files(pictures)),
        [RemoteFile(Url(f"memory://{path.name}")) for path in pictures],
        [EncodedImage(path.read_bytes()) for path in pictures],
        [PixelImage(array) for array in pixels],
        [image_source(Image.fromarray(array)) for array in pixels],
    ]
    records, features = embed_images(kinds[0], tiny_backbone, OPTIONS)
    for images in kinds[1:]:
        for options in (OPTIONS, UNKEPT):
            others, found = embed_images(images, tiny_backbone, options)
            assert np.array_equal(found.values, features.values)
            assert [s and s.difference_hash for s in others.statistics] == [
                s and s.difference_hash for s in records.statistics
            ]


def test_a_web_picture_with_a_version_is_asked_for_once(  # type: ignore[no-untyped-def]
    pictures: list[Path], tiny_backbone, web: WebServer
) -> None:
    images = on(web, pictures)
    first = embed_images(images, tiny_backbone, OPTIONS)[1]
    assert web.count("GET") == 12
    again = embed_images(images, tiny_backbone, OPTIONS)[1]
    assert (web.count("GET"), again.computed) == (12, 0)
    assert np.array_equal(first.values, again.values)
    web.files["/p00.png"] = web.files["/p01.png"]
    changed = embed_images(images, tiny_backbone, OPTIONS)[1]
    assert web.count("GET") == 13
    assert np.array_equal(changed.values[0], first.values[1])


def test_a_web_picture_without_a_version_is_read_each_time_and_computed_once(  # type: ignore[no-untyped-def]
    pictures: list[Path], tiny_backbone, web: WebServer
) -> None:
    web.tags = ""
    for run in (1, 2):
        found = embed_images(on(web, pictures), tiny_backbone, OPTIONS)[1]
        assert web.count("GET") == 12 * run
        assert found.computed == (12 if run == 1 else 0)


def test_requests_go_side_by_side_and_not_all_at_once(  # type: ignore[no-untyped-def]
    pictures: list[Path], tiny_backbone, web: WebServer
) -> None:
    web.seconds = 0.05
    images = on(web, pictures * 3)
    embed_images(images, tiny_backbone, EmbedOptions(device="cpu", workers=2, embed_batch=8))
    assert 2 < web.most_at_once <= ASKED_AT_ONCE


def test_a_row_that_the_server_has_not_is_one_bad_row(  # type: ignore[no-untyped-def]
    pictures: list[Path], tiny_backbone, web: WebServer
) -> None:
    del web.files["/p03.png"]
    web.statuses["/p05.png"] = 503
    records, features = embed_images(on(web, pictures), tiny_backbone, OPTIONS)
    assert [row for row, error in enumerate(records.errors) if error] == [3, 5]
    assert records.errors[3] == "not found"
    assert records.errors[5].startswith("cannot be read: 503")
    assert np.isfinite(np.delete(features.values, [3, 5], axis=0)).all()


def test_a_missing_package_ends_the_run(  # type: ignore[no-untyped-def]
    pictures: list[Path], tiny_backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    images = [*local_files(pictures), RemoteFile(Url("s3://bucket/a.png"))]
    for options in (OPTIONS, UNKEPT):
        with pytest.raises(MissingExtraError, match=r'pip install "headstart\[remote\]"'):
            embed_images(images, tiny_backbone, options)


def test_fit_and_predict_from_an_address_as_from_disk(
    pictures: list[Path], memory: Any, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    rows = "".join(f"{path.name},{'red' if n < 6 else 'blue'}\n" for n, path in enumerate(pictures))
    table = pictures[0].parent / "labels.csv"
    table.write_text("image,label\n" + rows)
    for path in (*pictures, table):
        memory.pipe_file(f"/set/{path.name}", path.read_bytes())
    options = FitOptions(
        backbone=BackboneOptions(
            backbone="test_resnet", random_weights=True, image_size=32, precision="fp32"
        ),
        embed=EmbedOptions(device="cpu"),
        split=SplitOptions(folds=0),
    )
    places: list[Path | Url] = [table, Url("memory://set/labels.csv")]
    found = []
    for number, place in enumerate(places):
        monkeypatch.setenv("HEADSTART_CACHE", str(own_cache / str(number)))
        result = fit(place, options)
        listed = list_pictures([place], ReadOptions())
        answers = result.model.predict(listed.images, names=listed.ids)
        found.append((result, answers))
    (here, here_answers), (there, there_answers) = found
    assert here.features is not None
    assert there.features is not None
    assert np.array_equal(here.features.values, there.features.values)
    assert here.data.digests == there.data.digests
    assert here.data.statistics == there.data.statistics
    assert np.array_equal(here.split.test, there.split.test)
    assert np.array_equal(here.test.probabilities, there.test.probabilities)
    assert np.array_equal(here_answers.probabilities, there_answers.probabilities)
    assert here_answers.images == there_answers.images
