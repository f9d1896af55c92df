"""The connection to Ray: an own one on this machine, or to a cluster that is there."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from headstart.errors import MissingExtraError, UsageError

LOCAL, AUTO = "local", "auto"
TRIALS = 3  # of starting it here: Ray gives up after 30 s, which a busy machine may need
ANSWER_SECONDS = 10.0  # for a machine of the cluster to take a connection
STORE_BYTES = 200_000_000  # of an own session, for names of pictures and copies of the backbone
CLIENT = "ray://"
SHORT = Path("/tmp")  # where it is: Ray's sockets may have no more than 107 letters in their paths
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@contextmanager
def ray_session(address: str, cpus: int | None = None, store: int = 0) -> Iterator[Any]:
    """The module `ray`, connected; a session that is there already is used, and left as it was.

    Args:
        address: "local" for an own session on this machine, which ends with the block; "auto" for
            the cluster that this machine is part of; else "host:port" or "ray://host:port".
        cpus: of a local session, how many cores it counts on; default: all.
        store: bytes that a local session has to hold besides.

    Raises MissingExtraError without Ray, UsageError where no cluster answers.
    """
    with _environment(QUIET), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own parts about each other
        ray = _imported()
        if ray.is_initialized():
            with _quiet_logs():
                yield ray
            return
        with _own_folder(address) as more:
            if address == LOCAL:
                more |= {"num_cpus": cpus, "object_store_memory": STORE_BYTES + store}
            try:
                _connect(ray, address, more)
                with _quiet_logs():
                    yield ray
            finally:
                ray.shutdown(wait_for_processes=True)


def _imported() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError(
            f'--cluster needs Ray, which is not installed ({error}): pip install "headstart[ray]"'
        ) from error
    return ray


def _connect(ray: Any, address: str, more: dict[str, Any]) -> None:
    if address not in (LOCAL, AUTO):
        _check_answers(address)
    for _ in range(TRIALS if address == LOCAL else 1):
        try:
            with _kept_signal():
                ray.init(address=address, log_to_driver=False, logging_level="CRITICAL", **more)
            return
        except Exception as error:  # Ray raises the plainest kind where it took too long
            _end(more.get("_temp_dir"))
            cause: Exception = error
    raise _no_cluster(address, str(cause).strip().partition("\n")[0]) from cause


def _end(folder: str | None) -> None:
    """End the processes that name a folder of ours: Ray forgets those of a start that failed."""
    psutil: Any = sys.modules["psutil"]  # Ray's own copy, loaded with it
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if folder is not None and any(folder in word for word in process.cmdline()):
                process.kill()


def _check_answers(address: str) -> None:
    """Raise UsageError where nothing listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except OSError as error:
        raise _no_cluster(address, error.strerror or str(error)) from error


def _no_cluster(address: str, cause: str) -> UsageError:
    if address == LOCAL:
        return UsageError(f"--cluster local: Ray does not start here ({cause})")
    return UsageError(
        f"--cluster {address}: no Ray cluster answers ({cause}); start one with "
        "`ray start --head`, which prints its address, or take --cluster local"
    )


@contextmanager
def _own_folder(address: str) -> Iterator[dict[str, Any]]:
    """How a local session keeps its logs and sockets in a folder that goes with it."""
    if address != LOCAL:
        yield {}
        return
    folder = tempfile.mkdtemp(prefix="headstart-ray-", dir=SHORT if SHORT.is_dir() else None)
    try:
        yield {"_temp_dir": folder, "include_dashboard": False}
    finally:
        _end(folder)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Variables that the processes started inside get; those that the user set stay."""
    new = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


@contextmanager
def _kept_signal() -> Iterator[None]:
    """SIGTERM goes on to do what it did: Ray would end the process at once, files half written."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before if before is not None else signal.SIG_DFL)


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """Ray Data tells of its plans by the logger `ray.data`; here the caller tells."""
    logger = logging.getLogger("ray.data")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
