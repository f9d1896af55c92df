"""headstart predict: what is on these pictures?"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import cell, console, progress, say, table
from headstart.options import FitOptions

if TYPE_CHECKING:
    from headstart.data.picture_rows import PictureRows
    from headstart.evaluate.predictions import Predictions
    from headstart.images.source import ImageSource
    from headstart.outputs.permission import Inputs, OutputFile
    from headstart.progress import Progress
    from headstart.recipes.trained_model import TrainedModel

    Block = tuple[tuple[ImageSource, ...], tuple[str, ...]]

SHOWN_ROWS = 30
KEPT_ROWS = 60  # as many as a sheet shows
LOOKED_AT_ONCE = 10_000


def predict(
    model: parser.Model,
    /,
    *sources: parser.Sources,
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

    A picture that cannot be read gets a row with its error; the exit code is then 1. One that is of
    a single colour, tiny, dark, much longer than wide, or unlike what the model has learnt from
    gets a warning. The column familiar is below 0.05 for the latter: so few training pictures lie
    as far from what was learnt.

    Examples:

        headstart predict run/model photo.jpg
        headstart predict run/model photos/ more/ --out answers.csv
        headstart predict run/model photo.jpg --show answer.png
        headstart predict run/model s3://bucket/a.csv --cluster local
    """
    from headstart.data.inputs import picture_rows
    from headstart.export.exported_model import open_model
    from headstart.outputs.own_files import PREDICTIONS
    from headstart.outputs.permission import Inputs, OutputFile
    from headstart.report.predictions_table import write_blocks

    read = options.read
    inputs = Inputs((model, *sources, *options.files()))
    table_file = OutputFile(out, "--out", PREDICTIONS, inputs) if out else None
    sheet_file = _sheet_file(show, inputs) if show else None
    trained = open_model(model, device=options.embed.device, runtime=options.embed.runtime)
    listed = picture_rows(sources, read, leave_out=show)
    _refuse_pictures(listed, table_file, sheet_file)
    with progress() as shown:
        for note in listed.notes:
            shown.note(note)
        for bad in listed.bad:
            shown.note(f"left out: {bad}")
        answers = _Answers(trained, listed, options, shown)
        if table_file:
            with table_file.writing() as file:
                write_blocks(file, answers)
        else:
            deque(answers, maxlen=0)
    if sheet_file:
        with sheet_file.writing() as file:
            answers.draw(file)
    show_answers(answers.first, answers.rows, out)
    return 1 if listed.bad or answers.failed else 0


def _sheet_file(show: Path, inputs: Inputs) -> OutputFile:
    """The file for the picture of answers. Matplotlib, which draws it, takes long to load."""
    from headstart.outputs.own_files import CONTACT_SHEET
    from headstart.outputs.permission import OutputFile
    from headstart.report.contact_sheet import check_sheet_name

    file = OutputFile(show, "--show", CONTACT_SHEET, inputs)
    check_sheet_name(show)
    return file


class _Answers:
    """The answers block by block, of which only the first rows and counts are kept."""

    def __init__(
        self, model: TrainedModel, listed: PictureRows, options: FitOptions, shown: Progress
    ) -> None:
        self._model, self._listed, self._options, self._shown = model, listed, options, shown
        self._total = len(listed)
        self.rows = 0
        self.failed = 0
        self.pictures: tuple[ImageSource, ...] = ()

    def __iter__(self) -> Iterator[Predictions]:
        embed = self._options.embed
        blocks = self._listed.blocks(self._model.block_rows(embed), self._shown.note)
        for answers in self._model.predict_blocks(
            self._kept(blocks),
            self._total,
            options=embed,
            max_pixels=self._options.read.max_pixels,
            progress=self._shown,
        ):
            if not self.rows:
                self.first = answers.first(KEPT_ROWS)
            self.rows += len(answers)
            self.failed += sum(map(bool, answers.errors))
            yield answers

    def draw(self, file: Path) -> None:
        """The first answers as a picture."""
        from headstart.report.contact_sheet import write_contact_sheet

        limit = self._options.read.max_pixels
        write_contact_sheet(self.first, self.pictures, file, total=self.rows, max_pixels=limit)

    def _kept(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The blocks, at least an empty one; the first pictures are kept for a sheet."""
        empty: Block = ((), ())
        for images, names in chain(blocks, () if self._total else (empty,)):
            self.pictures = self.pictures or images[:KEPT_ROWS]
            yield images, names


def _refuse_pictures(listed: PictureRows, *outputs: OutputFile | None) -> None:
    """Raise UsageError when one of the pictures would be written over.

    Only for a file that is there already are all rows looked at, since no picture is one that is
    not.
    """
    from headstart.outputs.permission import Inputs

    for output in outputs:
        if output is not None and output.path.exists():
            for images, _ in listed.blocks(LOOKED_AT_ONCE, _nothing):
                output.refuse_inputs(Inputs(getattr(image, "path", None) for image in images))


def _nothing(note: str) -> None:
    """Take a note that will come again."""


def show_answers(answers: Predictions, rows: int, out: Path | None) -> None:
    """A table of the first answers, and where all of them are."""
    few = answers.first(SHOWN_ROWS)
    warnings = few.warnings if few.warnings and any(few.warnings) else None
    columns = ["image", "predicted", "probability", "error"]
    shown = table(*columns, *(["warning"] if warnings else []))
    best = few.probability
    for row in range(len(few)):
        probability = "" if few.errors[row] else f"{best[row]:.3f}"
        cells = [
            cell(few.images[row]),
            cell(few.predicted[row]),
            probability,
            cell(few.errors[row]),
        ]
        shown.add_row(*cells, *([cell(warnings[row])] if warnings else []))
    console().print(shown)
    if rows > SHOWN_ROWS:
        hint = "" if out else "; --out FILE writes all"
        say(f"... {rows - SHOWN_ROWS} more rows{hint}")
    if out is not None:
        say(f"{rows} rows in {out}")
