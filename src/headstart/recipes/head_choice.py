"""Which head the options ask for: an exact one, or the linear head trained by epochs."""

from __future__ import annotations

from collections.abc import Callable

from headstart.errors import UsageError
from headstart.heads.catalogue import make_head
from headstart.heads.head import Head
from headstart.options import HeadOptions, LoopOptions


def head_maker(head: HeadOptions, loop: LoopOptions, seed: int) -> Callable[[], Head]:
    """A function that makes a new head for each fit. Raises UsageError for a wrong combination."""
    if loop.epochs is None:
        make_head(head, seed)  # says at once what is wrong with the options
        return lambda: make_head(head, seed)
    if head.head != "linear":
        raise UsageError(f"--epochs trains the linear head; --head {head.head} is solved directly")
    from headstart.recipes.stepped_head import SteppedHead

    return lambda: SteppedHead.from_options(loop, class_weights=head.class_weights, seed=seed)
