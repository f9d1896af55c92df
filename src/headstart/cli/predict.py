"""headstart predict: what is on these pictures?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import cell, console, progress, say, table
from headstart.options import FitOptions

if TYPE_CHECKING:
    from headstart.data.image_table import ImageTable
    from headstart.evaluate.predictions import Predictions
    from headstart.outputs.permission import Inputs, OutputFile

SHOWN_ROWS = 30


def predict(
    model: parser.Model,
    sources: parser.Sources,
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="CSV file for the answers.", group=parser.FIRST)
    ] = None,
    show: Annotated[
        Path | None,
        Parameter(help="Picture file: each picture with its class and score.", group=parser.FIRST),
    ] = None,
    options: FitOptions,
) -> int:
    """Answer pictures with a fitted model, one row a picture in the order given.

    A picture that cannot be read gets a row with its error; the exit code is then 1.

    Examples:

        headstart predict run/model photo.jpg
        headstart predict run/model photos/ more/ --out answers.csv
        headstart predict run/model photo.jpg --show answer.png
    """
    from headstart.data.inputs import list_pictures
    from headstart.export.exported_model import open_model
    from headstart.outputs.own_files import PREDICTIONS
    from headstart.outputs.permission import Inputs, OutputFile
    from headstart.report.predictions_table import write_predictions

    read = options.read
    inputs = Inputs((model, *sources, *options.files()))
    table_file = OutputFile(out, "--out", PREDICTIONS, inputs) if out else None
    sheet_file = _sheet_file(show, inputs) if show else None
    trained = open_model(model, device=options.embed.device)
    listed = list_pictures(sources, read, leave_out=show)
    _refuse_pictures(listed, table_file, sheet_file)
    with progress() as shown:
        for note in listed.notes:
            shown.note(note)
        for bad in listed.bad:
            shown.note(f"left out: {bad}")
        answers = trained.predict(
            listed.images,
            names=listed.ids,
            options=options.embed,
            max_pixels=read.max_pixels,
            progress=shown,
        )
    if table_file:
        with table_file.writing() as file:
            write_predictions(file, answers)
    if sheet_file:
        from headstart.report.contact_sheet import write_contact_sheet

        with sheet_file.writing() as file:
            write_contact_sheet(answers, listed.images, file, max_pixels=read.max_pixels)
    show_answers(answers, out)
    return 1 if listed.bad or not answers.answered.all() else 0


def _sheet_file(show: Path, inputs: Inputs) -> OutputFile:
    """The file for the picture of answers. Matplotlib, which draws it, takes long to load."""
    from headstart.outputs.own_files import CONTACT_SHEET
    from headstart.outputs.permission import OutputFile
    from headstart.report.contact_sheet import check_sheet_name

    file = OutputFile(show, "--show", CONTACT_SHEET, inputs)
    check_sheet_name(show)
    return file


def _refuse_pictures(listed: ImageTable, *outputs: OutputFile | None) -> None:
    """Raise UsageError when one of the pictures would be written over."""
    from headstart.outputs.permission import Inputs

    pictures = Inputs(getattr(image, "path", None) for image in listed.images)
    for output in outputs:
        if output is not None:
            output.refuse_inputs(pictures)


def show_answers(answers: Predictions, out: Path | None) -> None:
    """A table of the first answers, and where all of them are."""
    shown = table("image", "predicted", "probability", "error")
    best = answers.probability
    for row in range(min(len(answers), SHOWN_ROWS)):
        probability = "" if answers.errors[row] else f"{best[row]:.3f}"
        name, found, error = answers.images[row], answers.predicted[row], answers.errors[row]
        shown.add_row(cell(name), cell(found), probability, cell(error))
    console().print(shown)
    if len(answers) > SHOWN_ROWS:
        hint = "" if out else "; --out FILE writes all"
        say(f"... {len(answers) - SHOWN_ROWS} more rows{hint}")
    if out is not None:
        say(f"{len(answers)} rows in {out}")
