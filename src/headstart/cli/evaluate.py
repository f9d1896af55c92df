"""headstart evaluate: how good is a model on other pictures?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import progress, say, show_metrics
from headstart.errors import DataError
from headstart.options import FitOptions
from headstart.options.checks import as_typed

if TYPE_CHECKING:
    from headstart.data.image_table import ImageTable
    from headstart.evaluate.predictions import Predictions
    from headstart.outputs.permission import OutputFolder
    from headstart.progress import Progress


def evaluate(
    model: parser.Model,
    source: parser.Source,
    /,
    *,
    out: Annotated[
        Path | None,
        Parameter(help="Folder for metrics.json and predictions.csv.", group=parser.FIRST),
    ] = None,
    options: FitOptions,
) -> int:
    """Measure a fitted model on labelled pictures that it has not learnt from.

    With a given split (--split-column, or folders train and test) the test rows are scored alone.

    Examples:

        headstart evaluate run/model other.csv --images images/
        headstart evaluate run/model other_pictures/ --out evaluation/
        headstart evaluate run/model labels.csv --split-column part
        headstart evaluate run/model labels.csv --rename 0=other 1=emergency
    """
    from headstart.cli.class_names import in_classes_of_model
    from headstart.evaluate.metrics import measure
    from headstart.export.exported_model import open_model
    from headstart.outputs.permission import Inputs
    from headstart.recipes.data_preparation import read_labelled, tell
    from headstart.report.evaluation_folder import evaluation_outputs

    read = options.read
    inputs = Inputs((model, source, *options.files()))
    outputs = evaluation_outputs(out, inputs) if out else None
    trained = open_model(model, device=options.embed.device, runtime=options.embed.runtime)
    with progress() as shown:
        table = _tested(read_labelled(source, read, progress=shown), shown)
        command = ["headstart", "evaluate", str(model), str(source), *as_typed(options)]
        command += ["--out", str(out)] if out else []
        table, unknown = in_classes_of_model(table, trained.classes, read.skip_bad, command)
        tell(shown, unknown)
        answers = trained.predict(
            table.images,
            names=table.ids,
            truth=table.labels,
            options=options.embed,
            max_pixels=read.max_pixels,
            progress=shown,
        )
        _tell_unfamiliar(answers, shown)
    if not read.skip_bad:
        table.raise_if_bad(table.unread(answers.errors))
    tell(shown, (f"left out: {bad}" for bad in (*table.bad, *table.unread(answers.errors))))
    metrics = measure(_with_groups(answers, table))
    if metrics.n == 0:
        raise DataError("no picture can be scored: not one of them can be read")
    _write_and_show(metrics.to_json(), answers, outputs, out)
    return 0


def _write_and_show(
    figures: dict[str, Any], answers: Predictions, outputs: OutputFolder | None, out: Path | None
) -> None:
    from headstart.report.evaluation_folder import EVALUATION_FILES, write_evaluation

    if outputs:
        with outputs.writing() as new:
            write_evaluation(figures, answers, new)
    show_metrics(figures, None)
    if out:
        figures_file, answers_file = (out / name for name in EVALUATION_FILES)
        say(f"figures: {figures_file}    answers: {answers_file}")


def _tested(table: ImageTable, shown: Progress) -> ImageTable:
    """The test rows of a given split, or all rows where there is none. Raises DataError for none.

    A model has often learnt from the others, or chosen something by them.
    """
    from headstart.data.split import given_test_rows

    if table.splits is None:
        return table
    rows = given_test_rows(table.splits).nonzero()[0].tolist()
    if not rows:
        raise DataError(
            f"the given split of {table.source} has no test row among its {len(table)}; leave out "
            "--split-column, or give the folder of one part, to score all rows"
        )
    others = len(table) - len(rows)
    shown.note(f"the {len(rows)} test rows of the given split are scored, {others} others are not")
    return table.take(rows)


def _tell_unfamiliar(answers: Predictions, shown: Progress) -> None:
    """How many pictures are unlike what was learnt, where the model can tell."""
    from headstart.heads.familiarity import unfamiliar_in_words

    if answers.familiar is not None:
        shown.note(unfamiliar_in_words(answers.familiar))


def _with_groups(answers: Predictions, table: ImageTable) -> Predictions:
    """The answers with the groups that the table names for their rows."""
    from headstart.data.duplicates import find_duplicates

    if table.groups is None:
        return answers
    unknown = ("",) * len(table)  # copies are not looked for here
    return replace(answers, groups=find_duplicates(sha256=unknown, given=table.groups).group)
