"""The scikit-learn face fine-tunes as the program does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from tests.tiny_classifier import LABELS, classifier

from headstart.classifier import load_folder
from headstart.errors import UsageError


def test_it_fine_tunes_saves_and_comes_back(pictures: list[Path], tmp_path: Path) -> None:
    frozen = classifier(views=1).fit(pictures, LABELS)
    tuned = classifier(recipe="fine-tune", epochs=2, views=1, unfreeze="all").fit(pictures, LABELS)
    assert not np.array_equal(tuned.predict_proba(pictures), frozen.predict_proba(pictures))
    tuned.save(tmp_path / "model")
    again = load_folder(tmp_path / "model", device="cpu")
    np.testing.assert_allclose(
        again.predict_proba(pictures), tuned.predict_proba(pictures), atol=1e-6
    )
    assert (again.recipe, again.random_weights, again.weights) == ("fine-tune", True, None)
    assert clone(tuned).recipe == "fine-tune"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"recipe": "auto"}, "recipe is 'auto'; it must be 'frozen' or 'fine-tune'"),
        ({"epochs": 3}, "epochs is 3 and recipe 'frozen'"),
        ({"unfreeze": "all"}, "unfreeze all is for fine-tuning"),
        ({"recipe": "fine-tune", "unfreeze": "most"}, "unfreeze is 'most'; it must be last-stage"),
        ({"recipe": "fine-tune", "head": "svm"}, "head svm is for a head that is solved exactly"),
        ({"recipe": "fine-tune", "augment": "once"}, "augment is 'once'; here it must be none, l"),
    ],
)
def test_parameters_that_do_not_fit_are_named(
    given: dict[str, object], message: str, pictures: list[Path]
) -> None:
    with pytest.raises(UsageError) as caught:
        classifier(**given).fit(pictures, LABELS)
    assert str(caught.value).startswith(message)
