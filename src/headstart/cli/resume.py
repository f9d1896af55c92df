"""headstart resume: go on with a fine-tuning that was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headstart.cli.fit import fit_into
from headstart.cli.terminal import tell


def resume(
    run: Annotated[Path, Parameter(help="Folder of the stopped fit, which has its checkpoint.")],
    /,
) -> int:
    """Go on with a fine-tuning that was stopped, as if it had not been.

    The pictures, their labels and the backbone must be what they were.

    Examples:

        headstart resume run/
    """
    from headstart.recipes.checkpoint import read_checkpoint

    checkpoints = read_checkpoint(run)
    request = checkpoints.request
    for line in request.notes:
        tell(line)
    tell(f"going on after epoch {checkpoints.epochs()}")
    return fit_into(request.source, request.options, run, checkpoints=checkpoints)
