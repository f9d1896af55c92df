"""headstart explain: what does an answer rest on?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import progress, say, tell
from headstart.errors import BadInput, BadInputsError, ImageError, UsageError
from headstart.options import FitOptions

if TYPE_CHECKING:
    from headstart.data.image_table import ImageTable
    from headstart.explain.explanation import Explanation
    from headstart.outputs.permission import OutputFile, OutputFolder
    from headstart.recipes.trained_model import TrainedModel

SUFFIX = ".png"
WHY_NONE = "exported, older and fine-tuned models and the small CNN keep none"
LONGEST_STEM = 60  # letters of a picture's name in the name of its explanation


def explain(
    model: parser.Model,
    /,
    *sources: parser.Sources,
    out: Annotated[
        Path,
        Parameter(help="PNG file for one picture, or folder for several.", group=parser.FIRST),
    ] = Path("why.png"),
    class_name: Annotated[
        str | None,
        Parameter(
            name="--class",
            help="Class to explain; default: the predicted one.",
            group=parser.FIRST,
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        str,
        Parameter(
            help="auto, cam (exact; a linear head), grad-cam, or occlusion (slow; any model).",
            group=parser.FIRST,
        ),
    ] = "auto",
    options: FitOptions,
) -> int:
    """Show over a picture what speaks for its class, and name the training pictures most like it.

    The picture turns grey, and the more yellow a place, the more it speaks for the class.

    Examples:

        headstart explain run/model photo.jpg --out why.png
        headstart explain run/model photo.jpg --class ambulance --method occlusion
        headstart explain run/model photos/ --out why/
    """
    from headstart.data.inputs import list_pictures
    from headstart.explain.explain import check_request
    from headstart.export.exported_model import open_model

    table = list_pictures(sources, options.read)
    output, names = _output(out, table, (model, *sources))
    trained = open_model(model, device=options.embed.device)
    check_request(trained, class_name, method)
    with output.writing() as place:
        wanted = [place / name for name in names]
        lines, bad = _explain_all(trained, table, wanted, (class_name, method), options)
    for line in (*table.notes, *map(str, bad)):
        tell(line)
    for line in lines:
        say(line)
    if trained.examples is None:
        say(f"{model} keeps no training pictures to name those most like it; {WHY_NONE}")
    say(f"next: open {out}")
    return 1 if bad else 0


def _explain_all(
    model: TrainedModel,
    table: ImageTable,
    files: Sequence[Path],
    wanted: tuple[str | None, str],
    options: FitOptions,
) -> tuple[list[str], list[BadInput]]:
    """Write an explanation for each picture; what is said of them, and those that cannot be read.

    Raises BadInputsError where none can be read.
    """
    from headstart.explain.explain import explain_picture
    from headstart.images.memory_budget import MemoryBudget

    most, budget = options.read.max_pixels, MemoryBudget(options.embed.memory_limit)
    lines: list[str] = []
    bad = list(table.bad)
    with progress() as shown:
        shown.start("explaining pictures", len(files))
        for image, file in zip(table.images, files, strict=True):
            try:
                found = explain_picture(model, image, *wanted, max_pixels=most, budget=budget)
            except ImageError as error:
                bad.append(BadInput(image.name, str(error)))
            else:
                found.write_new(file)
                lines += in_words(found)
            shown.advance()
        shown.stop()
    if not lines:
        raise BadInputsError(bad)
    return lines, bad


def in_words(found: Explanation) -> list[str]:
    """An explanation in lines."""
    from headstart.explain.explain import IN_WORDS

    line = f"{found.image}: {found.class_name} {found.probability:.3f}, by {IN_WORDS[found.method]}"
    if found.class_name != found.predicted:
        line += f"; predicted is {found.predicted}"
    if found.strongest <= 0:
        line += "; nothing in it speaks for this class"
    adds = [f"{one.network} {one.values.mean():+.2f}" for one in found.networks]
    near = [f"{one.name} ({one.label}, {one.likeness:.3f})" for one in found.nearest]
    return [
        line,
        *([f"  added to its logit, less the mean of all: {', '.join(adds)}"] if adds else []),
        *([f"  most like it, of what was learnt: {', '.join(near)}"] if near else []),
    ]


def _output(
    out: Path, table: ImageTable, read: tuple[object, ...]
) -> tuple[OutputFile | OutputFolder, list[str]]:
    """Where the explanations go, and the name of each in there, "" for a single file.

    Raises UsageError for several pictures and one file, and for what may not be written.
    """
    from headstart.outputs.own_files import EXPLANATION
    from headstart.outputs.permission import Inputs, OutputFile, OutputFolder

    inputs = Inputs((*read, *(getattr(image, "path", None) for image in table.images)))
    if out.suffix.lower() != SUFFIX:
        names = [_name(number, text) for number, text in enumerate(table.ids, 1)]
        return OutputFolder(out, "explain", files=names, inputs=inputs), names
    if len(table.images) != 1:
        raise UsageError(
            f"--out {out} is a file for one picture, and there are {len(table.images)}; name a "
            "folder"
        )
    return OutputFile(out, "--out", EXPLANATION, inputs), [""]


def _name(number: int, text: str) -> str:
    """The name of an explanation in a folder, with letters that every system takes."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(text).stem)[:LONGEST_STEM]
    return f"{number}-{stem}{SUFFIX}"
