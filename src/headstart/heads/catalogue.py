"""The heads by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy.typing as npt

from headstart.errors import UsageError
from headstart.heads.fitted_heads import (
    NOTHING_ASKED,
    Arrays,
    Asked,
    FittedHead,
    FittedKnn,
    FittedLinear,
    FittedMlp,
    FittedSvm,
)
from headstart.options import HeadOptions

if TYPE_CHECKING:
    from headstart.heads.head import ClassWeight, Head

HEADS: dict[str, type[FittedHead]] = {
    head.name: head for head in (FittedLinear, FittedSvm, FittedKnn, FittedMlp)
}


def make_head(options: HeadOptions, seed: int) -> Head:
    """The unfitted head that the options ask for. Every head knows balanced class weights.

    Raises:
        UsageError: an unknown head, a C for a head that has none, or one not above 0.
    """
    _known(options.head)
    C, class_weight = options.C, _class_weight(options)
    if C is not None and options.head not in ("linear", "svm"):
        raise UsageError(
            f"--C {C:g} with the head {options.head}: only the heads linear and svm have a C. "
            "Leave it out, or take one of these."
        )
    if C is not None and not 0 < C < float("inf"):
        raise UsageError(
            f"--C is {C:g}; it must be above 0. Leave it out to have it chosen by folds."
        )
    # A model is restored by this module too, which must not load scikit-learn for that.
    if options.head == "linear":
        from headstart.heads.linear import LinearHead

        return LinearHead(C=C, class_weight=class_weight, random_state=seed)
    if options.head == "svm":
        from headstart.heads.svm import SvmHead

        return SvmHead(C=C, class_weight=class_weight, random_state=seed)
    if options.head == "knn":
        from headstart.heads.knn import KnnHead

        return KnnHead(class_weight=class_weight, random_state=seed)
    from headstart.heads.mlp import MlpHead

    return MlpHead(class_weight=class_weight, random_state=seed)


def restore_head(
    name: str, arrays: Arrays, classes: npt.ArrayLike, asked: Asked = NOTHING_ASKED
) -> FittedHead:
    """The fitted head that `to_arrays` came from; it answers with NumPy alone.

    Raises:
        UsageError: an unknown head.
        KeyError: an array is missing.
    """
    return _known(name).from_arrays(arrays, classes, asked)


def _known(name: str) -> type[FittedHead]:
    if name not in HEADS:
        raise UsageError(f"there is no head {name!r}; the heads are {', '.join(HEADS)}")
    return HEADS[name]


def _class_weight(options: HeadOptions) -> ClassWeight:
    return "balanced" if options.class_weight == "balanced" else None
