"""The short form of every benchmark, and one table of figures against those kept in the repository.

    scripts/bench [--only NAME,NAME] [--limit 150] [--keep]

Runs each program of `PROGRAMS` one after the other, finds its figures in what it prints, and prints
each beside the one in `benchmarks/figures.json` with their ratio. Most figures are ratios of two
things that were measured in one run, which say more of the program than of the machine; seconds and
megabytes are compared as they are, so that a kept table of another machine is told. `--keep` writes
the new figures there. Pictures are drawn; nothing is fetched. Ends with 1 when a program fails.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headstart.samples.drawn_set import write_drawn

HERE = Path(__file__).parent
KEPT = HERE / "figures.json"
LIMIT = 150.0  # seconds for one program


@dataclass(frozen=True)
class Program:
    """A benchmark's short form.

    Attributes:
        name: of the module in this folder.
        words: arguments; {table} and {images} stand for drawn pictures.
        figures: what is looked for in the output, a group in a pattern for each.
    """

    name: str
    words: str
    figures: Mapping[str, str]


@dataclass
class Result:
    """A program's figures, or why there are none."""

    figures: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    seconds: float = 0.0


SET = "--table {table} --images {images}"
PROGRAMS = (
    Program(
        "backbone",
        "--small 200 --large 8 --backbones tf_efficientnet_lite0",
        {
            "embed / bare network, bf16": r"([\d.]+) of the bare backbone's in bf16",
            "embed / bare network, fp32": r"([\d.]+) of the bare backbone's in fp32",
            "photographs / Pillow": r"([\d.]+) times as fast",
            "bound / photographs": r"([\d.]+) times headstart's rate",
        },
    ),
    Program(
        "check_size",
        "--pictures 400",
        {"check, CPU s": r"^check: .* ([\d.]+) CPU s", "check, MB": r"^check: .* (\d+) MB"},
    ),
    Program("coverage", "--draws 10", {"all, CPU s": r"([\d.]+) s of one core"}),
    Program(
        "duplicates",
        "--images {images} --copies 20 --rows 2000",
        {"2,000 rows, s": r"groups in ([\d.]+) s"},
    ),
    Program(
        "gentle_views",
        f"{SET} --views 1 --splits 2 --folds 2",
        {"accuracy of the pictures alone": r"^\| tf_efficientnet_lite0[^|]*\|[^|]*\| ([\d.]+)"},
    ),
    Program("epoch_loop", "--measured 1", {"loop / headstart": r"counted too: ([\d.]+)"}),
    Program(
        "fine_tuning",
        "--ways norm --folds 4 --parts 1 --epochs 1 --size 64",
        {"accuracy, frozen": r"^\| frozen \| ([\d.]+)", "accuracy": r"^\| norm \| ([\d.]+)"},
    ),
    Program(
        "memory",
        "--rows 2000 --fit-rows 1000",
        {
            "predict, 2,000 rows, GB": r"^predict, 2,000 rows: ([\d.]+) GB",
            "four large PNG, GB": r"4 workers: ([\d.]+) GB",
        },
    ),
    Program("odd_pictures", SET, {"farthest of the set": r"own farthest \| ([\d.]+)"}),
    Program(
        "photographs",
        "--pictures 2 --rounds 2",
        {"headstart / bound, bf16": r"bf16: headstart / bound ([\d.]+)"},
    ),
    Program(
        "ranking",
        f"{SET} --backbones tf_efficientnet_lite0@128,tf_efficientnet_lite0@160",
        {"accuracy at 128": r"^\| tf_efficientnet_lite0@128[^|]*\| ([\d.]+)"},
    ),
    Program(
        "runtimes",
        "--pictures 200 --rounds 1 --backbones tf_efficientnet_lite0",
        {
            "embed / the same runtime bare, CPU": r"([\d.]+) by the processor's seconds\), ",
            "embed / bare torch fp32, CPU": r"torch fp32 \(([\d.]+) by the processor's",
        },
    ),
    Program(
        "scale",
        "--pictures 200 1000 --rows 20000",
        {
            "slowest / fastest rate": r"slowest rate of fastest ([\d.]+)",
            "20,000 rows, CPU s": r"20,000 rows: ([\d.]+) s of the processor",
        },
    ),
    Program("series", "--scenes 12", {"nearest in the series, %": r"\| ([\d.]+)% \|"}),
    Program(
        "serving",
        "--requests 240 --rounds 1",
        {
            "server / predict, rate": r"median ratios ([\d.]+)",
            "predict / server, CPU": r"median ratios [\d.]+ and ([\d.]+)",
        },
    ),
    Program(
        "shortcuts",
        "--draws 2 --rows 2000",
        {"2,000 rows, s": r"made-up rows of 10 classes, \d+ kinds: ([\d.]+) s"},
    ),
    Program(
        "solver",
        "--cases 345x1280x2 --heads linear --ways headstart,scikit-learn --limit 60",
        {"scikit-learn / headstart, CPU": r"\| scikit-learn \|.*\| ([\d.]+) \|$"},
    ),
    Program(
        "unfamiliar",
        f"{SET} --backbones tf_efficientnet_lite0",
        {"area, chosen method": r"^\| Mahalanobis, length 1[^|]*\| ([\d.]+)"},
    ),
    Program("views", f"{SET} --folds 2", {"accuracy, K = 0": r"\| 0 \| ([\d.]+)"}),
    Program(
        "wrong_labels", f"{SET} --draws 1", {"recall": r"^\| all \|.*\| ([\d.]+) \| [\d.]+ \|$"}
    ),
)
# What has no short form, and why.
LEFT_OUT = {
    "against": "needs the packages of others; epoch_loop has its nearest figure",
    "corrected_t": "a part of others",
    "label_review": "needs a browser",
    "short_run": "this one",
    "versions": "needs another version to compare with",
}


