"""What the search for shortcuts reports: on tables, on the drawn set, and with shuffled labels.

    python benchmarks/shortcuts.py [--names LABELS.csv] [--table LABELS.csv --images DIR]
        [--draws 100] [--rows 100000]

--names is a table whose pictures are not needed, --table one whose pictures are measured too.
Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.arrays import FloatArray
from headstart.audit.shortcuts.file_names import Columns
from headstart.audit.shortcuts.measurements import Evidence
from headstart.audit.shortcuts.search import ALPHA, ShortcutSearch, search_shortcuts
from headstart.audit.shortcuts.trial import Trial, try_models
from headstart.data.image_table import ImageTable
from headstart.data.read_table import read_table
from headstart.data.split import stratified_folds
from headstart.features.embed import inspect_images
from headstart.images.source import local_files
from headstart.images.statistics import ImageStatistics
from headstart.options import EmbedOptions, ReadOptions
from headstart.samples.drawn_set import write_drawn

Facts = Sequence[ImageStatistics | None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--names", type=Path, help="a table whose pictures are not needed")
    parser.add_argument("--table", type=Path, help="a table with pictures")
    parser.add_argument("--images", type=Path, help="the table's pictures")
    parser.add_argument("--draws", type=int, default=100, help="draws of shuffled labels")
    parser.add_argument("--rows", type=int, default=100_000, help="made-up rows to time")
    given = parser.parse_args()
    sets: dict[str, tuple[ImageTable, Facts]] = {}
    if given.names:
        table = read_table(given.names, ReadOptions(), keep_missing=True)
        show(given.names.stem, search_shortcuts(table))
    if given.table:
        table = read_table(given.table, ReadOptions(images=given.images))
        sets[given.table.stem] = (table, measured(table))
    with tempfile.TemporaryDirectory() as folder:
        table = read_table(write_drawn(Path(folder)), ReadOptions(images=Path(folder) / "images"))
        sets["drawn set"] = (table, measured(table))
        for name, (table, statistics) in sets.items():
            began = time.perf_counter()
            search = search_shortcuts(table, statistics)
            show(f"{name}, {time.perf_counter() - began:.1f} s", search)
        false_reports(sets, given.draws)
    null_variance(given.draws)
    power(given.draws)
    timed(given.rows)


def measured(table: ImageTable) -> Facts:
    return [
        item for item in inspect_images(table.images, EmbedOptions(cache=False)).statistics if item
    ]


def shuffled(table: ImageTable, seed: int) -> ImageTable:
    labels = np.random.default_rng(seed).permutation(np.array(table.labels)).tolist()
    return replace(table, labels=tuple(labels))


def show(title: str, search: ShortcutSearch) -> None:
    print(f"\n{title}\n")
    print("| kind | rows | accuracy | 95% interval | largest class | p | reported |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for kind in search.kinds:
        low, high = kind.interval
        print(
            f"| {kind.kind} | {kind.rows} | {kind.accuracy:.3f} | {low:.3f} to {high:.3f} | "
            f"{kind.largest:.3f} | {kind.p_value:.2g} | {'yes' if kind.reported else 'no'} |"
        )
    for kind in search.found:
        print(f"\n> {kind.sentence}")


def false_reports(sets: dict[str, tuple[ImageTable, Facts]], draws: int) -> None:
    print("\n| set | draws of shuffled labels | draws with any report | kinds |")
    print("| --- | ---: | ---: | --- |")
    for name, (table, statistics) in sets.items():
        kinds: Counter[str] = Counter()
        hits = 0
        for seed in range(draws):
            found = search_shortcuts(shuffled(table, seed), statistics, seed=seed).found
            kinds.update(item.kind for item in found)
            hits += bool(found)
        listed = ", ".join(f"{kind} {count}" for kind, count in kinds.items()) or "none"
        print(f"| {name} | {draws} | {hits} | {listed} |")


def null_variance(draws: int) -> None:
    """Print how much more the accuracy varies than that of independent answers would."""
    print("\n| rows | values | model | variance / binomial variance | p below 0.01 |")
    print("| ---: | --- | --- | ---: | ---: |")
    makers: dict[str, Callable[[np.random.Generator, int], FloatArray]] = {
        "row order": lambda _, n: np.stack((np.arange(n), np.arange(n) % 2), 1).astype(float),
        "three random columns": lambda rng, n: rng.normal(size=(n, 3)),
        "200 rare words": lambda rng, n: (rng.random((n, 200)) < 0.05).astype(float),
    }
    for n in (100, 240, 1000):
        for name, make in makers.items():
            runs = [null_trials(make, n, seed) for seed in range(draws)]
            for model, trials in zip(
                ("small tree", "large tree"), zip(*runs, strict=True), strict=True
            ):
                ratio = float(np.var([trial.right for trial in trials])) / (0.25 / n)
                small = float(np.mean([trial.p_value < ALPHA for trial in trials]))
                print(f"| {n} | {name} | {model} | {ratio:.2f} | {small:.3f} |")


def null_trials(
    make: Callable[[np.random.Generator, int], FloatArray], n: int, seed: int
) -> list[Trial]:
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 2)
    values = make(rng, n)
    names = tuple(str(i) for i in range(values.shape[1]))
    item = Evidence("x", "metadata", "", np.arange(n), Columns(values, names))
    folds = stratified_folds([str(v) for v in y], folds=5, seed=seed)
    return try_models(item, y, folds, np.arange(n), seed)


def power(draws: int) -> None:
    """Print how often a planted rule is found that only part of the rows follow."""
    print("\n| rows | rows that follow the rule | found in |")
    print("| ---: | ---: | ---: |")
    for n in (100, 345, 2000):
        for follow in (0.2, 0.3, 0.5):
            found = 0
            for seed in range(draws):
                rng = np.random.default_rng(seed)
                numbers, random = rng.permutation(n), rng.integers(0, 2, n)
                codes = np.where(rng.random(n) < follow, numbers < n // 2, random)
                names = tuple(f"{number}.jpg" for number in numbers)
                labels = tuple(str(int(code)) for code in codes)
                images = local_files([Path(name) for name in names])
                lines = tuple(range(n))
                table = ImageTable(names, images, labels, Path("t.csv"), lines)
                found += "name numbers" in {item.kind for item in search_shortcuts(table).found}
            print(f"| {n} | {follow:.0%} | {found / draws:.0%} |")


def timed(rows: int) -> None:
    rng = np.random.default_rng(0)
    names = tuple(f"batch{i % 7}/{number}.jpg" for i, number in enumerate(rng.permutation(rows)))
    labels = tuple(str(code) for code in rng.integers(0, 10, rows))
    base = ImageStatistics(
        224, 224, "JPEG", "RGB", 1, 1, {}, 90, 0, (1.0, 1.0, 1.0), 1.0, 1.0, 1.0, b"", ()
    )
    statistics = [
        replace(
            base,
            width=int(rng.integers(100, 900)),
            file_bytes=int(rng.integers(10**5)),
            mean_colour=tuple(rng.uniform(0, 255, 3)),
            thumbnail=rng.integers(0, 256, 192).astype(np.uint8).tobytes(),
            border=tuple(rng.uniform(0, 255, 24)),
        )
        for _ in range(rows)
    ]
    images = local_files([Path(name) for name in names])
    table = ImageTable(names, images, labels, Path("t.csv"), tuple(range(rows)))
    began = time.perf_counter()
    search = search_shortcuts(table, statistics)
    seconds = time.perf_counter() - began
    print(f"\n{rows} made-up rows of 10 classes, {len(search.kinds)} kinds: {seconds:.0f} s")
    print("\n".join(search.notes))


if __name__ == "__main__":
    main()
