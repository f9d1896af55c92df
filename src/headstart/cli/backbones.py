"""headstart backbones: which backbones there are, and which are here."""

from __future__ import annotations


def backbones() -> int:
    """List well-known backbones: feature sizes, where the weights come from, present here or not.

    Every other name of timm works too: `headstart fit ... --backbone NAME`.

    Examples:

        headstart backbones
    """
    from headstart.backbones.catalogue import KNOWN
    from headstart.backbones.weights.inventory import where_from
    from headstart.cli.terminal import cell, console, say, table

    shown = table("backbone", "features", "M weights", "licence", "here", "weights from")
    shown.columns[0].no_wrap = True
    for entry in KNOWN:
        sizes = "\n".join(
            f"{size}" if layer == "pooled" else f"{layer} {size}"
            for layer, size in entry.feature_size.items()
        )
        here, source = where_from(entry)
        shown.add_row(
            cell(entry.name),
            sizes,
            f"{entry.parameters:.1f}",
            entry.licence,
            "yes" if here else "no",
            cell(source),
        )
    console().print(shown)
    say("download: fetched by its name on first use; or give a file with --weights FILE")
    return 0
