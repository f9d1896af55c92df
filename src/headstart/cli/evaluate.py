"""headstart evaluate: how good is a model on other pictures?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headstart import options
from headstart.cli import flags
from headstart.option_rules import check_options


def evaluate(
    model: flags.Model,
    source: flags.Source,
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="Folder for metrics.json and predictions.csv.")
    ] = None,
    read: flags.Read = options.ReadOptions(),
    embed: flags.Embed = options.EmbedOptions(),
) -> int:
    """Measure a fitted model on labelled pictures that it has not learnt from.

    Examples:

        headstart evaluate run/model other.csv --images images/
        headstart evaluate run/model other_pictures/ --out evaluation/
    """
    check_options(read, embed)  # before the imports, which take seconds

    from headstart.cli.show import progress, show_metrics
    from headstart.errors import DataError
    from headstart.evaluate.metrics import measure
    from headstart.model_dir import load_model
    from headstart.outputs.permission import Inputs
    from headstart.recipes.data_preparation import read_labelled
    from headstart.report.evaluation_folder import evaluation_outputs, write_evaluation

    outputs = out and evaluation_outputs(out, Inputs((model, source, read.images)))
    trained = load_model(model, device=embed.device)
    with progress() as shown:
        table = read_labelled(source, read, progress=shown)
        answers = trained.predict(
            table.images,
            names=table.ids,
            truth=table.labels,
            options=embed,
            max_pixels=read.max_pixels,
            progress=shown,
        )
    if not read.skip_bad:
        table.raise_if_bad(table.unread(answers.errors))
    for bad in (*table.bad, *table.unread(answers.errors)):
        shown.note(f"left out: {bad}")
    metrics = measure(answers)
    if metrics.n == 0:
        raise DataError(
            f"no picture can be scored: the labels here are {_names(set(table.labels or ()))}, "
            f"the model's classes {_names(trained.classes)}"
        )
    figures = metrics.to_json()
    if outputs:
        with outputs.writing() as new:
            write_evaluation(figures, answers, new)
    show_metrics(figures, None)
    return 0


def _names(labels: Iterable[str]) -> str:
    return ", ".join(repr(label) for label in sorted(labels))
