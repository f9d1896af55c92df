"""`python -m tests.faults`: the table of docs/reliability.md, faults tried and survived by verb.

Words after it name the situations; without any, all are tried.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.faults.fault_layer import FAULTS
from tests.faults.memory import Memory, remembering
from tests.faults.scenarios import SCENARIOS, prepare_shared
from tests.faults.trials import Bench


def main() -> int:
    """Print a row for each scenario; 1 when a fault was not survived."""
    lost = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEADSTART_CACHE"] = str(Path(folder) / "cache")
        prepare_shared(Path(folder))
        memory = Memory()
        print(f"| situation | command | steps | {' | '.join(FAULTS)} |")
        print(f"| --- | --- | ---: |{' ---: |' * len(FAULTS)}")
        with remembering(memory):
            for scenario in SCENARIOS:
                if sys.argv[1:] and scenario.name not in sys.argv[1:]:
                    continue
                bench = Bench(scenario, Path(folder), memory)
                bench.prepare()
                cells = []
                for kind in FAULTS:
                    failed = _failures(bench, kind)
                    lost += failed
                    tried = bench.tried[kind]
                    cells.append(f"{tried - len(failed)}/{tried}")
                steps = len(bench.steps)
                row = (scenario.name, f"`{scenario.verb}`", str(steps), *cells)
                print(f"| {' | '.join(row)} |", flush=True)
    for line in lost:
        print(line, file=sys.stderr)
    return 1 if lost else 0


def _failures(bench: Bench, kind: str) -> list[str]:
    failed = []
    for at, is_real in bench.trials(kind):
        try:
            bench.attempt(kind, at, is_real=is_real)
        except AssertionError as error:
            failed.append(str(error))
    return failed


if __name__ == "__main__":
    sys.exit(main())
