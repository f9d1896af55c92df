"""headstart export: a fitted model as one file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import progress, say
from headstart.errors import UsageError
from headstart.images.address import Url
from headstart.option_facts import one_of
from headstart.options import FitOptions

if TYPE_CHECKING:
    from headstart.data.image_table import ImageTable
    from headstart.export.check_pictures import GivenPictures
    from headstart.options import ReadOptions
    from headstart.progress import Progress
    from headstart.recipes.trained_model import TrainedModel

PRECISIONS = ("fp32", "int8")


def export(
    model: parser.Model,
    /,
    *,
    out: Annotated[
        Path, Parameter(help="File to write: model.onnx, or model.pt2.", group=parser.FIRST)
    ],
    pictures: Annotated[
        Path | Url | None,
        Parameter(
            help="Folder or table of pictures to compare the file on, and to calibrate int8 with.",
            converter=parser.one_place,
            accepts_keys=False,
            group=parser.FIRST,
        ),
    ] = None,
    precision: Annotated[
        str, Parameter(help="Arithmetic of the file: fp32 or int8.", group=parser.FIRST)
    ] = "fp32",
    options: FitOptions,
) -> int:
    """Write a model as one file: a decoded picture in, class probabilities out.

    The file is compared with the model before it is written; one that differs is not.

    Examples:

        headstart export run/model --out model.onnx
        headstart export run/model --out model.onnx --pictures photos/ --opset 20
        headstart export run/model --out small.onnx --precision int8 --pictures labels.csv
        headstart export run/model --out model.pt2
    """
    from headstart.data.inputs import read_pictures
    from headstart.export.exported_file import TORCH, check_kind, exported_output, write_exported
    from headstart.export.onnx_export import export_onnx
    from headstart.model_card import read_figures
    from headstart.model_dir import load_model
    from headstart.outputs.permission import Inputs

    rule = one_of(PRECISIONS)
    if not rule.holds(precision):
        raise UsageError(f"--precision is {precision!r}; it must be {rule.allowed}")
    kind = check_kind(out, precision, has_pictures=pictures is not None)
    output = exported_output(out, Inputs((model, pictures, *options.files())))
    trained = load_model(model, device="cpu")
    table = read_pictures(pictures, options.read) if pictures is not None else None
    with progress() as shown:
        given = _given(table, trained, options.read, shown)
        if kind == TORCH:
            raise NotImplementedError
        made = export_onnx(
            trained,
            opset=options.export.opset,
            figures=read_figures(model),
            pictures=given.decoded if given else (),
            progress=shown,
        )
        for line in made.agreement.lines():
            shown.note(line)
    write_exported(made.content, output)
    say(f"{out}: {len(made.content):,} bytes")
    return 0


def _given(
    table: ImageTable | None, model: TrainedModel, read: ReadOptions, shown: Progress
) -> GivenPictures | None:
    """The user's pictures, if any."""
    from headstart.export.check_pictures import MOST_DECODED, read_given

    if table is None:
        return None
    for note in table.notes:
        shown.note(note)
    return read_given(table, model.backbone.info.preprocessing, read, shown, MOST_DECODED)
