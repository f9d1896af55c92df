"""Whether what a model folder says can be a model: classes, temperature, the head's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from headstart.data.label_values import LabelType, restored_classes
from headstart.errors import ModelFolderError
from headstart.evaluate.calibration import COLDEST, HOTTEST
from headstart.heads.fitted_heads import Arrays


def check_classes(classes: Any, where: Path) -> tuple[str, ...]:
    """The class names (k,). Raises ModelFolderError unless they are two or more distinct texts."""
    is_text = isinstance(classes, list) and all(map(_is_shown, classes))
    if not is_text or len(set(classes)) != len(classes) or len(classes) < 2:
        raise ModelFolderError(
            f"{where} is damaged: classes are {classes!r}, expected two or more distinct texts"
        )
    return tuple(classes)


def _is_shown(name: Any) -> bool:
    """Whether a class name can be written: a text, or a file name's bytes that are no UTF-8."""
    try:
        return isinstance(name, str) and name.encode("utf-8", "surrogateescape") != b""
    except UnicodeEncodeError:
        return False


def check_temperature(temperature: Any, where: Path) -> float:
    """The calibration temperature. Raises ModelFolderError for one that no fit gives."""
    is_number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if not is_number or not COLDEST <= temperature <= HOTTEST:
        raise ModelFolderError(
            f"{where} is damaged: temperature is {temperature!r}, expected a positive number, from "
            f"{COLDEST} to {HOTTEST}"
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


# A size is a number, a name whose size is the model's (d features, k classes, o decisions), or a
# name that is as large everywhere in the head.
_SHAPES = {
    "linear": "coef=kd intercept=k mean=d scale=d C=1 n_iter=1",
    "svm": "coef=od intercept=o mean=d scale=d sigmoid=o2 C=1",
    "knn": "rows=md codes=m mean=d class_weights=k n_neighbors=1",
    "mlp": "first=dh first_bias=h last=ho last_bias=o mean=d scale=d n_iter=1",
}
_FAMILIAR = "coef=cd distances=m intercept=c mean=d transform=qd weights=2"
_LARGEST = 1e60  # of a number, and 1 of the least scale: products of several stay finite
_WHOLE = ("codes", "n_neighbors", "n_iter")


def check_arrays(head: str, arrays: Arrays, features: int, classes: int, where: Path) -> None:
    """Raise ModelFolderError unless these are the arrays of a fitted head that fits the model.

    Args:
        head: its name.
        arrays: by their names.
        features: numbers that the backbone gives for a picture, d.
        classes: of the model, k.
        where: the file, for messages.

    All numbers are finite, scales and weights above 0 and codes those of classes; only C may be
    infinite, which is no penalty. Raises LookupError for an unknown head.
    """
    _check_shapes(_SHAPES[head], arrays, features, classes, where)
    _check_numbers(arrays, classes, where, {"rows": 1.001})  # those of kNN have length 1


def check_familiarity(arrays: Arrays, features: int, classes: int, where: Path) -> None:
    """Raise ModelFolderError unless these are a `Familiarity`'s; arguments as `check_arrays`."""
    _check_shapes(_FAMILIAR, arrays, features, classes, where)
    _check_numbers(arrays, classes, where, {"mean": 1.001})  # of rows of length 1
    if not (np.diff(arrays["distances"]) >= 0).all():
        raise ModelFolderError(f"{where} is damaged: its distances do not rise")


def _check_numbers(arrays: Arrays, classes: int, where: Path, bounds: Mapping[str, float]) -> None:
    for name, array in arrays.items():
        if name == "C":
            good, wanted = array > 0, "above 0"
        elif name in ("scale", "class_weights"):
            wide = array.astype(np.float64)
            good = (wide >= 1 / _LARGEST) & (wide <= _LARGEST)
            wanted = "finite and above 0"
        elif name == "codes":
            good, wanted = (array >= 0) & (array < classes), f"from 0 to {classes - 1}"
        elif name in _WHOLE:
            good, wanted = array >= (name == "n_neighbors"), "0 or more, or no neighbours"
        else:
            most = bounds.get(name, min(_LARGEST, float(np.finfo(array.dtype).max)))
            good, wanted = np.abs(array) <= most, f"finite and at most {most:g}"
        if not good.all():
            raise ModelFolderError(
                f"{where} is damaged: {int((~good).sum())} of {good.size} numbers of {name!r} are "
                f"not {wanted}"
            )


def _check_shapes(described: str, arrays: Arrays, features: int, classes: int, where: Path) -> None:
    shapes = dict(part.split("=") for part in described.split())
    if shapes.keys() != arrays.keys():
        raise ModelFolderError(
            f"{where} is damaged: it has the arrays {', '.join(sorted(arrays))}, expected "
            f"{', '.join(sorted(shapes))}"
        )
    sizes = {"1": 1, "2": 2, "d": features, "k": classes, "o": classes if classes > 2 else 1}
    for name, letters in shapes.items():
        shape, kind = arrays[name].shape, arrays[name].dtype.kind
        for letter, size in zip(letters, shape, strict=False):
            sizes.setdefault(letter, size)
        wanted = tuple(sizes.get(letter, 1) for letter in letters)
        if shape != wanted or 0 in shape:
            raise ModelFolderError(
                f"{where} does not fit the backbone and its {classes} classes: {name!r} is "
                f"{shape}, expected {wanted}"
            )
        if (kind == "i") != (name in _WHOLE):
            raise ModelFolderError(f"{where} is damaged: {name!r} is {arrays[name].dtype}")
