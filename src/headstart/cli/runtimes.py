"""headstart runtimes: which runtime computes a backbone fastest on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from headstart.cli import parser
from headstart.options import FitOptions

if TYPE_CHECKING:
    from headstart.backbones.runtimes.choice import Rate


def runtimes(
    *,
    forget: Annotated[
        bool,
        Parameter(
            help="Forget what was measured of the backbone: --runtime auto is torch again.",
            negative="",
            group=parser.FIRST,
        ),
    ] = False,
    options: FitOptions,
) -> int:
    """Measure torch, onnxruntime and OpenVINO on a backbone, and let --runtime auto take the best.

    Each runtime that is installed computes drawn pictures for three seconds a precision; the graph
    that onnxruntime and OpenVINO run is made once and kept, which takes some seconds. What comes
    out is kept for this backbone and this machine until it is measured again; emptying the cache
    leaves it. Without it --runtime auto is torch.

    Examples:

        headstart runtimes
        headstart runtimes --backbone tf_efficientnet_lite2 --image-size 288
        headstart runtimes --forget
    """
    from headstart.backbones.opening import open_backbone
    from headstart.backbones.precision import choose_precision
    from headstart.backbones.runtimes.choice import best_rate, forget_rates, keep_rates
    from headstart.backbones.runtimes.measurement import measure_rates
    from headstart.cli.terminal import progress, say

    backbone = open_backbone(options.backbone, device="cpu", runtime="torch")
    named = f"{backbone.info.name} at {backbone.info.preprocessing.size} pixels"
    if forget:
        known = forget_rates(backbone.info)
        say(f"{named}: {'forgotten' if known else 'nothing was measured'}; auto is torch")
        return 0
    with progress() as shown:
        shown.note(f"measuring {named}")
        rates = measure_rates(backbone, progress=shown)
    keep_rates(backbone.info, rates)
    best = best_rate(rates, bf16=choose_precision("auto", "cpu") == "bf16")
    _show(rates, best)
    if best is not None:
        say(f"--runtime auto takes {best.runtime} in {best.precision} for {named} from now on")
    return 0


def _show(rates: Sequence[Rate], best: Rate | None) -> None:
    from headstart.backbones.runtimes.choice import AGREEMENT
    from headstart.backbones.runtimes.graph_runtime import EXTRAS, is_installed
    from headstart.cli.terminal import cell, console, say, table

    shown = table("runtime", "precision", "pictures/s", "from torch's fp32", "auto")
    for rate in rates:
        cells = (f"{rate.pictures_per_second:.1f}", f"{rate.gap:.1e}", "*" if rate is best else "")
        shown.add_row(cell(rate.runtime), cell(rate.precision), *cells)
    console().print(shown)
    for runtime, extra in EXTRAS.items():
        if not is_installed(runtime):
            say(f'{runtime} is not installed: pip install "headstart[{extra}]"')
    for rate in rates:
        if rate.precision == "fp32" and not rate.agrees:
            say(f"{rate.runtime} is more than {AGREEMENT:g} from torch, and auto leaves it out")
