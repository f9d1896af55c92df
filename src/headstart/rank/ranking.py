"""Candidates ranked on a sample of the pictures; those that cannot win any more leave early.

A candidate is opened after the other, so that memory stays that of one, and its features are kept:
an interrupted ranking goes on where it was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.arrays import BoolArray, IntArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_for
from headstart.data.dataset import Dataset
from headstart.data.image_table import ImageTable
from headstart.data.split import Split
from headstart.errors import UsageError, WeightsError
from headstart.evaluate.candidates import fold_widening, stand
from headstart.evaluate.metrics import measure
from headstart.features.embed import Features
from headstart.images.address import Url
from headstart.options import FitOptions, as_json
from headstart.options.checks import check_options
from headstart.progress import QUIET, Progress
from headstart.rank.candidate import Candidate
from headstart.rank.transfer_scores import log_evidence, neighbour_accuracy, shrunk_h_score
from headstart.recipes.data_preparation import (
    choose_folds,
    embed_again,
    prepare_data,
    read_labelled,
)
from headstart.recipes.folds import FoldResult, cross_validate
from headstart.recipes.head_choice import head_maker
from headstart.recipes.run_record import RunRecord, Stopwatch, make_record
from headstart.wording import plural

LEAST_SAMPLE = 100  # rows of the first round; fewer tell hardly anything apart
BYTES_A_WEIGHT = 4
RATE_SECONDS = 1.0  # how long a candidate's speed is measured


@dataclass(frozen=True)
class Standing:
    """What is known of one candidate.

    Attributes:
        candidate: as it is typed.
        rows: pictures of the last round that it took part in; 0 when it could not be opened.
        accuracy: share of right out-of-fold answers, 0 to 1, with its 95% `interval`.
        standard_error: of the folds' mean, corrected (Nadeau and Bengio 2003).
        log_loss: of the out-of-fold answers.
        log_evidence, h_score, neighbours: see `transfer_scores`.
        pictures_per_second: the backbone alone, measured here.
        parameters, bytes, feature_size: of the backbone.
        may_be_best: no other candidate of its last round is surely better.
        dropped: it left before the last round.
        on_front: no candidate of the last round is both faster and more accurate.
        missing: why it was not run, and what it takes.
    """

    candidate: str
    rows: int = 0
    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    standard_error: float | None = None
    log_loss: float | None = None
    log_evidence: float | None = None
    h_score: float | None = None
    neighbours: float | None = None
    pictures_per_second: float | None = None
    parameters: int | None = None
    bytes: int | None = None
    feature_size: int | None = None
    may_be_best: bool = False
    dropped: bool = False
    on_front: bool = False
    missing: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "interval": list(self.interval) if self.interval else None}


@dataclass(frozen=True)
class Ranking:
    """Candidates, those of the last round first and each round by accuracy.

    Attributes:
        standings: one for each candidate.
        rounds: the sizes of the samples, the last one the largest.
        saved_seconds: what leaving early saved, by the measured rates.
        data: the rows of the last round.
        record: what was run.
    """

    standings: tuple[Standing, ...]
    rounds: tuple[int, ...]
    saved_seconds: float
    data: Dataset
    record: RunRecord


def rank(
    source: Path | Url,
    candidates: Sequence[Candidate],
    options: FitOptions,
    *,
    sample: int,
    weights: Mapping[str, Path],
    progress: Progress = QUIET,
) -> Ranking:
    """Rank candidates on `sample` rows, or on all where there are fewer.

    What is found of each candidate is told as it comes. Raises UsageError and DataError, and
    WeightsError when no candidate can be opened.
    """
    check_options(options)
    clock = Stopwatch()
    opened, standings = _open_all(candidates, options, weights)
    table = read_labelled(source, options.read, options.labels, progress)
    order = stratified_order(table.labels or (), options.split.seed)[:sample]
    rounds = round_sizes(len(order), len(opened))
    # The first of a round finds the near-duplicates; the order of typing is not to choose it.
    live, saved, last = sorted(opened, key=lambda one: one.text), 0.0, None
    for number, size in enumerate(rounds):
        last = _Round(table.take(sorted(order[:size].tolist())), options, progress)
        is_last = number == len(rounds) - 1
        for candidate in live:
            found = last.take(candidate, opened[candidate], standings[candidate])
            standings[candidate] = last.scored(candidate, found) if is_last else found
        stays = last.candidates(len(rounds))
        for candidate in live:
            standings[candidate] = replace(
                standings[candidate],
                may_be_best=stays[candidate],
                dropped=not (is_last or stays[candidate]),
            )
        if not is_last:
            gone = [candidate for candidate in live if not stays[candidate]]
            for candidate in gone:  # of those that go on, only the last round's are shown
                standings[candidate] = last.scored(candidate, standings[candidate])
            left = (len(order) - size) / np.array([_rate(standings[one]) for one in gone])
            saved += float(left.sum())
            live = [candidate for candidate in live if stays[candidate]]
    if last is None or last.data is None:
        raise UsageError("there is nothing to rank")
    ordered = sorted(
        _with_front(standings).values(), key=lambda one: (-one.rows, -(one.accuracy or 0.0))
    )
    record = make_record("rank", as_json(options), last.data, clock, opened.values())
    named = {"backbones": ",".join(candidate.text for candidate in candidates), "sample": sample}
    record = replace(record, options={**record.options, **named})
    return Ranking(tuple(ordered), tuple(rounds), saved, last.data, record)


def absent_by_reason(standings: Sequence[Standing]) -> list[tuple[str, str]]:
    """Candidates that were not run, those with the same reason together, and the reason."""
    reasons: dict[str, list[str]] = {}
    for one in standings:
        if one.missing is not None:
            reasons.setdefault(one.missing, []).append(one.candidate)
    return [(", ".join(names), why) for why, names in reasons.items()]


def stratified_order(labels: Sequence[str], seed: int) -> IntArray:
    """All rows in a random order of which each beginning has the classes' shares, (n,)."""
    names = np.asarray(labels)
    rng = np.random.default_rng(seed)
    place = np.empty(len(names))
    for label in np.unique(names):
        rows = rng.permutation(np.flatnonzero(names == label))
        place[rows] = (np.arange(len(rows)) + rng.random()) / len(rows)
    return np.argsort(place, kind="stable")


