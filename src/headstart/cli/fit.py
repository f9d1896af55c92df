"""headstart fit: labelled pictures in, model and figures out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headstart import options
from headstart.cli import flags
from headstart.option_rules import check_fit


def fit(
    source: flags.Source,
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder for the model and the figures.")] = Path("run"),
    curve: Annotated[
        bool,
        Parameter(help="Measure the learning curve: would more pictures help?", negative=""),
    ] = False,
    recipe: flags.Recipe = options.RecipeOptions(),
    read: flags.Read = options.ReadOptions(),
    labels: flags.Labels = options.LabelOptions(),
    backbone: flags.Backbone = options.BackboneOptions(),
    embed: flags.Embed = options.EmbedOptions(),
    split: flags.Split = options.SplitOptions(),
    head: flags.Head = options.HeadOptions(),
    loop: flags.Loop = options.LoopOptions(),
) -> int:
    """Fit a classifier on labelled pictures and say how good it is.

    Examples:

        headstart fit labels.csv --images images/ --out run/
        headstart fit pictures/ --backbone resnet18
        headstart fit labels.csv --images images/ --head svm --test-fraction 0.2
        headstart fit labels.csv --images images/ --recipe scratch --epochs 50
        headstart fit labels.csv --images images/ --fixes fixes.csv --curve
    """
    chosen = options.FitOptions(
        recipe=recipe,
        read=read,
        labels=labels,
        backbone=backbone,
        embed=embed,
        split=split,
        head=head,
        loop=loop,
    )
    check_fit(chosen, recipe.recipe)  # before the imports, which take seconds

    from headstart.audit.fit_remarks import measure_copies, measure_curve
    from headstart.cli.remarks import with_remarks
    from headstart.cli.show import progress, show_fit
    from headstart.outputs.permission import Inputs
    from headstart.recipes.fit import fit as run_fit
    from headstart.report.page import write_report
    from headstart.report.run_folder import run_outputs, write_run

    outputs = run_outputs(out, Inputs((source, read.images, labels.fixes, backbone.weights)))
    with progress() as shown:
        result = run_fit(source, chosen, shown)
        leak = measure_copies(result, chosen, shown)
        more = measure_curve(result, chosen, shown) if curve else None
    result = with_remarks(result, split.seed)
    title = f"headstart fit {source.name}"
    with outputs.writing() as new:
        metrics = write_run(result, new)
        write_report(result, metrics, new / "report.html", title=title, leak=leak, curve=more)
    show_fit(metrics, out)
    return 0
