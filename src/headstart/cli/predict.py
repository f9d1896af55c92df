"""headstart predict: what is on these pictures?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headstart import options
from headstart.cli import flags
from headstart.option_rules import check_options

if TYPE_CHECKING:
    from headstart.evaluate.predictions import Predictions

SHOWN_ROWS = 30


def predict(
    model: flags.Model,
    sources: Annotated[
        tuple[Path, ...], Parameter(help="Pictures, folders, or tables with a column of names.")
    ],
    /,
    *,
    out: Annotated[Path | None, Parameter(help="CSV file for the answers.")] = None,
    show: Annotated[
        Path | None, Parameter(help="Picture file: each picture with its class and score.")
    ] = None,
    read: flags.Read = options.ReadOptions(),
    embed: flags.Embed = options.EmbedOptions(),
) -> int:
    """Answer pictures with a fitted model, one row a picture in the order given.

    A picture that cannot be read gets a row with its error; the exit code is then 1.

    Examples:

        headstart predict run/model photo.jpg
        headstart predict run/model photos/ more/ --out answers.csv
        headstart predict run/model photo.jpg --show answer.png
    """
    from headstart.cli.show import progress
    from headstart.data.inputs import list_pictures
    from headstart.model_dir import load_model
    from headstart.outputs.own_files import CONTACT_SHEET, PREDICTIONS
    from headstart.outputs.permission import Inputs, OutputFile
    from headstart.report.contact_sheet import check_sheet_name, write_contact_sheet
    from headstart.report.predictions_table import write_predictions

    check_options(read, embed)
    inputs = Inputs((model, *sources, read.images))
    table_file = out and OutputFile(out, "--out", PREDICTIONS, inputs)
    sheet_file = show and OutputFile(show, "--show", CONTACT_SHEET, inputs)
    if show is not None:
        check_sheet_name(show)
    trained = load_model(model, device=embed.device)
    table = list_pictures(sources, read, leave_out=show)
    for output in (table_file, sheet_file):
        if output:
            output.refuse_inputs(Inputs(getattr(image, "path", None) for image in table.images))
    with progress() as shown:
        for note in table.notes:
            shown.note(note)
        for bad in table.bad:
            shown.note(f"left out: {bad}")
        answers = trained.predict(
            table.images, names=table.ids, options=embed, max_pixels=read.max_pixels, progress=shown
        )
    if table_file:
        with table_file.writing() as file:
            write_predictions(file, answers)
    if sheet_file:
        with sheet_file.writing() as file:
            write_contact_sheet(answers, table.images, file, max_pixels=read.max_pixels)
    show_answers(answers, out)
    return 1 if table.bad or not answers.answered.all() else 0


def show_answers(answers: Predictions, out: Path | None) -> None:
    """A table of the first answers, and where all of them are."""
    from headstart.cli.show import cell, console, say, table

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
