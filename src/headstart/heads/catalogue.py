"""The heads by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

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
    """The unfitted head that the options ask for, which `options.checks` has looked at.

    Every head knows balanced class weights; `C` is for the heads linear and svm.
    """
    C, class_weight = options.C, _class_weight(options)
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
    if options.head == "mlp":
        from headstart.heads.mlp import MlpHead

        return MlpHead(class_weight=class_weight, random_state=seed)
    assert_never(options.head)


def restore_head(
    name: str, arrays: Arrays, classes: npt.ArrayLike, asked: Asked = NOTHING_ASKED
) -> FittedHead:
    """The fitted head that `to_arrays` came from; it answers with NumPy alone.

    Raises:
        UsageError: an unknown head.
        KeyError: an array is missing.
    """
    if name not in HEADS:
        raise UsageError(f"there is no head {name!r}; the heads are {', '.join(HEADS)}")
    return HEADS[name].from_arrays(arrays, classes, asked)


def _class_weight(options: HeadOptions) -> ClassWeight:
    return "balanced" if options.class_weight == "balanced" else None
