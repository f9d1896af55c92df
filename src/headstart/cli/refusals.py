"""What is said of a command line that cannot be understood: what is wrong, and what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cyclopts import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from headstart.errors import UsageError
from headstart.options.every_option import all_options

OLD_NAMES = {"--strength": "--C", "--class-weights": "--class-weight"}
LISTS = {"compare": "--models", "rank": "--backbones"}  # options of several names, by their verb


def plain_words(arguments: Sequence[str]) -> list[str]:
    """The words of a command line, with today's names of flags for older ones.

    Raises UsageError for an empty word, which would mean the current folder, or nothing at all.
    """
    words = []
    for place, word in enumerate(arguments):
        flag, equals, value = word.partition("=")
        if not word or (word.startswith("--") and equals and not value):
            where = f"in {word!r}" if word else f"after {' '.join(arguments[:place])!r}"
            raise UsageError(
                f"a word of the command is empty, {where}; a variable of the shell that is not set "
                "gives one. Leave it out, or say what is meant"
            )
        words.append(OLD_NAMES.get(flag, flag) + equals + value)
    return words


def refusal(error: CycloptsError, verbs: Sequence[str]) -> str:
    """The error of the parser in this program's words."""
    verb = " ".join(error.command_chain or ())
    if isinstance(error, UnknownCommandError) and error.unused_tokens:
        word = error.unused_tokens[0]
        return f"there is no verb {word!r}{_like(word, verbs)}; the verbs are {', '.join(verbs)}"
    if isinstance(error, UnknownOptionError):
        return _unknown_option(error, verb)
    if isinstance(error.__cause__, UsageError):  # a converter's own words
        return str(error.__cause__)
    if isinstance(error, CoercionError) and error.token is not None:
        name = error.token.keyword or (error.argument.name if error.argument else "a value")
        return f"{name} is {error.token.value!r}{_allowed(name)}"
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        name = error.argument.name
        if name.startswith("--"):
            return f"{name} needs a value{_allowed(name)}"
        return f"{verb} needs {name}: {error.argument.parameter.help} See headstart {verb} --help"
    if isinstance(error, RepeatArgumentError):
        return f"{error.token.keyword} is given more than once; give it once"
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        words = ", ".join(repr(word) for word in error.unused_tokens)
        takes_none = error.target is not None and not _names(error.target)
        else_ = "" if takes_none else ", or put a name that has blanks between quotes"
        if verb in LISTS:
            else_ += f"; what {LISTS[verb]} names is separated by commas, without blanks"
        return f"{verb} has no use for {words}; leave it out{else_}. See headstart {verb} --help"
    error.verbose = False  # without the function's place in the source
    return str(error)


def _names(verb: Callable[..., Any]) -> list[str]:
    """The parameters of a verb that stand by their place."""
    parameters = inspect.signature(verb).parameters.values()
    return [item.name for item in parameters if item.kind is item.POSITIONAL_ONLY]


def _unknown_option(error: UnknownOptionError, verb: str) -> str:
    word = error.token.keyword or error.token.value
    if Path(word).exists() or (not word.startswith("--") and Path(word).suffix):
        return f"{word} is taken for an option, since it begins with a dash; write ./{word}"
    own = [name for argument in error.argument_collection for name in argument.names]
    others = all_options().get(word.removeprefix("--").replace("-", "_"))
    if others is not None:
        return f"{verb} has no option {word}; it is one of {', '.join(others.facts.verbs)}"
    return f"{verb} has no option {word}{_like(word, own)}. See headstart {verb} --help"


def _allowed(flag: str) -> str:
    """ "; it must be ..." for a flag of an option."""
    option = all_options().get(flag.removeprefix("--").replace("-", "_"))
    return f"; it must be {option.rule.allowed}" if option is not None else ""


def _like(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""
