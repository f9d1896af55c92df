"""How familiar a picture is: how many training pictures lie as far from what was learnt as it does.

The distance is Mahalanobis' from the nearest class mean, with one covariance for all classes (Lee,
Lee, Lee and Shin, A simple unified framework for detecting out-of-distribution samples and
adversarial attacks, NeurIPS 2018), on features of length 1, as nearest neighbours have them (Sun,
Ming, Zhu and Li, Out-of-distribution detection with deep nearest neighbors, ICML 2022);
docs/unfamiliar.md has the measurement by which it was chosen. What a distance amounts to is told by
those of training pictures from statistics that had not seen them: the share of these that are at
least as far is a conformal p-value (Vovk, Gammerman and Shafer, Algorithmic learning in a random
world, 2005). Answers need NumPy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from headstart.arrays import BoolArray, Float32Array, FloatArray
from headstart.heads.standardisation import BLOCK
from headstart.wording import plural

UNFAMILIAR = 0.05  # below it a picture is farther out than 95 of 100 training pictures


METHOD = "Mahalanobis distance from the nearest class mean, of features at length 1"


class Familiar(Protocol):
    """What tells how familiar pictures are."""

    def of(self, features: npt.NDArray[Any]) -> FloatArray:
        """From 0 to 1 for features (n, d), (n,)."""

    def facts(self) -> dict[str, Any]:
        """What a reader wants to know, as JSON values; `Familiarity.facts` has all of it."""


def is_unfamiliar(familiar: FloatArray) -> BoolArray:
    """Where a picture is outside of the 95%; not where nothing is known (NaN)."""
    return np.asarray(familiar < UNFAMILIAR)


def unfamiliar_in_words(familiar: FloatArray, noun: str = "picture") -> str:
    """How many of n pictures, (n,), are unfamiliar, and what to expect; NaN do not count."""
    count, known = int(is_unfamiliar(familiar).sum()), int(np.isfinite(familiar).sum())
    verb = "is" if count == 1 else "are"
    return (
        f"{count:,} of {plural(known, noun)} {verb} unlike what the model has learnt from "
        f"(familiar below {UNFAMILIAR:g}); of pictures like those about 5 in 100 are"
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Familiarity:
    """The distance from what was learnt, and the training pictures' own.

    With v a row at length 1 minus `mean`, the squared distance from class c is
    weights[0] |v|^2 + weights[1] |transform v|^2 + coef[c] v + intercept[c].

    Attributes:
        mean: of the training rows at length 1, (d,).
        transform: (q, d), q the number of rows or of features, whichever is smaller.
        weights: (2,).
        coef, intercept: (k, d) and (k,).
        distances: of training rows from statistics without them, rising, (m,).
    """

    mean: FloatArray
    transform: Float32Array
    weights: FloatArray
    coef: Float32Array
    intercept: FloatArray
    distances: FloatArray

    def distance(self, features: npt.NDArray[Any]) -> FloatArray:
        """Squared distance of features (n, d) from the nearest class, (n,)."""
        parts = [
            self._distance(features[start : start + BLOCK])
            for start in range(0, len(features), BLOCK)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def _distance(self, features: npt.NDArray[Any]) -> FloatArray:
        v = to_length_one(features) - self.mean
        turned = v @ self.transform.T.astype(np.float64)
        square = self.weights[0] * squares(v) + self.weights[1] * squares(turned)
        linear = v @ self.coef.T.astype(np.float64) + self.intercept
        return np.asarray(square + linear.min(axis=1))

    def of(self, features: npt.NDArray[Any]) -> FloatArray:
        """How familiar features (n, d) are, (n,): the share of training rows as far out or farther.

        The row itself counts as one, so that the least is 1 / (m + 1).
        """
        return self.rank(self.distance(features))

    def rank(self, distance: FloatArray) -> FloatArray:
        """`of` for squared distances (n,)."""
        nearer = np.searchsorted(self.distances, distance, side="left")
        m = len(self.distances)
        return np.asarray((1 + m - nearer) / (m + 1))

    def facts(self) -> dict[str, Any]:
        """The method, below which value a picture is unfamiliar, how many held-out training
        pictures there were, and the share of these that has the value or more.
        """
        kept = ~is_unfamiliar(self.rank(self.distances))
        return {
            "method": METHOD,
            "unfamiliar_below": UNFAMILIAR,
            "held_out": len(kept),
            "share_kept": float(kept.mean()),
        }

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Familiarity:
        """The inverse of `to_arrays`. Raises KeyError for a missing one."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})


def to_length_one(rows: npt.NDArray[Any]) -> FloatArray:
    """Rows (n, d) in float64 at length 1; a row of zeros stays."""
    wide = rows.astype(np.float64)
    length = np.sqrt(squares(wide))[:, None]
    return np.asarray(wide / np.where(length > 0, length, 1.0))


def squares(rows: FloatArray) -> FloatArray:
    """The squared length of each row, (n,)."""
    return np.asarray(np.einsum("nd,nd->n", rows, rows))
