"""Joined networks: what each adds to the logit is its map's mean, and all lies on the picture."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.explain.models import opened, pixels

from headstart.backbones.joining import embed_prepared, join_backbones, prepared_for_each
from headstart.errors import UsageError
from headstart.explain.explain import explain_picture
from headstart.explain.explanation import Explanation
from headstart.explain.joined_maps import GRID
from headstart.explain.score import class_score
from headstart.heads.catalogue import make_head
from headstart.images.source import EncodedImage
from headstart.options import HeadOptions
from headstart.recipes.trained_model import TrainedModel

SIZE = (150, 131)


def joined(head: str = "linear", second: str = "test_efficientnet") -> TrainedModel:
    """A tiny ResNet at 96 pixels beside another network at 128."""
    size = None if second == "test_vit" else 128
    backbone = join_backbones([opened(), opened(second, image_size=size)])
    seen = embed_prepared(backbone, prepared_for_each(backbone, pixels(24, 150)))
    codes = np.arange(24) % 3
    learner = make_head(HeadOptions(head=head), 0).fit(seen, codes)  # type: ignore[arg-type]
    return TrainedModel(backbone, learner.fitted_, ("a", "b", "c"), 1.7)


def picture() -> np.ndarray:
    return np.ascontiguousarray(pixels(1, 150)[0][: SIZE[0], : SIZE[1]])


def explained(model: TrainedModel, name: str | None = None, method: str = "auto") -> Explanation:
    file = io.BytesIO()
    Image.fromarray(picture()).save(file, "PNG")
    return explain_picture(model, EncodedImage(file.getvalue()), name, method)


def test_the_means_of_the_networks_maps_are_the_logit() -> None:
    model = joined()
    features = embed_prepared(model.backbone, prepared_for_each(model.backbone, [picture()]))
    scores = class_score(model.probabilities(features), 1)
    found = explained(model, "b")
    assert found.method == "cam"
    assert [one.network for one in found.networks] == ["test_resnet", "test_efficientnet"]
    assert [one.values.shape for one in found.networks] == [(3, 3), (4, 4)]
    adds = [one.values.mean() for one in found.networks]
    assert sum(adds) == pytest.approx(scores[0], abs=1e-9)
    assert min(map(abs, adds)) > 1e-6


def test_the_sum_lies_where_each_network_looked() -> None:
    found = explained(joined())
    assert found.values.shape == (GRID, GRID)
    assert found.window == (0, 0, SIZE[1], SIZE[0])
    alone = [
        Explanation("", "", 0.0, "", "cam", one.values, one.window, found.picture).on_picture()
        for one in found.networks
    ]
    whole = found.on_picture()
    inside = slice(30, 100)  # away from the edges of what they saw, where the grid is coarse
    gap = np.abs(whole - sum(alone))[inside, inside]
    assert gap.max() < 0.1 * np.ptp(sum(alone))
    assert found.overlay().shape == (*SIZE, 3)


@pytest.mark.parametrize(("head", "second"), [("svm", "test_efficientnet"), ("linear", "test_vit")])
def test_other_models_are_explained_by_occlusion(head: str, second: str) -> None:
    model = joined(head, second)
    found = explained(model)
    assert (found.method, found.values.shape, found.networks) == ("occlusion", (10, 10), ())
    left, top, right, bottom = found.window
    assert 0 <= left < right <= SIZE[1] and 0 <= top < bottom <= SIZE[0]
    assert np.abs(found.values).max() > 0
    with pytest.raises(UsageError, match=r"the method cam is for a linear head"):
        explained(model, method="cam")
    with pytest.raises(UsageError, match=r"joins 2 networks.*no Grad-CAM"):
        explained(model, method="grad-cam")


def test_occlusion_can_be_asked_for_and_is_written(tmp_path: Path) -> None:
    found = explained(joined(), method="occlusion")
    assert found.method == "occlusion"
    found.save(tmp_path / "why.png")
    assert (tmp_path / "why.png").exists()
