"""The most confident errors with what speaks for their answers."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from tests.explain.models import fitted, opened

from headstart.images.source import local_files
from headstart.options import MAX_PIXELS
from headstart.report.examples import Example, examples, with_reasons


def shown(pictures: list[Path], head: str = "linear") -> tuple[Example, ...]:
    """Three examples with their reasons."""
    model = fitted(opened(), head)
    images = local_files(pictures[:3])
    answers = model.predict(images, truth=["class 0"] * len(images))
    plain = examples(answers, images, [0, 1, 2], MAX_PIXELS)
    return with_reasons(plain, images, model, MAX_PIXELS)


def test_a_linear_head_has_reasons_no_larger_than_thumbnails(pictures: list[Path]) -> None:
    for example in shown(pictures):
        assert example.why is not None
        assert (example.why.width, example.why.height) == (24, 20)
        assert example.why.uri.startswith("data:image/jpeg;base64,")
        assert example.why.uri != example.small.uri


@pytest.mark.parametrize("head", ["svm", "knn", "mlp"])
def test_another_head_has_none(pictures: list[Path], head: str) -> None:
    assert [example.why for example in shown(pictures, head)] == [None] * 3


def test_a_picture_that_has_gone_has_none_and_a_network_is_not_loaded_for_it(
    pictures: list[Path],
) -> None:
    model = fitted(opened())
    images = local_files(pictures[:2])
    answers = model.predict(images, truth=["class 0"] * len(images))
    plain = examples(answers, images, [0, 1], MAX_PIXELS)
    pictures[0].unlink()
    first, second = with_reasons(plain, images, model, MAX_PIXELS)
    assert first.why is None
    assert second.why is not None
    at_rest = pickle.loads(pickle.dumps(model))
    assert not at_rest.backbone.is_started
    assert with_reasons(plain, images, at_rest, MAX_PIXELS) == plain
