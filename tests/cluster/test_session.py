"""The connection to Ray: what is said where there is none, and that nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from headstart.cluster.session import SHORT, ray_session
from headstart.errors import MissingExtraError, UsageError


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_an_address_where_nothing_answers(address: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed; it comes with headstart[ray]")
    with (
        pytest.raises(UsageError, match=rf"--cluster {address}: no Ray cluster answers"),
        ray_session(address),
    ):
        pass


def test_without_ray_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(MissingExtraError, match=r'pip install "headstart\[ray\]"'),
        ray_session("local"),
    ):
        pass


def test_ctrl_c_leaves_neither_processes_nor_files(pictures: list[Path], own_cache: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed; it comes with headstart[ray]")
    before = set(SHORT.glob("headstart-ray-*"))
    words = ["embed", "pictures", "--backbone", "test_resnet", "--random-weights", "--workers", "1"]
    words += ["--device", "cpu", "--cluster", "local"]
    with subprocess.Popen(
        [sys.executable, "-m", "headstart", *words],
        cwd=pictures[0].parent.parent,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_take_ctrl_c,
    ) as program:
        assert program.stderr is not None
        lines = []
        for line in program.stderr:
            lines.append(line)
            if line.startswith("cluster local: "):
                [folder] = set(SHORT.glob("headstart-ray-*")) - before
                program.send_signal(signal.SIGINT)
    assert program.returncode == 130, lines
    assert lines[-1] == "stopped\n"
    assert not folder.exists()
    assert not list((own_cache / "cluster").iterdir())
    deadline = time.monotonic() + 30
    while left := _processes_of(program.pid, folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def _take_ctrl_c() -> None:
    """As a terminal's programs do; one that a shell starts in the background would ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _processes_of(session: int, folder: Path) -> list[str]:
    """The command lines of the processes of a session of the system, and of those with a folder."""
    psutil: Any = sys.modules["psutil"]  # which comes with Ray
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or ())
        with suppress(OSError):  # it has just ended
            is_one = os.getsid(process.pid) == session or str(folder) in words
            if is_one and process.info["status"] != "zombie":
                found.append(words)
    return found
