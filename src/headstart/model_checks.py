"""Whether what a model folder says can be a model: classes, temperature, the head's numbers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, get_args

import numpy as np

from headstart.data.label_values import LabelType, restored_classes
from headstart.errors import ModelFolderError
from headstart.heads.fitted_heads import Arrays, FittedHead


def check_classes(classes: Any, where: Path) -> tuple[str, ...]:
    """The class names (k,). Raises ModelFolderError unless they are two or more distinct texts."""
    is_text = isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    if not is_text or len(set(classes)) != len(classes) or len(classes) < 2:
        raise ModelFolderError(
            f"{where} is damaged: classes are {classes!r}, expected two or more distinct texts"
        )
    return tuple(classes)


def check_temperature(temperature: Any, where: Path) -> float:
    """The calibration temperature. Raises ModelFolderError unless it is positive and finite."""
    is_number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if not is_number or not (math.isfinite(temperature) and temperature > 0):
        raise ModelFolderError(
            f"{where} is damaged: temperature is {temperature!r}, expected a positive number"
        )
    return float(temperature)


def check_label_type(label_type: Any, classes: tuple[str, ...], where: Path) -> LabelType | None:
    """The labels' type, None where it is not kept.

    Raises ModelFolderError unless the classes are texts of such values.
    """
    if label_type is None:
        return None
    try:
        if label_type not in get_args(LabelType):
            raise ValueError(f"expected one of {', '.join(get_args(LabelType))}")
        restored_classes(classes, label_type)
    except (LookupError, ValueError, TypeError) as error:
        raise ModelFolderError(
            f"{where} is damaged: label_type is {label_type!r}: {error}"
        ) from error
    kind: LabelType = label_type
    return kind


def check_arrays(arrays: Arrays, where: Path) -> None:
    """Raise ModelFolderError for a head's array that no fit gives.

    All numbers are finite and scales above 0; only C may be infinite, which is no penalty.
    """
    for name, array in arrays.items():
        if name == "C":
            good, wanted = array > 0, "above 0"
        elif name == "scale":
            good, wanted = np.isfinite(array) & (array > 0), "finite and above 0"
        else:
            good, wanted = np.isfinite(array), "finite"
        if not good.all():
            raise ModelFolderError(
                f"{where} is damaged: {int((~good).sum())} of {good.size} numbers of {name!r} are "
                f"not {wanted}"
            )


def check_head(head: FittedHead, features: int, classes: int, where: Path) -> None:
    """Raise ModelFolderError unless the head takes d features and answers k probabilities."""
    try:
        answers = head.predict_proba(np.zeros((1, features)))
    except (ValueError, LookupError, TypeError) as error:
        raise ModelFolderError(f"{where} does not fit the backbone: {error}") from error
    if answers.shape != (1, classes):
        raise ModelFolderError(
            f"{where}: the head has {answers.shape[1]} outputs, the model {classes} classes"
        )
