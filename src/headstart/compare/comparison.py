"""Several models on the same split and folds, and what the differences are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_for
from headstart.compare.model_spec import ModelSpec
from headstart.data.dataset import Dataset
from headstart.data.split import Split
from headstart.errors import UsageError, WeightsError
from headstart.features.embed import Features
from headstart.heads.fitted_heads import FittedLinear
from headstart.images.address import Url
from headstart.options import FitOptions, as_json
from headstart.options.checks import check_comparison
from headstart.progress import QUIET, Progress
from headstart.recipes.data_preparation import (
    choose_folds,
    choose_split,
    embed_again,
    prepare_data,
    prepare_without_features,
    read_labelled,
    refuse_drawn_split,
    tell,
)
from headstart.recipes.frozen import FitResult, fit_features
from headstart.recipes.run_record import RunRecord, Stopwatch, make_record


@dataclass(frozen=True)
class Entry:
    """One model of a comparison: its result, or why there is none."""

    spec: ModelSpec
    result: FitResult | None
    missing: str | None = None


@dataclass(frozen=True)
class Comparison:
    """Models in the order they were named.

    Attributes:
        entries: one for each model.
        data: rows and groups that all models share.
        split: the training and test rows of all models.
        record: what was run.
    """

    entries: tuple[Entry, ...]
    data: Dataset
    split: Split
    record: RunRecord


def compare(
    source: Path | Url,
    specs: Sequence[ModelSpec],
    options: FitOptions,
    *,
    weights: Mapping[str, Path],
    skip_missing: bool = False,
    progress: Progress = QUIET,
) -> Comparison:
    """Fit every model on one split and the same folds.

    Raises WeightsError that lists every model whose weights cannot be had, before anything runs,
    unless `skip_missing`. Raises UsageError for an option out of range or used by no model.
    """
    _check(specs, options)
    clock = Stopwatch()
    named = {network.name for spec in specs for network in spec.networks}
    unknown = set(weights) - named - {name.partition(".")[0] for name in named}
    if unknown:
        raise UsageError(
            f"--weights for {', '.join(sorted(unknown))}, which --models does not name"
        )
    backbones, missing = open_all(specs, options, weights, skip_missing)
    for name, backbone in backbones.items():
        tell(progress, (f"{name}: {note}" for note in backbone.info.notes))
    table = read_labelled(source, options.read, options.labels, progress)
    refuse_drawn_split(table, options.split)
    # One backbone's features help to find near-duplicates, and all models share the groups: that
    # of the first name, so that the order in which models are named does not change the split.
    first = backbones[min(backbones)] if backbones else None
    features = None
    if first is None:
        data = prepare_without_features(table, options, progress)
    else:
        data, features = prepare_data(table, first, options, progress)
    parts = choose_split(data, options.split), choose_folds(data, options.split)
    entries = []
    for spec in specs:
        if spec.text in missing:
            entries.append(Entry(spec, None, missing[spec.text]))
            continue
        progress.note(f"{spec.text}")
        chosen = spec.options(options, weights)
        if spec.is_small_cnn:
            result = _train_small_cnn(data, parts[0], chosen, progress)
        elif spec.is_tuned:
            result = _fine_tune(data, backbones[spec.text], parts, chosen, progress)
        else:
            backbone = backbones[spec.text]
            ready = features if backbone is first else None
            result = _fit(data, ready, backbone, parts, chosen, progress)
        entries.append(Entry(spec, result))
    record = make_record("compare", as_json(options), data, clock, backbones.values())
    typed = {"models": ",".join(spec.text for spec in specs)}
    if weights:
        typed["weights"] = " ".join(f"{name}={file}" for name, file in weights.items())
    record = replace(record, options={**record.options, **typed})
    return Comparison(tuple(entries), data, parts[0], record)


def _check(specs: Sequence[ModelSpec], options: FitOptions) -> None:
    check_comparison(
        options,
        has_small_cnn=any(spec.is_small_cnn for spec in specs),
        has_backbone=not all(spec.is_small_cnn or spec.is_tuned for spec in specs),
        has_tuned=any(spec.is_tuned for spec in specs),
    )


def open_all(
    specs: Sequence[ModelSpec],
    options: FitOptions,
    weights: Mapping[str, Path],
    skip_missing: bool,
) -> tuple[dict[str, Backbone], dict[str, str]]:
    """Backbones by model, and the remedy for each whose weights cannot be had."""
    backbones: dict[str, Backbone] = {}
    missing: dict[str, str] = {}
    for spec in specs:
        if spec.is_small_cnn:
            continue
        chosen = spec.options(options, weights)
        try:
            backbones[spec.text] = open_for(chosen.backbone, options.embed, files=weights)
        except WeightsError as error:
            missing[spec.text] = str(error)
    if missing and not skip_missing:
        listed = "\n".join(f"{name}: {why}" for name, why in missing.items())
        raise WeightsError(f"{listed}\nGo on without them: --skip-missing.")
    if len(missing) == len(specs):
        raise WeightsError("no model is left: " + "; ".join(missing.values()))
    return backbones, missing


def _fit(
    data: Dataset,
    features: Features | None,
    backbone: Backbone,
    parts: tuple[Split, list[Split]],
    options: FitOptions,
    progress: Progress,
) -> FitResult:
    """One model on the shared rows, groups, split and folds; `features` where they are there."""
    clock = Stopwatch()
    if features is None:
        features = embed_again(data, backbone, options, progress, work="comparison")
    clock.seconds["embed"] = features.seconds
    clock.restart()
    return fit_features(data, features, backbone, options, progress, parts=parts, clock=clock)


def _fine_tune(
    data: Dataset,
    backbone: Backbone,
    parts: tuple[Split, list[Split]],
    options: FitOptions,
    progress: Progress,
) -> FitResult:
    """A fine-tuned model on the shared rows; on the folds only where they are asked for."""
    from headstart.recipes.fine_tune import Tuner
    from headstart.recipes.tuning_defaults import usual_options

    clock, options = Stopwatch(), usual_options(options)
    features = embed_again(data, backbone, options, progress, work="comparison")
    clock.seconds["embed"] = features.seconds
    clock.restart()
    folds = parts[1] if options.split.folds is not None else []
    return Tuner(data, features, backbone, options, progress).fit(parts[0], folds, clock)


def _train_small_cnn(
    data: Dataset, split: Split, options: FitOptions, progress: Progress
) -> FitResult:
    from headstart.recipes.scratch import train_on

    return train_on(data, split, options, progress)


def embed_seconds(result: FitResult) -> tuple[float, float | None]:
    """Seconds for embedding, and pictures per second where the backbone ran."""
    seconds = result.record.seconds.get("embed", 0.0)
    computed = result.features.computed if result.features is not None else 0
    return seconds, computed / seconds if computed and seconds else None


def count_parameters(result: FitResult) -> dict[str, Any]:
    """Weights that were trained, and all of them."""
    fitted = result.model.head
    if isinstance(fitted, FittedLinear):
        head = fitted.coef.size + fitted.intercept.size
    else:
        head = sum(int(array.size) for array in fitted.to_arrays().values())
    backbone = result.model.backbone.info.parameters
    if result.tuning is not None:
        return {
            "trainable_parameters": result.tuning.trained,
            "total_parameters": head + result.model.backbone.info.parameters,
        }
    trained = head + (backbone if result.record.recipe == "scratch" else 0)
    return {"trainable_parameters": trained, "total_parameters": head + backbone}
