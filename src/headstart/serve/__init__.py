"""The server: a page and an HTTP interface that answer pictures with a fitted model.

Its packages come with an extra; `check_packages` tells who lacks them how to get them.
"""

from __future__ import annotations

from importlib.util import find_spec

from headstart.errors import MissingExtraError

PACKAGES = ("fastapi", "uvicorn", "prometheus_client", "python_multipart")


def check_packages() -> None:
    """Raise MissingExtraError when a package of the extra is not installed."""
    absent = [name for name in PACKAGES if find_spec(name) is None]
    if absent:
        names = ", ".join(name.replace("_", "-") for name in absent)
        raise MissingExtraError(
            f'the server needs {names}, not installed here: pip install "headstart[serve]"'
        )
