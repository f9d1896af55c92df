"""What the server tells of its model: classes, how it was made, and its figures."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headstart.errors import ImageError
from headstart.images.source import read_bytes
from headstart.model_card import short_figures
from headstart.options import ServeOptions
from headstart.serve.predictor import Explainer, Predictor

RUN_FIGURES = "metrics.json"  # of the run that a model folder lies in
MOST_BYTES = 50_000_000


def model_facts(
    predictor: Predictor, place: Path, limits: ServeOptions, max_pixels: int
) -> dict[str, Any]:
    """The card as JSON values; `figures` is None where the model lies outside its run."""
    return {
        "name": _name(place),
        "classes": list(predictor.classes),
        "made_of": predictor.description(),
        "figures": run_figures(place, predictor.classes),
        "familiarity": predictor.familiarity(),
        "explains": isinstance(predictor, Explainer),
        "limits": {
            "picture_bytes": limits.max_picture_bytes,
            "request_bytes": limits.max_request_bytes,
            "pictures": limits.max_pictures,
            "pixels": max_pixels,
            "seconds": limits.seconds,
        },
        "headstart": version("headstart"),
    }


def run_figures(place: Path, classes: tuple[str, ...]) -> dict[str, Any] | None:
    """The figures of the run that a model was made by, which lie beside it; else None."""
    try:
        found = json.loads(read_bytes(place.parent / RUN_FIGURES, MOST_BYTES))
        if tuple(found["classes"]) != classes:
            return None
        short = short_figures(found, data_digest="")
        return {"n_train": found["n_train"], "test": short["test"], "folds": short["folds"]}
    except (ImageError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _name(place: Path) -> str:
    """ "run/model" for the usual place: the last two parts, and nothing of the machine's."""
    return "/".join(place.absolute().parts[-2:])
