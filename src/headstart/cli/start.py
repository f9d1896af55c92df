"""The installed command, from its first moment to its last."""

from __future__ import annotations

import gc
import sys

COLLECT_AFTER = (100_000, 50, 100)  # new objects, then rounds of the younger generations


def start() -> None:
    """Run the program in a process of its own, which is over when this returns.

    torch, timm and scikit-learn make millions of objects that live as long as the process. To look
    through them for garbage again and again, and once more at the end, took 2 of 12 s of a fit.
    """
    gc.set_threshold(*COLLECT_AFTER)
    try:
        from headstart.cli.main import main  # here, so that it can be stopped while it loads

        main()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
    finally:
        gc.freeze()
