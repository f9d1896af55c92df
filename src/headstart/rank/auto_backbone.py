"""`--backbone auto`: the networks here, at two sizes and mirrored, and the one that answers best.

The choice is by the log loss of folds within the rows that learn, which tells more from few
pictures than the accuracy. Every outer fold chooses for itself, so that its figures are those of
the whole procedure, and the test rows choose nothing.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from headstart.arrays import FloatArray, IntArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_for
from headstart.data.image_table import ImageTable
from headstart.data.split import Split, stratified_folds
from headstart.errors import DataError, UsageError, WeightsError
from headstart.evaluate.metrics import measure
from headstart.features.embed import Features
from headstart.options import FitOptions, as_json
from headstart.progress import QUIET, Progress
from headstart.rank.candidate import HERE, Candidate, parse_candidates
from headstart.recipes.data_preparation import (
    choose_folds,
    choose_split,
    embed_again,
    prepare_data,
    tell,
)
from headstart.recipes.folds import (
    FoldResult,
    as_predictions,
    out_of_fold,
    out_of_folds,
    predictions_of,
    take,
)
from headstart.recipes.frozen import FitResult, fit_features, train_model
from headstart.recipes.head_choice import head_maker
from headstart.recipes.run_record import Stopwatch, make_record
from headstart.recipes.trained_model import TrainedModel
from headstart.wording import plural

INNER_FOLDS = 5  # within the rows that learn
LARGER, STEP = 1.1, 32  # the second size: the next multiple of 32 pixels from a tenth more on
EMBEDDING = 0.7  # share of the minutes that is for the features; the folds take the rest
Way = tuple[Candidate, Backbone]


@dataclass(frozen=True)
class Choice:
    """Which candidate answers rows best that its head did not learn from.

    Attributes:
        number: of the candidate.
        losses: log loss of each over the inner folds, (c,); NaN where nothing could be held out.
    """

    number: int
    losses: FloatArray


class Candidates:
    """All candidates' features of the same rows, as many as the time and the memory hold.

    Args:
        table: the pictures.
        options: of the fit; `options.tune.minutes` is the time.
        progress: told of what is left out.
    """

    def __init__(
        self, table: ImageTable, options: FitOptions, progress: Progress, clock: Stopwatch
    ) -> None:
        self.options, self.progress, self._began = options, progress, time.perf_counter()
        self.make = head_maker(options.head, options.loop, options.split.seed)
        ways = cheapest_first(options)
        clock.lap("open")
        self.data, first = prepare_data(table, ways[0][1], options, progress)
        self.ways, self.features = [ways[0]], [first]
        self._embed_rest(ways[1:])
        clock.lap("embed")

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self._began

    @property
    def names(self) -> list[str]:
        """As they are typed."""
        return [candidate.text for candidate, _ in self.ways]

    def _embed_rest(self, ways: Sequence[Way]) -> None:
        """In their order, until the next one would not fit any more."""
        options = self.options
        most = 60 * options.tune.minutes * EMBEDDING
        room = options.embed.memory_limit - _bytes(self.features[0])
        rate = self.seconds / cost(self.ways[0][1]) if self.features[0].computed else 0.0
        for number, way in enumerate(ways):
            predicted, began = rate * cost(way[1]), self.seconds
            if began + predicted > most or room < 0:
                why = "--memory-limit" if room < 0 else f"--minutes {options.tune.minutes:g}"
                left = ", ".join(candidate.text for candidate, _ in ways[number:])
                tell(self.progress, (f"auto: {why} leaves out {left}",))
                return
            found = embed_again(self.data, way[1], options, self.progress, work="choice")
            if found.computed:  # what was kept says nothing of the time that the next one takes
                rate = max(rate, (self.seconds - began) / cost(way[1]))
            room -= _bytes(found)
            self.ways.append(way)
            self.features.append(found)

    def keep_to_time(self, rows: IntArray, times: int) -> None:
        """Leave out the last ones where choosing `times` among all would take too long."""
        began = self.seconds
        self._loss(0, self._inner(rows))
        left, each = 60 * self.options.tune.minutes - self.seconds, self.seconds - began
        most = max(1, math.floor(left / (each * times)))
        if most < len(self.ways):
            gone = ", ".join(self.names[most:])
            minutes = f"--minutes {self.options.tune.minutes:g}"
            tell(self.progress, (f"auto: choosing by folds within {minutes} leaves out {gone}",))
            del self.ways[most:], self.features[most:]

    def choose(self, rows: IntArray) -> Choice:
        """The candidate of least log loss over folds within these rows, and no others.

        Where a class has too few rows to hold some out, that is the first.
        """
        inner = self._inner(rows)
        losses = np.array([self._loss(number, inner) for number in range(len(self.ways))])
        return Choice(int(losses.argmin()), losses)

    def _inner(self, rows: IntArray) -> list[Split]:
        data, seed = self.data, self.options.split.seed
        labels = [data.labels[row] for row in rows]
        groups = data.groups_of(rows)
        try:
            folds = stratified_folds(labels, folds=INNER_FOLDS, seed=seed, groups=groups)
        except DataError:
            return []
        return [Split(rows[fold.train], rows[fold.test]) for fold in folds]

    def _loss(self, number: int, inner: Sequence[Split]) -> float:
        if not inner:
            return math.inf
        answers = out_of_folds(self.data, self.features[number], inner, self.make)
        held = np.concatenate([fold.test for fold in inner])
        loss = measure(predictions_of(self.data, held, answers[held])).log_loss
        return math.inf if loss is None else loss


def cheapest_first(options: FitOptions) -> list[Way]:
    """Every network whose weights are here, plain, mirrored, and larger and mirrored, opened.

    Raises WeightsError where there is none, and what `open_for` raises besides.
    """
    found: list[Way] = []
    for plain in parse_candidates(HERE):
        own = _opened(plain, options)
        if own is None:
            continue
        larger = _larger(own.info.preprocessing.size)
        sized = Candidate((replace(plain.networks[0], size=larger),), mirror=True)
        found.append((plain, own))
        for one in (replace(plain, mirror=True), sized):
            with suppress(UsageError):  # a size that the network does not take
                found.append((one, open_for(one.options(options.backbone), options.embed)))
    if not found:
        raise WeightsError("--backbone auto: no network's weights are here; `headstart backbones`")
    return sorted(found, key=lambda way: (cost(way[1]), way[0].text))


def _larger(side: int) -> int:
    return STEP * math.ceil(LARGER * side / STEP)


def _opened(candidate: Candidate, options: FitOptions) -> Backbone | None:
    try:
        return open_for(candidate.options(options.backbone), options.embed)
    except WeightsError:
        return None


def cost(backbone: Backbone) -> float:
    """Work for a picture, in no unit: weights times pixels, twice with the mirror image."""
    pixels = backbone.info.preprocessing.size**2
    return float(backbone.info.parameters * pixels * (2 if backbone.info.mirror else 1))


def _bytes(features: Features) -> int:
    return features.values.nbytes + features.views.nbytes


def fit_auto_backbone(
    table: ImageTable, options: FitOptions, progress: Progress = QUIET
) -> FitResult:
    """Choose on the training rows, fit the choice on all of them, and measure it.

    Each fold of the figures chooses for itself. Raises UsageError, DataError and WeightsError.
    """
    clock = Stopwatch()
    some = Candidates(table, options, progress, clock)
    data = some.data
    split, folds = choose_split(data, options.split), choose_folds(data, options.split)
    some.keep_to_time(split.train, 1 + len(folds))
    choice = some.choose(split.train)
    clock.lap("choice")
    backbone, features = some.ways[choice.number][1], some.features[choice.number]
    made = fit_features(data, features, backbone, options, progress, parts=(split, []), clock=clock)
    validated, chosen = _nested(some, folds)
    clock.lap("folds")
    lines = _lines(some, choice, chosen, clock)
    tell(progress, lines)
    record = make_record("frozen", as_json(options), data, clock, [backbone])
    record = replace(record, notes=(*record.notes, *lines))
    return replace(made, folds=validated, decision=lines, record=record)


def train_auto_backbone(
    table: ImageTable, options: FitOptions, progress: Progress = QUIET
) -> tuple[TrainedModel, tuple[str, ...]]:
    """Choose and fit on all rows of the table; the lines say why. Raises as `fit_auto_backbone`."""
    clock = Stopwatch()
    some = Candidates(table, options, progress, clock)
    rows = np.arange(len(some.data))
    some.keep_to_time(rows, 1)
    choice = some.choose(rows)
    clock.lap("choice")
    backbone, features = some.ways[choice.number][1], some.features[choice.number]
    model, _ = train_model(some.data, features, backbone, rows, options, progress)
    return model, _lines(some, choice, [], clock)


def _nested(some: Candidates, folds: Sequence[Split]) -> tuple[FoldResult | None, list[int]]:
    """Out-of-fold answers where each fold chose among its own training rows, and the choices."""
    if not folds:
        return None, []
    data = some.data
    answers = np.full((len(data), len(data.classes)), np.nan)
    chosen: list[int] = []
    some.progress.start("folds", len(folds))
    try:
        for fold in folds:
            chosen.append(some.choose(fold.train).number)
            features = some.features[chosen[-1]]
            answers[fold.test] = out_of_fold(data, features, fold, some.make)
            some.progress.advance()
    finally:
        some.progress.stop()
    whole = as_predictions(data, answers)
    parts = tuple(measure(take(whole, fold.test)) for fold in folds)
    return FoldResult(parts, tuple(folds), whole), chosen


def _lines(
    some: Candidates, choice: Choice, chosen: Sequence[int], clock: Stopwatch
) -> tuple[str, ...]:
    """What was chosen among what, why, and at which cost."""
    names, order = some.names, np.argsort(choice.losses, kind="stable")
    why = "a class has too few pictures to hold some out, so that the cheapest was taken"
    if np.isfinite(choice.losses).all():
        best, *others = [f"{names[place]} {choice.losses[place]:.3f}" for place in order]
        against = f", against {', '.join(others)}" if others else ""
        why = f"log loss over {INNER_FOLDS} folds of the training pictures: {best}{against}"
    if chosen:
        counts = Counter(names[number] for number in chosen)
        times = ", ".join(f"{name} {plural(count, 'time')}" for name, count in counts.most_common())
        why += f"; each of the {len(chosen)} folds chose for itself: {times}"
    cheapest = cost(some.ways[0][1])
    relative = cost(some.ways[choice.number][1]) / cheapest
    seconds = clock.seconds
    return (
        f"auto: {names[choice.number]} was chosen among {plural(len(names), 'candidate')}: "
        f"{', '.join(names)}",
        f"auto: {why}",
        f"auto: the candidates' features took {seconds['embed']:.0f} s and choosing "
        f"{seconds['choice'] + seconds.get('folds', 0.0):.0f} s; the model's network does "
        f"{relative:.1f} times the work a picture of the cheapest, {names[0]}",
    )
