"""The heads by name."""

from __future__ import annotations

import numpy.typing as npt

from headstart.errors import UsageError
from headstart.heads.head import Arrays, Head
from headstart.heads.knn import KnnHead
from headstart.heads.linear import LinearHead
from headstart.heads.mlp import MlpHead
from headstart.heads.svm import SvmHead
from headstart.heads.training import ClassWeight
from headstart.options import HeadOptions

HEADS: dict[str, type[Head]] = {head.name: head for head in (LinearHead, SvmHead, KnnHead, MlpHead)}


def make_head(options: HeadOptions, seed: int) -> Head:
    """The unfitted head that the options ask for. Every head knows balanced class weights.

    Raises:
        UsageError: an unknown head, a strength for a head that has none, or one not above 0.
    """
    _known(options.head)
    class_weight: ClassWeight = "balanced" if options.class_weight == "balanced" else None
    C = options.C
    if C is not None and options.head not in ("linear", "svm"):
        raise UsageError(
            f"--C {C:g} with the head {options.head}: only the heads linear and svm have a "
            "strength. Leave it out, or take one of these."
        )
    if C is not None and not 0 < C < float("inf"):
        raise UsageError(
            f"--C is {C:g}; it must be above 0. Leave it out to have it chosen by folds."
        )
    if options.head == "linear":
        return LinearHead(C=C, class_weight=class_weight, random_state=seed)
    if options.head == "svm":
        return SvmHead(C=C, class_weight=class_weight, random_state=seed)
    if options.head == "knn":
        return KnnHead(class_weight=class_weight, random_state=seed)
    return MlpHead(class_weight=class_weight, random_state=seed)


def restore_head(name: str, arrays: Arrays, classes: npt.ArrayLike) -> Head:
    """The fitted head that `to_arrays` came from.

    Raises:
        UsageError: an unknown head.
        KeyError: an array is missing.
    """
    return _known(name).from_arrays(arrays, classes)


def _known(name: str) -> type[Head]:
    if name not in HEADS:
        raise UsageError(f"there is no head {name!r}; the heads are {', '.join(HEADS)}")
    return HEADS[name]
