"""headstart compare: several models on the same pictures, and what the differences are worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headstart import options
from headstart.cli import flags
from headstart.option_rules import check_options

DEFAULT_MODELS = f"small_cnn,{options.DEFAULT_BACKBONE}"


def compare(
    source: flags.Source,
    /,
    *,
    models: Annotated[
        str,
        Parameter(help="Models, separated by commas: NAME[:LAYER][+HEAD], or small_cnn[:once]."),
    ] = DEFAULT_MODELS,
    out: Annotated[Path, Parameter(help="Folder for models, figures and report.")] = Path(
        "comparison"
    ),
    weights: Annotated[
        tuple[str, ...], Parameter(help="NAME=FILE with a backbone's weights; repeat for more.")
    ] = (),
    skip_missing: Annotated[
        bool, Parameter(help="Go on without models whose weights cannot be had.", negative="")
    ] = False,
    read: flags.Read = options.ReadOptions(),
    labels: flags.Labels = options.LabelOptions(),
    shared: flags.SharedBackbone = options.SharedBackboneOptions(),
    embed: flags.Embed = options.EmbedOptions(),
    split: flags.Split = options.SplitOptions(),
    head: flags.SharedHead = options.SharedHeadOptions(),
    loop: flags.Loop = options.LoopOptions(),
) -> int:
    """Compare models on one split and the same folds, with intervals and paired tests.

    Examples:

        headstart compare labels.csv --images images/ --models small_cnn,tf_efficientnet_lite0
        headstart compare labels.csv --images images/ --models resnet18,vgg16_bn:fc7+svm
        headstart compare pictures/ --models vgg16+svm --weights vgg16=vgg16.pth
    """
    check_options(read, shared, embed, split, head, loop)  # before the imports, which take seconds

    from headstart.cli.comparison import show_comparison
    from headstart.cli.remarks import with_remarks
    from headstart.cli.show import progress
    from headstart.compare.comparison import compare as run
    from headstart.compare.model_spec import parse_models, parse_weights
    from headstart.outputs.permission import Inputs
    from headstart.report.comparison import comparison_outputs, write_comparison_folder

    specs = parse_models(models, loop.augment)
    files = parse_weights(weights)
    inputs = Inputs((source, read.images, labels.fixes, *files.values()))
    outputs = comparison_outputs(out, specs, inputs)
    backbone = options.BackboneOptions(image_size=shared.image_size, precision=shared.precision)
    heads = options.HeadOptions(class_weight=head.class_weight)
    chosen = options.FitOptions(
        read=read, labels=labels, backbone=backbone, embed=embed, split=split, head=heads, loop=loop
    )
    with progress() as bar:
        result = run(source, specs, chosen, weights=files, skip_missing=skip_missing, progress=bar)
    result = with_remarks(result, split.seed)
    with outputs.writing() as new:
        title = f"headstart compare {source.name}"
        rows = write_comparison_folder(result, new, title=title)
    show_comparison(rows, len(result.split.test), out)
    return 0
