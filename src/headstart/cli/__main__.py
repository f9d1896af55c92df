"""The installed command and `python -m headstart.cli`, from the first moment to the last."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress

from headstart.cli.stopping import exit_code, stop_on_sigterm

COLLECT_AFTER = (100_000, 50, 100)  # new objects, then rounds of the younger generations


def start() -> None:
    """Run the program in a process of its own and end it.

    torch, timm and scikit-learn make millions of objects that live as long as the process. To look
    through them for garbage again and again, and to take them apart at the end, took 2 of 12 s of a
    fit. So it is looked for rarely, and the process ends with all it has.
    """
    _read_names_as_utf_8()
    stop_on_sigterm()
    gc.set_threshold(*COLLECT_AFTER)
    try:
        from headstart.cli.main import main  # here, so that it can be stopped while it loads

        main()
    except KeyboardInterrupt as stop:
        print("stopped", file=sys.stderr)
        _end(exit_code(stop))
    except SystemExit as stop:
        if isinstance(stop.code, str):  # a text is shown by Python itself
            raise
        _end(stop.code or 0)


def _read_names_as_utf_8() -> None:
    """Begin anew in UTF-8 mode where the locale is plain C and Python was kept from turning it on.

    There a name in another script is no text to Python: a folder of such a name could not be a
    class, nor a table's names be opened. What the terminal cannot show is still shown as its code.
    """
    if sys.getfilesystemencoding() != "ascii" or os.name != "posix":
        return
    os.environ.setdefault("PYTHONIOENCODING", "ascii:backslashreplace")
    words = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
    os.execv(sys.executable, words)


def _end(code: int) -> None:
    """Leave at once; `main` has closed its files. What libraries asked to be done is done first."""
    atexit._run_exitfuncs()  # such as removing a temporary folder
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # whoever read it has gone
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    start()
