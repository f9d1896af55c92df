"""What goes when a part is hidden, with a model of which it is known."""

from __future__ import annotations

import numpy as np
from tests.conftest import describe_tiny
from tests.explain.models import fitted, opened, pixels

from headstart.backbones.backbone import Backbone
from headstart.explain.occlusion import CELLS, hidden_parts, occlusion
from headstart.heads.fitted_heads import FittedLinear
from headstart.recipes.trained_model import TrainedModel


class _Corner:
    """A network whose one number that counts is the light in the upper left quarter."""

    usual_batch = 4

    def embed(self, pixels: np.ndarray) -> np.ndarray:
        half = pixels.shape[1] // 2
        light = pixels[:, :half, :half].mean(axis=(1, 2, 3)) / 255
        return np.repeat(light[:, None], 8, axis=1).astype(np.float32)

    def start(self, info: object) -> _Corner:
        return self


def test_only_what_the_answer_rests_on_counts() -> None:
    head = FittedLinear.of_layer(np.array([[-0.5] * 8, [0.5] * 8]), np.array([1.0, -1.0]))
    model = TrainedModel(Backbone(describe_tiny(), _Corner()), head, ("dark", "light"))  # type: ignore[arg-type]
    white = np.full((1, 16, 16, 3), 255, dtype=np.uint8)
    found = occlusion(model, white, 1)
    assert found.shape == (CELLS, CELLS)
    assert found[:4, :4].min() > 0
    assert np.abs(found[6:, :]).max() == np.abs(found[:, 6:]).max() == 0
    assert np.allclose(occlusion(model, white, 0), -found)


def test_each_copy_hides_a_square_around_its_cell_by_the_mean_colour() -> None:
    model = fitted(opened())
    copies = hidden_parts(model, pixels(1)[0])
    assert len(copies) == 1 + CELLS**2
    assert np.array_equal(copies[0], pixels(1)[0])
    mean = np.rint(255 * np.asarray(model.backbone.info.preprocessing.mean))
    covered = np.zeros(copies.shape[1:3], dtype=int)
    for copy in copies[1:]:
        is_hidden = (copy == mean).all(axis=2)
        assert 100 < is_hidden.sum() < 500
        covered += is_hidden
    assert covered.min() >= 1
