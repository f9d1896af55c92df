"""headstart demo: the whole job on drawn pictures, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headstart import options

PREDICTED = 4


def demo(
    folder: Annotated[Path, Parameter(help="Folder for the pictures and the results.")] = Path(
        "headstart-demo"
    ),
    /,
) -> int:
    """Draw sample pictures of vehicles, fit, print the figures, and predict a few.

    Works without a network: the trunk's weights come with the installation.

    Examples:

        headstart demo
        headstart demo somewhere/else
    """
    from headstart.cli.figures import show_fit
    from headstart.cli.predict import show_answers
    from headstart.cli.show import progress, say
    from headstart.data.drawn import write_drawn
    from headstart.options import FitOptions, ReadOptions
    from headstart.recipes.frozen import fit_frozen
    from headstart.report.run_folder import check_writable, write_run

    check_writable(folder)
    table = folder / "labels.csv"
    if not table.exists():
        say(f"drawing pictures into {folder / 'images'}")
        write_drawn(folder)
    read = ReadOptions(images=folder / "images")
    say(f"headstart fit {table} --images {read.images} --out {folder / 'run'}")
    with progress() as shown:
        result = fit_frozen(table, FitOptions(read=read), shown)
    show_fit(write_run(result, folder / "run"), folder / "run")
    rows = result.split.test[:PREDICTED]
    paths = [result.data.table.paths[row] for row in rows]
    answers = result.model.predict(paths, options=options.EmbedOptions())
    show_answers(answers, None)
    return 0
