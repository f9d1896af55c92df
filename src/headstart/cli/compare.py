"""headstart compare: several models on the same pictures, and what the differences are worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import (
    cell,
    console,
    mean_text,
    progress,
    say,
    share,
    table,
    with_remarks,
)
from headstart.options import DEFAULT_BACKBONE, FitOptions

DEFAULT_MODELS = f"small_cnn,{DEFAULT_BACKBONE}"


def compare(
    source: parser.Source,
    /,
    *,
    models: Annotated[
        str,
        Parameter(
            help="Models, separated by commas: NAME[@SIZE][:LAYER][+HEAD], NAME:fine-tune, or "
            "small_cnn[:once]; A+B joins two networks.",
            group=parser.FIRST,
        ),
    ] = DEFAULT_MODELS,
    out: Annotated[
        Path, Parameter(help="Folder for models, figures and report.", group=parser.FIRST)
    ] = Path("comparison"),
    weights: parser.NamedWeights = (),
    skip_missing: Annotated[
        bool,
        Parameter(
            help="Go on without models whose weights cannot be had.",
            negative="",
            group=parser.heading("Backbone"),
            show_default=False,
        ),
    ] = False,
    options: FitOptions,
) -> int:
    """Compare models on one split and the same folds, with intervals and paired tests.

    Examples:

        headstart compare labels.csv --images images/
        headstart compare labels.csv --models tf_efficientnet_lite0,small_cnn:once
        headstart compare labels.csv --models resnet18@288,resnet18+resnet34
        headstart compare pictures/ --models vgg16+svm --weights vgg16=vgg16.pth
        headstart compare pictures/ --models resnet18,resnet18:fine-tune
    """
    from headstart.compare.comparison import compare as run
    from headstart.compare.model_spec import parse_models, parse_weights
    from headstart.outputs.permission import Inputs
    from headstart.report.comparison_page import comparison_outputs, write_comparison_folder

    specs = parse_models(models, options.loop.augment)
    files = parse_weights(weights)
    inputs = Inputs((source, *options.files(), *files.values()))
    outputs = comparison_outputs(out, specs, inputs)
    with progress() as bar:
        result = run(source, specs, options, weights=files, skip_missing=skip_missing, progress=bar)
    result = with_remarks(result, options.split.seed)
    with outputs.writing() as new:
        title = f"headstart compare {source.name}"
        rows = write_comparison_folder(result, new, title=title)
    show_comparison(rows, len(result.split.test), out)
    return 0


def show_comparison(rows: Sequence[dict[str, Any]], n_test: int, out: Path) -> None:
    """Two tables, since one would be too wide: how good, and what it costs. Then words."""
    from headstart.compare.verdicts import sentences

    say(f"accuracy on {n_test} test pictures with its 95 % interval, and over the folds:")
    console().print(_good(rows))
    console().print(_cost(rows))
    if any(row["test_p"] is not None for row in rows):
        say("folds: mean ± corrected standard error; p: of no other model being better, adjusted")
        say("for picking the best of all models and for two tests where there are two")
    for line in sentences(rows):
        say(line)
    say(f"report: {out / 'report.html'}    figures: {out / 'comparison.json'}")


def _good(rows: Sequence[dict[str, Any]]) -> Any:
    shown = table("model", "training", "test", "interval", "folds", "p test", "p folds")
    for row in rows:
        if row["missing"] is not None:
            shown.add_row(cell(row["model"]), "not run", "", "", "", "", "")
            continue
        low, high = row["accuracy_interval"]
        shown.add_row(
            cell(row["model"]),
            share(row["train_accuracy"]),
            share(row["accuracy"]),
            f"{low:.3f}–{high:.3f}",
            "–"
            if row["folds_mean"] is None
            else mean_text(row["folds_mean"], row["folds_standard_error"]),
            _p(row, "test"),
            _p(row, "folds"),
        )
    for column in shown.columns[1:]:
        column.no_wrap = True
    return shown


def _cost(rows: Sequence[dict[str, Any]]) -> Any:
    columns = ("model", "macro F1", "log loss", "trained", "of weights", "features", "training")
    shown = table(*columns, "disk")
    for row in rows:
        if row["missing"] is not None:
            continue
        rate = row["pictures_per_second"]
        shown.add_row(
            cell(row["model"]),
            share(row["macro_f1"]),
            share(row["log_loss"]),
            _thousands(row["trainable_parameters"]),
            _thousands(row["total_parameters"]),
            f"{row['seconds_embed']:.1f} s" + (f", {rate:.0f}/s" if rate else ""),
            f"{row['seconds_train']:.2f} s",
            f"{row['bytes_on_disk'] / 1e6:.1f} MB",
        )
    for column in shown.columns[1:]:
        column.no_wrap = True
    return shown


def _thousands(count: int) -> str:
    """50,610 as "51 k", 3,373,570 as "3.4 M"."""
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.1f} k"


def _p(row: dict[str, Any], test: str) -> str:
    """The p of one test, or that no other model is ahead in it."""
    from headstart.evaluate.significance import p_text

    is_ahead = row[f"{test}_p"] is not None and row[f"{test}_ahead"] is None
    return "best" if is_ahead else p_text(row[f"{test}_p"])
