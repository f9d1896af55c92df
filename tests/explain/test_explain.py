"""Which method is taken, what is refused, and the same by every face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.explain.models import fitted, opened, pixels
from tests.tiny_classifier import LABELS, classifier

from headstart.errors import ImageError, UsageError
from headstart.explain import explain as explain_room
from headstart.explain.explain import explain_picture
from headstart.explain.explanation import Explanation
from headstart.images.source import EncodedImage, LocalFile
from headstart.recipes.trained_model import TrainedModel


def explained(model: TrainedModel, **asked: Any) -> Explanation:
    side = model.backbone.info.preprocessing.size
    return explain_picture(model, _encoded(pixels(1, side)[0]), **asked)


def _encoded(picture: np.ndarray) -> EncodedImage:
    import io

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return EncodedImage(file.getvalue())


def test_auto_takes_the_exact_map_then_grad_cam_then_occlusion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert explained(fitted(opened())).method == "cam"
    assert explained(fitted(opened(), "mlp")).method == "grad-cam"
    assert explained(fitted(opened("test_vit", image_size=None))).method == "occlusion"
    monkeypatch.setattr(explain_room, "find_spec", lambda _: None)
    assert explained(fitted(opened(), "mlp")).method == "occlusion"


@pytest.mark.parametrize("method", ["cam", "grad-cam", "occlusion"])
def test_a_method_that_is_asked_for_is_taken(method: str) -> None:
    assert explained(fitted(opened()), method=method).method == method


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"the method cam is for a linear head.*the head svm"):
        explained(fitted(opened(), "svm"), method="cam")
    with pytest.raises(UsageError, match="no method is called 'x'; there are auto, cam"):
        explained(fitted(opened()), method="x")
    with pytest.raises(UsageError, match="no class is called 'x'; the model's classes are class 0"):
        explained(fitted(opened()), class_name="x")
    with pytest.raises(ImageError, match="not a picture"):
        explain_picture(fitted(opened()), EncodedImage(b"no picture at all"))


def test_the_class_is_the_predicted_one_unless_another_is_asked_for() -> None:
    model = fitted(opened())
    found = explained(model)
    assert found.class_name == found.predicted
    other = next(name for name in model.classes if name != found.predicted)
    asked = explained(model, class_name=other)
    assert (asked.class_name, asked.predicted) == (other, found.predicted)
    assert asked.probability < found.probability


def test_a_turned_photograph_is_explained_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels(1)[0][:60]).save(tmp_path / "turned.jpg", exif=exif)
    found = explain_picture(fitted(opened()), LocalFile.at(tmp_path / "turned.jpg"))
    assert found.picture.shape == found.overlay().shape == (96, 60, 3)
    assert found.on_picture().shape == (96, 60)


def test_a_classifier_explains_by_its_own_labels(pictures: list[Path], tmp_path: Path) -> None:
    model = classifier(C=1.0).fit(pictures, [label == "red" for label in LABELS])
    found = model.explain(pictures[0], True)
    assert (found.class_name, found.method) == ("True", "cam")
    assert found.probability == pytest.approx(model.predict_proba(pictures[:1])[0, 1])
    assert found.nearest[0].name == pictures[0].name
    assert found.nearest[0].likeness == pytest.approx(1, abs=1e-3)
    assert found.nearest[0].small is None
    found.save(tmp_path / "why.png")
    with Image.open(tmp_path / "why.png") as shown:
        assert shown.size == (24, 20)
    with pytest.raises(UsageError, match="the model's classes are False, True"):
        model.explain(pictures[0], "blue")
    with pytest.raises(UsageError, match="no method is called 'x'"):
        model.explain(pictures[0], method="x")
