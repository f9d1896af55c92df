"""What the scikit-learn faces are given: paths of pictures, and their labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headstart.data.labels import plural, some_of, trim
from headstart.errors import DataError

Paths = Sequence[str | Path]
SHOWN_POSITIONS = 20


def as_paths(images: Paths) -> list[Path]:
    """Pictures as paths. Raises TypeError for arrays, since only files can be recognised again."""
    if isinstance(images, str | Path):
        raise TypeError("expected a sequence of paths, got one path; put it into a list")
    for image in images:
        if not isinstance(image, str | Path):
            raise TypeError(f"expected paths of pictures, got {type(image).__name__}")
    return [Path(image) for image in images]


def as_labels(y: Any, pictures: int) -> list[str]:
    """Labels as trimmed text (n,), one for each of n pictures; a column (n, 1) is one as well.

    Raises DataError for another shape or length, and for missing labels, naming their positions.
    """
    given = y if isinstance(y, np.ndarray) else np.asarray(y, dtype=object)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given.ravel()
    if given.ndim != 1:
        raise DataError(
            f"labels have the shape {given.shape}; expected one label for each picture, "
            f"({pictures},) or ({pictures}, 1)"
        )
    if len(given) != pictures:
        raise DataError(f"{plural(pictures, 'picture')} and {plural(len(given), 'label')}")
    missing = [str(i) for i, label in enumerate(given) if _is_missing(label)]
    if missing:
        raise DataError(
            f"{plural(len(missing), 'label')} missing (None, NaN or blank), at "
            f"{some_of(missing, SHOWN_POSITIONS)} counted from 0; "
            "give each picture a label, or leave the picture out"
        )
    return [trim(str(label)) for label in given]


def _is_missing(label: Any) -> bool:
    if label is None or not trim(str(label)):
        return True
    try:
        return bool(label != label)  # NaN is unequal to itself
    except TypeError:  # pandas' NA is neither equal nor unequal
        return True
