"""headstart embed: features for use elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headstart.cli import parser
from headstart.cli.terminal import progress, say
from headstart.options import FitOptions


def embed(
    source: parser.Source,
    /,
    *,
    out: Annotated[
        Path, Parameter(help="File for the features, NumPy's .npz.", group=parser.FIRST)
    ] = Path("features.npz"),
    options: FitOptions,
) -> int:
    """Write the features of pictures as arrays, with all that is known of each picture.

    A table may have names alone, a folder may be flat, and one picture will do.

    The arrays are `features` (n, d), `images` and `sha256` (n,), and where there are any `labels`,
    `splits` and `groups` (n,) and `views` (n, k, d).

    Examples:

        headstart embed labels.csv --images images/ --out features.npz
        headstart embed photos/
        headstart embed pictures/ --backbone vit_small_patch14_dinov2.lvd142m
        headstart embed labels.csv --cluster 10.0.0.1:6379
    """
    from headstart.backbones.opening import open_backbone
    from headstart.data.dataset import content_notes
    from headstart.data.inputs import read_pictures
    from headstart.errors import DataError
    from headstart.features.embed import embed_images
    from headstart.outputs.permission import Inputs
    from headstart.report.features_file import features_output, write_features

    read = options.read
    output = features_output(out, Inputs((source, *options.files())))
    table = read_pictures(source, read)
    if len(table) == 0:
        table.raise_if_bad()
        raise DataError(f"{source}: no pictures")
    how = options.embed
    opened = open_backbone(options.backbone, device=how.device, runtime=how.runtime)
    with progress() as shown:
        for note in (*table.notes, *opened.info.notes):
            shown.note(note)
        seed, limit = options.split.seed, read.max_pixels
        records, found = embed_images(
            table.images, opened, how, seed=seed, max_pixels=limit, progress=shown
        )
    unread = table.unread(records.errors)
    if not read.skip_bad:
        table.raise_if_bad(unread)
    for note in content_notes(table.ids, records.statistics):
        shown.note(note)
    with output.writing() as file:
        count = write_features(file, table, records, found)
    cost = f"{found.computed} computed now, {found.seconds:.1f} s"
    if left := len(table.bad) + len(unread):
        cost += f", {left} bad inputs left out"
    say(f"{count} pictures, {opened.info.feature_size} features each, {cost}: {out}")
    return 0
