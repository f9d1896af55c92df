"""Where headstart keeps what it can compute again."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "HEADSTART_CACHE"


def cache_folder() -> Path:
    """The user's cache folder for headstart; the variable HEADSTART_CACHE names another one."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("headstart", appauthor=False))
