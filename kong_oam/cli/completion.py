"""`completion`: the script with which a shell completes verbs, options, choices, stacks and files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from kong_oam.cli.command import OK, Command
from kong_oam.cli.completion_scripts import SCRIPTS, Argument, Verb
from kong_oam.cli.console import Console

_DETAILS = """\
Prints the script with which a shell completes what is typed after `kong-oam`: verbs, options, choices, files, and the
stacks of the folder. It starts no Python, so it answers at once; make it anew after an upgrade.

  eval "$(python -m kong_oam completion bash)"       # in ~/.bashrc; zsh: in ~/.zshrc, after compinit
  python -m kong_oam completion fish > ~/.config/fish/completions/kong-oam.fish
"""

_FILES = ("FILE", "FOLDER", "OLD", "NEW")
"""What help calls a value that is the name of a file or a folder, or may be."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=tuple(SCRIPTS), metavar="SHELL", help=", ".join(SCRIPTS))


def _run(options: argparse.Namespace, console: Console) -> int:
    console.print_exactly(SCRIPTS[options.shell](read(options.parser)).rstrip("\n"))
    return OK


def read(parser: argparse.ArgumentParser, name: str = "", summary: str = "") -> Verb:
    """What there is to complete after the words of a parser, at any depth: the whole one's has no name."""
    return Verb(name, summary, tuple(_options(parser)), tuple(_operands(parser)), tuple(_verbs(parser)))


def _verbs(parser: argparse.ArgumentParser) -> Iterator[Verb]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, inner in action.choices.items():
                yield read(inner, name, summaries.get(name, ""))


def _options(parser: argparse.ArgumentParser) -> Iterator[Argument]:
    return (_argument(parser, action) for action in parser._actions if action.option_strings)


def _operands(parser: argparse.ArgumentParser) -> Iterator[Argument]:
    for action in parser._actions:
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction):
            yield _argument(parser, action)


def _argument(parser: argparse.ArgumentParser, action: argparse.Action) -> Argument:
    name = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    return Argument(
        flags=tuple(action.option_strings),
        name=name,
        summary=parser._get_formatter()._expand_help(action) if action.help else "",
        takes="none" if action.nargs == 0 else "many" if action.nargs in ("+", "*") else "one",
        kind=_kind(action, name),
        words=tuple(map(str, action.choices or ())),
        optional=action.nargs in ("?", "*"),
        repeatable=isinstance(action, argparse._AppendAction),
    )


def _kind(action: argparse.Action, name: str) -> str:
    if action.choices:
        return "words"
    if action.dest == "stack":
        return "stacks"
    is_several = name == "PATH" and action.nargs in ("+", "*")  # one PATH alone is that of a URL
    return "files" if action.type is Path or name in _FILES or is_several else ""


COMMAND = Command("completion", "print a shell's completion script", _DETAILS, _arguments, _run, json=False)
