"""Which candidate to take, in words: the best, the fastest that may be, and one between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from headstart.rank.ranking import Ranking, Standing
from headstart.wording import plural


class Recommendation(NamedTuple):
    """Three candidates of the last round, often the same.

    Attributes:
        best: the highest accuracy over the folds.
        fastest: the fastest of those that no other one is surely better than.
        balanced: the fastest within one standard error of the best (Breiman, Friedman, Olshen and
            Stone, Classification and Regression Trees, 1984).
    """

    best: Standing
    fastest: Standing
    balanced: Standing


def recommend(standings: Sequence[Standing]) -> Recommendation:
    """Choose among the candidates that stayed to the end."""
    last = [one for one in standings if one.rows and not one.dropped and one.accuracy is not None]
    best = max(last, key=lambda one: (one.accuracy or 0.0, one.pictures_per_second or 0.0))
    near = (best.accuracy or 0.0) - (best.standard_error or 0.0)
    within = [one for one in last if (one.accuracy or 0.0) >= near and one.may_be_best]
    return Recommendation(
        best,
        _fastest([one for one in last if one.may_be_best] or [best]),
        _fastest(within or [best]),
    )


def _fastest(standings: Sequence[Standing]) -> Standing:
    return max(standings, key=lambda one: (one.pictures_per_second or 0.0, one.accuracy or 0.0))


def sentences(ranking: Ranking) -> list[str]:
    """What the ranking says, for the terminal and the page."""
    chosen = recommend(ranking.standings)
    told = [
        f"best: {_described(chosen.best)}",
        f"fastest within noise of the best: {_described(chosen.fastest)}",
        f"balanced, the fastest within one standard error of the best: "
        f"{_described(chosen.balanced)}",
    ]
    last = [one for one in ranking.standings if one.rows and not one.dropped]
    open_ones = sum(one.may_be_best for one in last)
    if open_ones > 1:
        pictures = plural(ranking.rounds[-1], "picture")
        told.append(
            f"{open_ones} of {len(last)} may be the best: {pictures} cannot tell them apart"
        )
    gone = sum(one.dropped for one in ranking.standings)
    if gone:
        told.append(
            f"{plural(gone, 'candidate')} left early, surely worse than another, which saved "
            f"{ranking.saved_seconds:.0f} s"
        )
    return told


def _described(one: Standing) -> str:
    low, high = one.interval or (float("nan"), float("nan"))
    return (
        f"{one.candidate}, {one.accuracy:.3f} ({low:.3f} to {high:.3f}), "
        f"{one.pictures_per_second:.0f} pictures/s"
    )