def round_sizes(rows: int, candidates: int) -> list[int]:
    """Successive halving: a quarter and a half of the rows first, where enough are to be ranked.

    Jamieson and Talwalkar, Non-stochastic best arm identification, AISTATS 2016; here a candidate
    leaves when it is surely worse than another and not by its place.
    """
    early = [rows // 4, rows // 2] if candidates > 2 else []
    return [*(size for size in early if size >= LEAST_SAMPLE), rows]


class _Round:
    """One sample, and all candidates' answers to it on the same folds."""

    def __init__(self, table: ImageTable, options: FitOptions, progress: Progress) -> None:
        self.table, self.options, self.progress = table, options, progress
        self.data: Dataset | None = None
        self.folds: list[Split] = []
        self.answers: dict[Candidate, FoldResult] = {}
        self.features: dict[Candidate, Features] = {}  # until they are scored

    def take(self, candidate: Candidate, backbone: Backbone, before: Standing) -> Standing:
        """Embed the sample, fit the head by folds, and score the features."""
        data, features = self._embedded(backbone)
        make = head_maker(self.options.head, self.options.loop, self.options.split.seed)
        folds = cross_validate(data, features, self.folds, make, self.progress)
        self.answers[candidate] = folds
        self.features[candidate] = features
        figures, info = measure(folds.predictions), backbone.info
        rate = before.pictures_per_second or measured_rate(backbone)
        found = f"accuracy {figures.accuracy:.3f}, {rate:.0f} pictures/s"
        self.progress.note(f"{candidate.text} on {plural(len(data), 'picture')}: {found}")
        return replace(
            before,
            rows=len(data),
            accuracy=figures.accuracy,
            interval=figures.accuracy_interval,
            standard_error=folds.to_json()["accuracy_standard_error"],
            log_loss=figures.log_loss,
            pictures_per_second=rate,
            parameters=info.parameters,
            bytes=info.parameters * BYTES_A_WEIGHT,
            feature_size=info.feature_size,
        )

    def scored(self, candidate: Candidate, standing: Standing) -> Standing:
        """The standing with the scores of features alone; they are let go."""
        if self.data is None:
            raise ValueError("nothing was taken yet")
        values, data = self.features.pop(candidate).values, self.data
        return replace(
            standing,
            log_evidence=log_evidence(values, data.targets),
            h_score=shrunk_h_score(values, data.targets),
            neighbours=neighbour_accuracy(values, data.targets, data.groups),
        )

    def _embedded(self, backbone: Backbone) -> tuple[Dataset, Features]:
        if self.data is None:
            self.data, features = prepare_data(self.table, backbone, self.options, self.progress)
            self.folds = choose_folds(self.data, self.options.split)
            if not self.folds:
                raise UsageError("--folds is 0; a ranking needs folds")
            return self.data, features
        return self.data, embed_again(
            self.data, backbone, self.options, self.progress, work="ranking"
        )

    def candidates(self, rounds: int) -> dict[Candidate, bool]:
        """Whether each may be the best: none of this round is surely better, all rounds counted."""
        some = next(iter(self.answers.values()))
        right: BoolArray = np.stack([one.predictions.correct for one in self.answers.values()])
        widening = fold_widening(len(some.splits), *some.mean_rows)
        standings = stand(right, some.predictions.groups, widening=widening).times(rounds)
        return dict(zip(self.answers, standings.candidates().tolist(), strict=True))


def measured_rate(backbone: Backbone) -> float:
    """Pictures per second of the backbone alone, on all cores and without decoding."""
    if len(backbone.parts) > 1:  # one after the other
        return 1 / sum(1 / measured_rate(part) for part in backbone.parts)
    cores = os.cpu_count() or 1
    side, count = backbone.info.preprocessing.size, backbone.usual_batch()
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    with backbone.threads(cores) as pool:
        list(pool.map(backbone.embed, [pixels] * cores))  # the first call makes things ready
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < RATE_SECONDS:
            done += sum(len(found) for found in pool.map(backbone.embed, [pixels] * cores))
        return done / (time.perf_counter() - began)


def _open_all(
    candidates: Sequence[Candidate], options: FitOptions, weights: Mapping[str, Path]
) -> tuple[dict[Candidate, Backbone], dict[Candidate, Standing]]:
    """Those whose weights are here, and a standing of each; no network is loaded yet."""
    opened: dict[Candidate, Backbone] = {}
    standings = {candidate: Standing(candidate.text) for candidate in candidates}
    for candidate in candidates:
        try:
            chosen = candidate.options(options.backbone)
            opened[candidate] = open_for(chosen, options.embed, files=weights)
        except WeightsError as error:
            standings[candidate] = replace(standings[candidate], missing=str(error))
    if not opened:
        reasons = "\n".join(f"{one.candidate}: {one.missing}" for one in standings.values())
        raise WeightsError(f"no candidate's weights are here\n{reasons}")
    return opened, standings


def _rate(standing: Standing) -> float:
    return standing.pictures_per_second or np.inf


def _with_front(standings: Mapping[Candidate, Standing]) -> dict[Candidate, Standing]:
    """Mark those that no other one of the last round beats in both accuracy and speed."""
    last = [one for one in standings.values() if one.rows and not one.dropped]

    def is_beaten(one: Standing) -> bool:
        own = (one.accuracy or 0.0, _rate(one))
        return any(
            other is not one
            and (other.accuracy or 0.0) >= own[0]
            and _rate(other) >= own[1]
            and ((other.accuracy or 0.0), _rate(other)) != own
            for other in last
        )

    front = {one.candidate for one in last if not is_beaten(one)}
    return {
        candidate: replace(one, on_front=one.candidate in front)
        for candidate, one in standings.items()
    }
