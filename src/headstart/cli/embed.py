"""headstart embed: features for use elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headstart import options
from headstart.cli import flags
from headstart.option_rules import check_options


def embed(
    source: flags.Source,
    /,
    *,
    out: Annotated[Path, Parameter(help="File for the features, NumPy's .npz.")] = Path(
        "features.npz"
    ),
    read: flags.Read = options.ReadOptions(),
    backbone: flags.Backbone = options.BackboneOptions(),
    features: flags.Embed = options.EmbedOptions(),
) -> int:
    """Write the features of pictures: arrays `features` (n, d), `images`, `labels`, `sha256`.

    Examples:

        headstart embed labels.csv --images images/ --out features.npz
        headstart embed pictures/ --backbone vit_small_patch14_dinov2.lvd142m
    """
    check_options(read, backbone, features)  # before the imports, which take seconds

    from headstart.backbones.opening import open_backbone
    from headstart.cli.show import progress, say
    from headstart.data.dataset import content_notes
    from headstart.data.inputs import read_images
    from headstart.errors import DataError
    from headstart.features.embed import embed_images
    from headstart.outputs.own_files import FEATURES
    from headstart.outputs.permission import Inputs, OutputFile
    from headstart.report.features_file import write_features

    inputs = Inputs((source, read.images, backbone.weights))
    output = OutputFile(out, "--out", FEATURES, inputs)
    table = read_images(source, read)
    if len(table) == 0:
        table.raise_if_bad()
        raise DataError(f"{source}: no pictures")
    opened = open_backbone(backbone, device=features.device)
    with progress() as shown:
        for note in (*table.notes, *opened.info.notes):
            shown.note(note)
        records, found = embed_images(
            table.images, opened, features, max_pixels=read.max_pixels, progress=shown
        )
    unread = table.unread(records.errors)
    if not read.skip_bad:
        table.raise_if_bad(unread)
    for note in content_notes(table.ids, records.statistics):
        shown.note(note)
    with output.writing() as file:
        written = write_features(file, table, records, found)
    left = len(table.bad) + len(unread)
    left_text = f", {left} bad inputs left out" if left else ""
    say(
        f"{written} pictures, {opened.info.feature_size} features each, {found.computed} "
        f"computed now, {found.seconds:.1f} s{left_text}: {out}"
    )
    return 0
