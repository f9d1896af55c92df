"""Results of long work, computed once; a trial writes them again, in hundredths of a second."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.faults.scenarios import DRAWN, OLD, Version, found

from headstart.cli.main import app
from headstart.outputs import disk
from headstart.samples import drawn_set


@dataclass
class Memory:
    """Results of long work by scenario and version, and the files that were drawn from them."""

    key: tuple[str, Version] = ("", OLD)
    kept: dict[Any, Any] = field(default_factory=dict)
    is_busy: bool = False

    def value(self, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
        """The function, but computed once for each scenario and version.

        What it calls itself is computed as always.
        """

        def remembered(*arguments: Any, **options: Any) -> Any:
            key = (name, self.key)
            if self.is_busy:
                return plain(*arguments, **options)
            if key not in self.kept:
                self.is_busy = True
                try:
                    self.kept[key] = plain(*arguments, **options)
                finally:
                    self.is_busy = False
            return self.kept[key]

        return remembered

    def value_of(self, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
        """The function, but computed once for each object; the object is kept, so that it stays."""

        def remembered(first: Any) -> Any:
            key = (name, id(first))
            if key not in self.kept:
                self.kept[key] = first, plain(first)
            return self.kept[key][1]

        return remembered

    def digest(self, plain: Callable[[Path], str]) -> Callable[[Path | os.DirEntry[str]], str]:
        """The digest of a file, computed once for files that were copied, time and all.

        A trial begins with copies of the same files. What it writes itself has another time.
        """

        def remembered(path: Path | os.DirEntry[str]) -> str:
            status = path.stat()
            key = ("digest", path.name, status.st_size, status.st_mtime_ns)
            if key not in self.kept:
                self.kept[key] = plain(Path(path))
            return str(self.kept[key])

        return remembered

    def drawing(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        """The function that draws, each picture once."""

        def remembered(rng: np.random.Generator, *, emergency: bool) -> Any:
            key = (str(rng.bit_generator.state), emergency)
            if key not in self.kept:
                self.kept[key] = plain(rng, emergency=emergency)
            return self.kept[key]

        return remembered

    def parsed(self, arguments: list[str]) -> Any:
        """Run a command whose words were understood before; that takes longer than the rest."""
        key = tuple(arguments)
        if key not in self.kept:
            self.kept[key] = app.parse_args(arguments)[:2]
        verb, bound = self.kept[key]
        return verb(*bound.args, **bound.kwargs)

    def file(self, name: str, plain: Callable[..., Any], place: int) -> Callable[..., Any]:
        """A function that draws a file, whose bytes are written again the next time."""

        def again(*arguments: Any, **options: Any) -> None:
            key, path = (name, self.key), arguments[place]
            if key not in self.kept:
                plain(*arguments, **options)
                self.kept[key] = path.read_bytes()
                path.unlink()
            with disk.create(path) as file:
                file.write(self.kept[key])

        return again


VALUES = (
    ("headstart.recipes.fit", "fit"),
    ("headstart.audit.fit_remarks", "measure_copies"),
    ("headstart.cli.fit", "with_remarks"),
    ("headstart.cli.compare", "with_remarks"),
    ("headstart.compare.comparison", "compare"),
    ("headstart.rank.ranking", "rank"),
    ("headstart.audit.check", "run_check"),
    ("headstart.features.embed", "embed_images"),
    ("headstart.backbones.opening", "open_backbone"),
    ("headstart.model_dir", "load_model"),
    ("headstart.recipes.trained_model", "embed_images"),
    ("headstart.export.export", "exported"),
    ("headstart.explain.explain", "explain_picture"),
)
OF_ONE = (
    ("headstart.report.comparison_page", "run_metrics"),  # it has the plain one when it is loaded
    ("headstart.report.run_folder", "run_metrics"),
    ("headstart.backbones.backbone.Backbone", "tensors"),
)
SHOWN = (
    ("headstart.cli.fit", "show_fit"),
    ("headstart.cli.evaluate", "show_metrics"),
    ("headstart.cli.predict", "show_answers"),
    ("headstart.cli.compare", "show_comparison"),
    ("headstart.cli.demo", "show_comparison"),
    ("headstart.cli.rank", "show_ranking"),
)
PAGES = (
    ("headstart.report.run_page", "write_report", 2),
    ("headstart.report.check_folder", "write_check", 1),
    ("headstart.report.comparison_page", "write_comparison", 1),
    ("headstart.report.contact_sheet", "write_contact_sheet", 2),
    ("headstart.report.ranking_page", "write_page", 1),
)
DIGESTS = ("headstart.outputs.manifest", "headstart.outputs.earlier_runs")


@contextmanager
def remembering(memory: Memory) -> Iterator[None]:
    """Compute each result once only."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in VALUES:
            home = found(module)
            patch.setattr(home, name, memory.value(f"{module}.{name}", getattr(home, name)))
        for module, name in OF_ONE:
            home = found(module)
            patch.setattr(home, name, memory.value_of(name, getattr(home, name)))
        for module, name, place in PAGES:
            home = found(module)
            patch.setattr(home, name, memory.file(f"{module}.{name}", getattr(home, name), place))
        for module, name in SHOWN:
            patch.setattr(found(module), name, lambda *_: None)
        for module in DIGESTS:
            patch.setattr(found(module), "sha256_of", memory.digest(found(module).sha256_of))
        patch.setattr(found("headstart.cli.main"), "app", memory.parsed)
        patch.setattr(found("headstart.cli.demo"), "DEFAULT_MODELS", "small_cnn")
        plain = drawn_set.write_drawn
        patch.setattr(drawn_set, "write_drawn", lambda folder: plain(folder, count=DRAWN))
        patch.setattr(drawn_set, "draw_picture", memory.drawing(drawn_set.draw_picture))
        yield
