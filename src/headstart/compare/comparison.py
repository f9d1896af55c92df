"""Several models on the same split and folds, and what the differences are worth."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headstart.backbones.backbone import Backbone
from headstart.backbones.nothing import no_backbone
from headstart.backbones.opening import open_backbone
from headstart.compare.model_spec import ModelSpec
from headstart.data.image_table import ImageTable
from headstart.data.split import Split
from headstart.errors import UsageError, WeightsError
from headstart.heads.affine import AffineHead
from headstart.option_rules import check_comparison
from headstart.options import FitOptions
from headstart.progress import QUIET, Progress
from headstart.recipes import run_record
from headstart.recipes.frozen import FitResult, fit_on_features, make_record, make_result
from headstart.recipes.labelled import (
    Labelled,
    choose_folds,
    choose_split,
    embed_labelled,
    read_labelled,
)
from headstart.recipes.run_record import RunRecord


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
    data: Labelled
    split: Split
    record: RunRecord


def compare(
    source: Path,
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
    cnns = [spec.is_small_cnn for spec in specs]
    check_comparison(options, has_small_cnn=any(cnns), has_backbone=not all(cnns))
    started, began = run_record.now(), time.perf_counter()
    unknown = set(weights) - {s.name for s in specs} - {s.name.partition(".")[0] for s in specs}
    if unknown:
        raise UsageError(
            f"--weights for {', '.join(sorted(unknown))}, which --models does not name"
        )
    backbones, missing = open_all(specs, options, weights, skip_missing)
    for name, backbone in backbones.items():
        for note in backbone.info.notes:
            progress.note(f"{name}: {note}")
    table = read_labelled(source, options.read, options.labels)
    for note in table.notes:
        progress.note(note)
    # The first backbone's features help to find near-duplicates; all models share the groups.
    first = next(iter(backbones.values()), None) or no_backbone()
    data = _embed(table, first, options, progress)
    for note in data.notes[len(table.notes) :]:
        progress.note(note)
    split, folds = choose_split(data, options.split), choose_folds(data, options.split)
    entries = []
    for spec in specs:
        if spec.text in missing:
            entries.append(Entry(spec, None, missing[spec.text]))
            continue
        progress.note(f"{spec.text}")
        chosen = spec.options(options, weights)
        if spec.is_small_cnn:
            result = _train_small_cnn(data, split, chosen, progress)
        else:
            backbone = backbones[spec.text]
            own = data if backbone is first else _embed(table, backbone, chosen, progress)
            result = _fit(own, data, backbone, (split, folds), chosen, progress)
        entries.append(Entry(spec, result))
    seconds = {"total": time.perf_counter() - began}
    record = make_record("compare", options, data, started, seconds)
    named = {"models": ",".join(spec.text for spec in specs)}  # as they are typed
    if weights:
        named["weights"] = " ".join(f"{name}={file}" for name, file in weights.items())
    record = replace(record, options={**record.options, **named})
    return Comparison(tuple(entries), data, split, record)


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
            backbones[spec.text] = open_backbone(chosen.backbone, device=options.embed.device)
        except WeightsError as error:
            missing[spec.text] = str(error)
    if missing and not skip_missing:
        listed = "\n".join(f"{name}: {why}" for name, why in missing.items())
        raise WeightsError(f"{listed}\nGo on without them: --skip-missing.")
    if len(missing) == len(specs):
        raise WeightsError("no model is left: " + "; ".join(missing.values()))
    return backbones, missing


def _embed(
    table: ImageTable, backbone: Backbone, options: FitOptions, progress: Progress
) -> Labelled:
    return embed_labelled(table, backbone, options.embed, options.read, options.split, progress)


def _fit(
    own: Labelled,
    shared: Labelled,
    backbone: Backbone,
    parts: tuple[Split, list[Split]],
    options: FitOptions,
    progress: Progress,
) -> FitResult:
    """One model on its own features and the shared rows, groups, split and folds."""
    started, began = run_record.now(), time.perf_counter()
    if own.features.sha256 != shared.features.sha256:
        raise UsageError("a picture changed during the comparison; run it again")
    data = replace(own, duplicates=shared.duplicates)
    split, folds = parts
    fitted = fit_on_features(data, backbone, options, progress, split=split, folds=folds)
    seconds = {"embed": data.features.seconds, **fitted.seconds}
    seconds["total"] = data.features.seconds + time.perf_counter() - began
    return make_result(fitted, data, make_record("frozen", options, data, started, seconds))


def _train_small_cnn(
    data: Labelled, split: Split, options: FitOptions, progress: Progress
) -> FitResult:
    from headstart.recipes.scratch import train_on

    return train_on(data, split, options, progress)


def embed_seconds(result: FitResult) -> tuple[float, float | None]:
    """Seconds for embedding, and pictures per second where the backbone ran."""
    seconds = result.record.seconds.get("embed", 0.0)
    computed = result.data.features.computed
    return seconds, computed / seconds if computed and seconds else None


def count_parameters(result: FitResult) -> dict[str, Any]:
    """Weights that were trained, and all of them."""
    fitted = result.model.head
    if isinstance(fitted, AffineHead):
        head = fitted.coef_.size + fitted.intercept_.size
    else:
        head = sum(int(array.size) for array in fitted.to_arrays().values())
    backbone = result.model.backbone.info.parameters
    trained = head + (backbone if result.record.recipe == "scratch" else 0)
    return {"trainable_parameters": trained, "total_parameters": head + backbone}
