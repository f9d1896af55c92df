"""headstart: one command, with its defaults, nothing kept from earlier."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.rivals.clock import Clock, given


def main() -> None:
    """Tell the accuracy on the test's pictures."""
    clock = Clock("headstart", "torch")
    folder, _, _ = given()
    table, out = str(folder / "labels.csv"), str(folder / "run")
    # What a user writes
    words = ["fit", table, "--split-column", "split", "--out", out]
    # End
    subprocess.run([sys.executable, "-m", "headstart", *words], check=True)
    figures = json.loads((folder / "run" / "metrics.json").read_text(encoding="utf-8"))
    clock.tell(figures["test"]["accuracy"])


if __name__ == "__main__":
    main()
