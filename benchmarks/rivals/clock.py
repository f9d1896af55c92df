"""What each way tells the program that started it: accuracies, and how long they took."""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a way that needs neither is not made to wait for them
    import pandas as pd


NAME = "tf_efficientnet_lite0"
BEGAN = "BENCHMARK_BEGAN"  # when the process was started, in seconds since 1970


class Clock:
    """Prints lines of JSON; seconds count from the start of the process, imports included."""

    def __init__(self, *packages: str) -> None:
        self._began = float(os.environ[BEGAN])
        self._print(versions={name: version(name) for name in packages})

    def now(self) -> tuple[float, float]:
        """Seconds so far: by the clock, and of all processors, of ended children too."""
        used = os.times()
        return time.time() - self._began, sum(used[:4])

    def tell(
        self, accuracy: float, *, epoch: int = 0, after: tuple[float, float] | None = None
    ) -> None:
        """The test's accuracy now, or after so many seconds of both kinds."""
        seconds, processors = after or self.now()
        self._print(accuracy=float(accuracy), epoch=epoch, seconds=seconds, processors=processors)

    @staticmethod
    def _print(**values: Any) -> None:
        # On a line of its own, whatever a library's progress bar has written.
        print(f"\n{json.dumps(values)}", flush=True)


def given() -> tuple[Path, Path, int]:
    """The folder with the tables, the weights in timm's names, and a number of epochs."""
    return Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])


def read_tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and test rows, with the columns path and label."""
    import pandas as pd

    whole = pd.read_csv(folder / "labels.csv", dtype=str)
    return whole[whole.split == "train"], whole[whole.split == "test"]
