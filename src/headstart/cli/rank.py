"""headstart rank: which backbone, at which size?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import cell, console, progress, say, table
from headstart.options import FitOptions

if TYPE_CHECKING:
    from headstart.rank.ranking import Ranking, Standing


Backbones = Annotated[
    str,
    Parameter(
        help="Candidates, separated by commas: NAME[@SIZE][:LAYER], two or three of these joined "
        "by +, or the words here (all whose weights are on this machine) and fast (those of them "
        "with few weights).",
        group=parser.FIRST,
    ),
]
Sample = Annotated[
    int,
    Parameter(
        help="Pictures to rank on, drawn with the classes' shares; fewer come first.",
        group=parser.FIRST,
    ),
]
Out = Annotated[Path, Parameter(help="Folder for the table and the page.", group=parser.FIRST)]


def rank(
    source: parser.Source,
    /,
    *,
    backbones: Backbones = "here",
    sample: Sample = 500,
    out: Out = Path("rank"),
    weights: parser.NamedWeights = (),
    options: FitOptions,
) -> int:
    """Rank backbones, sizes and layers by what they do on your pictures and what they cost.

    With --mirror each candidate also runs with the features of the mirror image averaged in.
    Features are kept: a ranking that was interrupted goes on where it was.

    Examples:

        headstart rank labels.csv --images images/
        headstart rank pictures/ --backbones resnet18,resnet50@288,resnet18+resnet50
        headstart rank pictures/ --backbones fast --mirror --sample 200
    """
    from headstart.compare.model_spec import parse_weights
    from headstart.errors import UsageError
    from headstart.outputs.permission import Inputs
    from headstart.rank.candidate import parse_candidates
    from headstart.rank.ranking import rank as run
    from headstart.report.ranking_page import ranking_outputs, write_ranking

    if sample < 2:
        raise UsageError(f"--sample is {sample}; it must be a whole number from 2")
    candidates = parse_candidates(backbones, mirror=options.backbone.mirror)
    files = parse_weights(weights)
    inputs = Inputs((source, *options.files(), *files.values()))
    outputs = ranking_outputs(out, inputs)

    with progress() as bar:
        ranking = run(source, candidates, options, sample=sample, weights=files, progress=bar)
    with outputs.writing() as new:
        told = write_ranking(ranking, new, title=f"headstart rank {source.name}")
    show_ranking(ranking, told, out)
    return 0


def show_ranking(ranking: Ranking, told: Sequence[str], out: Path) -> None:
    """Two tables, since one would be too wide: how good, and why; then what can be said."""
    from headstart.rank.ranking import absent_by_reason

    run = [one for one in ranking.standings if one.accuracy is not None]
    say("accuracy over the folds with its 95 % interval; * no other is surely better:")
    console().print(_good(run))
    console().print(_scores(run))
    for line in told:
        say(line)
    for names, reason in absent_by_reason(ranking.standings):
        say(f"not run: {names}:")
        for line in reason.splitlines():
            say(f"  {line}")
    say(f"page: {out / 'report.html'}    figures: {out / 'ranking.json'}")


def _good(run: Sequence[Standing]) -> Any:
    shown = table("candidate", "accuracy", "interval", "log loss", "pictures/s", "on")
    for one in run:
        low, high = one.interval or (math.nan, math.nan)
        star = "*" if one.may_be_best and not one.dropped else ""
        shown.add_row(
            cell(one.candidate),
            f"{one.accuracy:.3f}{star}",
            f"{low:.3f}–{high:.3f}",
            f"{one.log_loss:.3f}",
            f"{one.pictures_per_second:.0f}",
            f"{one.rows}{', left' if one.dropped else ''}",
        )
    return _unwrapped(shown)


def _scores(run: Sequence[Standing]) -> Any:
    shown = table("candidate", "LogME", "H-score", "5 nearest", "features", "weights")
    for one in run:
        shown.add_row(
            cell(one.candidate),
            f"{one.log_evidence:.3f}",
            f"{one.h_score:.2f}",
            f"{one.neighbours:.3f}",
            f"{one.feature_size:,}",
            f"{(one.parameters or 0) / 1e6:.1f} M",
        )
    return _unwrapped(shown)


def _unwrapped(shown: Any) -> Any:
    for column in shown.columns[1:]:
        column.no_wrap = True
    return shown
