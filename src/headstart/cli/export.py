"""headstart export: a fitted model as one file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import progress, say
from headstart.errors import UsageError
from headstart.images.address import Url
from headstart.options import FitOptions
from headstart.options.definition import one_of

if TYPE_CHECKING:
    from headstart.export.check_pictures import GivenPictures
    from headstart.options import ReadOptions
    from headstart.progress import Progress
    from headstart.recipes.trained_model import TrainedModel

PRECISIONS = ("fp32", "int8")
NEXT = {
    ".onnx": "headstart predict {out} PHOTO.jpg",
    ".pt2": 'torch.export.load("{out}").module()',
}


def export(
    model: parser.Model,
    /,
    *,
    out: Annotated[
        Path, Parameter(help="File to write: model.onnx, or model.pt2.", group=parser.FIRST)
    ] = Path("model.onnx"),
    pictures: Annotated[
        Path | Url | None,
        Parameter(
            help="Folder or table of pictures: compared on, and what int8 is calibrated with.",
            converter=parser.one_place,
            accepts_keys=False,
            n_tokens=1,
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
        headstart export run/model --pictures photos/ --opset 20
        headstart export run/model --precision int8 --pictures labels.csv
        headstart export run/model --out model.pt2
    """
    from headstart.export.export import exported
    from headstart.export.exported_file import check_kind, exported_output, write_exported
    from headstart.model_card import read_figures
    from headstart.model_dir import load_model
    from headstart.outputs.permission import Inputs

    rule = one_of(PRECISIONS)
    if not rule.holds(precision):
        raise UsageError(f"--precision is {precision!r}; it must be {rule.allowed}")
    kind = check_kind(out, precision, has_pictures=pictures is not None)
    output = exported_output(out, Inputs((model, pictures, *options.files())))
    trained = load_model(model, device="cpu")
    with progress() as shown:
        given = _given(pictures, precision, trained, options.read, shown) if pictures else None
        content = exported(
            trained,
            kind,
            precision,
            options=options.export,
            figures=read_figures(model),
            given=given,
            progress=shown,
        )
    write_exported(content, output)
    say(f"{out}: {len(content):,} bytes")
    say(f"next: {NEXT[kind].format(out=out)}")
    return 0


def _given(
    pictures: Path | Url, precision: str, model: TrainedModel, read: ReadOptions, shown: Progress
) -> GivenPictures:
    """The user's pictures."""
    from headstart.data.inputs import read_pictures
    from headstart.export.check_pictures import MOST_DECODED, MOST_PREPARED, read_given

    table = read_pictures(pictures, read)
    for note in table.notes:
        shown.note(note)
    most = MOST_DECODED if precision == "fp32" else MOST_PREPARED
    return read_given(table, model.backbone.info.preprocessing, read, shown, most)