def main() -> None:
    """Run what is asked for and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="names of programs with commas between")
    parser.add_argument("--keep", action="store_true", help=f"write the figures to {KEPT.name}")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one program")
    given = parser.parse_args()
    names = given.only.split(",") if given.only else [program.name for program in PROGRAMS]
    unknown = sorted(set(names) - {program.name for program in PROGRAMS})
    if unknown:
        parser.error(f"--only has {', '.join(unknown)}, which is none of the programs")
    chosen = [program for program in PROGRAMS if program.name in names]
    results = run_all(chosen, given.limit)
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    print("\n".join(table(results, kept, machine())))
    if given.keep:
        KEPT.write_text(kept_text(results, kept, machine()), encoding="utf-8")
    if any(result.problem for result in results.values()):
        raise SystemExit(1)


def run_all(programs: Iterable[Program], limit: float) -> dict[str, Result]:
    """Results by the programs' names."""
    results = {}
    with tempfile.TemporaryDirectory() as place:
        source = write_drawn(Path(place) / "drawn", count=80)
        for program in programs:
            words = program.words.format(table=source, images=source.parent / "images").split()
            results[program.name] = result = run(program, words, Path(place) / "cache", limit)
            told = result.problem or f"{result.seconds:.0f} s"
            print(f"{program.name}: {told}", file=sys.stderr, flush=True)
    return results


def run(program: Program, words: Sequence[str], cache: Path, limit: float = LIMIT) -> Result:
    """Run one program and find its figures."""
    command = [sys.executable, "-m", f"benchmarks.{program.name}", *words]
    paths = f"{HERE.parent}{os.pathsep}{HERE.parent / 'src'}"
    environment = {**os.environ, "HEADSTART_CACHE": str(cache), "PYTHONPATH": paths}
    began = time.monotonic()
    try:
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return Result(problem=f"not finished in {limit:.0f} s", seconds=limit)
    seconds = time.monotonic() - began
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["nothing said"])[-1]
        return Result(problem=f"ended with {ended.returncode}: {last}", seconds=seconds)
    return found(program, ended.stdout, seconds)


def found(program: Program, output: str, seconds: float = 0.0) -> Result:
    """The figures in what a program printed; the first match of each counts."""
    result = Result(seconds=seconds)
    for name, pattern in program.figures.items():
        match = re.search(pattern, output, re.MULTILINE)
        if match is None:
            result.problem = f"printed no figure for {name!r}"
        else:
            result.figures[name] = float(match[1])
    return result


def table(results: Mapping[str, Result], kept: Mapping[str, Any], here: str) -> list[str]:
    """All figures in Markdown, each with the kept one and their ratio."""
    lines = [f"{here}; kept: {kept.get('machine', 'nothing yet')}", ""]
    lines += [
        "| program | figure | kept | now | now / kept |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for name, result in results.items():
        before = kept.get("figures", {}).get(name, {})
        for figure, now in result.figures.items():
            old = before.get(figure)
            cells = [name, figure, "-" if old is None else f"{old:g}", f"{now:g}"]
            cells.append(f"{now / old:.2f}" if old else "-")
            lines.append(f"| {' | '.join(cells)} |")
        if result.problem:
            lines.append(f"| {name} | {result.problem} | - | - | - |")
    return lines


def kept_text(results: Mapping[str, Result], kept: Mapping[str, Any], here: str) -> str:
    """The file of figures with the new ones in it; those of other programs stay."""
    new = {name: result.figures for name, result in results.items() if result.figures}
    figures = {**kept.get("figures", {}), **new}
    return json.dumps({"machine": here, "figures": figures}, indent=1, sort_keys=True) + "\n"


def machine() -> str:
    """The kind of machine: its processor, cores and memory."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    kind = models[0] if models else platform.machine()
    return f"{kind}, {os.cpu_count()} cores, {memory:.0f} GB"


if __name__ == "__main__":
    main()
