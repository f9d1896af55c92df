"""Help texts and pages name what there is, and every command that they show can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from cyclopts import CycloptsError
from tests.program import run

from headstart.cli.main import VERBS, app
from headstart.options.every_option import all_options, options_of

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [verb.__name__ for verb in VERBS]
TORCHRUN = {"--nproc-per-node"}  # its own flags, which a page shows beside ours


def help_of(verb: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(verb, "--help") == 0
    return capsys.readouterr().out


def can_be_typed(line: str) -> bool:
    words = shlex.split(line, comments=True)[1:]
    try:
        app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        pytest.fail(f"{line}: {error}")
    return True


@pytest.mark.parametrize("verb", NAMES)
def test_every_verb_has_examples_that_can_be_typed(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, examples = help_of(verb, capsys).partition("Examples:\n")
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    assert lines
    for line in lines:
        assert line.startswith(f"headstart {verb}")
        assert can_be_typed(line)


@pytest.mark.parametrize(
    "line",
    [
        "explain model --out why A B",
        "explain --class dog model A --out why B",
        "predict model A --out answers.csv B",
        "predict --safe-csv model A B",
    ],
)
def test_flags_may_stand_between_the_pictures(line: str) -> None:
    _, bound, _ = app.parse_args(line.split(), exit_on_error=False, print_error=False)
    assert bound.args == (Path("model"), Path("A"), Path("B"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_flags_on_a_page_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = re.findall(rf"(?:^ {{4}}|`)(headstart (?:{'|'.join(NAMES)}) [^`\n]+)", text, re.M)
    assert all(can_be_typed(line) for line in shown if "VERB" not in line)
    ours = {flag for verb in NAMES for a in flags_of(verb) for flag in a} | TORCHRUN
    benchmarks = "".join(file.read_text() for file in (ROOT / "benchmarks").glob("*.py"))
    unknown = [flag for flag in re.findall(r"(?<![\w-])--[a-zA-Z][\w-]*", text) if flag not in ours]
    assert [flag for flag in unknown if f'"{flag}"' not in benchmarks] == []


def flags_of(verb: str) -> list[tuple[str, ...]]:
    arguments = app[verb].assemble_argument_collection(default_parameter=app.default_parameter)
    return [tuple(argument.names) for argument in arguments] + [("--help", "--version")]


def test_fit_leads_with_ten_options(capsys: pytest.CaptureFixture[str]) -> None:
    shown = help_of("fit", capsys)
    assert shown.index("Arguments") < shown.index("Most used") < shown.index("Reading")
    most_used = shown[shown.index("Most used") : shown.index("Reading")]
    assert len(re.findall(r"^\W*--", most_used, re.M)) == 10
    assert [
        o.name for o in options_of("fit") if o.facts.most_used and o.flag not in most_used
    ] == []


@pytest.mark.parametrize("verb", NAMES)
def test_a_help_text_shows_each_option_once(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = help_of(verb, capsys)
    for name, option in all_options().items():
        rows = re.findall(rf"^│ {option.flag}(?: |$)", shown, re.M)
        # NAME=FILE, and fp32 or int8: their own
        of_others = (("weights", "compare"), ("weights", "rank"), ("precision", "export"))
        own = (name, verb) in of_others
        assert len(rows) == (verb in option.facts.verbs or own), option.flag
    assert "[default: None]" not in shown
