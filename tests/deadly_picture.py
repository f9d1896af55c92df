"""A picture whose reading ends the process, once."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from headstart.images.source import LocalFile


@dataclass(frozen=True)
class DeadlyFile(LocalFile):
    """A file that kills the process which reads it first; the mark says that this has happened."""

    mark: Path

    def read(self) -> bytes:
        """The bytes, but for the first time."""
        if not self.mark.exists():
            self.mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read()
