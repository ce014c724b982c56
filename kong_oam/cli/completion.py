"""`completion`: complete verbs, options, choices, stacks and files in a shell.

The script of each shell asks this command for candidates, so all shells use the same parser.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence

from kong_oam.access.settings.stack import stack_names
from kong_oam.cli.command import OK, Command
from kong_oam.cli.console import SCRIPT, Console

_DETAILS = """\
Prints the completion script of a shell for `kong-oam`. It completes verbs, options, choices, files,
and stacks of the working directory. At each Tab, the script runs
`kong-oam completion SHELL -- WORD...`, which prints the candidates, a candidate per line.

  eval "$(python -m kong_oam completion bash)"    # in ~/.bashrc; zsh: in ~/.zshrc, after compinit
  python -m kong_oam completion fish > ~/.config/fish/completions/kong-oam.fish
"""

# Without candidates, each shell completes file names.

_BASH = """\
_kong_oam() {
    mapfile -t COMPREPLY < <(%(program)s completion bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" \
2>/dev/null)
    COMPREPLY=("${COMPREPLY[@]%%%%$'\\t'*}")
}
complete -o default -F _kong_oam %(program)s
"""

_ZSH = """\
_kong_oam() {
    local -a found
    found=(${(f)"$(%(program)s completion zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    found=("${(@)found//:/\\\\:}")
    found=("${(@)found/$'\\t'/:}")
    if (( $#found )); then _describe %(program)s found; else _files; fi
}
compdef _kong_oam %(program)s
"""

_FISH = """\
function __kong_oam
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l found (%(program)s completion fish -- $before[2..] "$current" 2>/dev/null)
    if set -q found[1]
        printf '%%s\\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c %(program)s -f -a '(__kong_oam)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}

_SAFE_NAME = re.compile(r"[A-Za-z0-9_.-]+")
"""Names of stacks that are safe to offer. Other names could run as a command."""

Candidate = tuple[str, str]
"""A candidate, and its description."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shell",
        choices=tuple(SCRIPTS),
        metavar="SHELL",
        help=f"the shell: {', '.join(SCRIPTS)}",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="the words so far, after --; the last word is completed",
    )


def _run(options: argparse.Namespace, console: Console) -> int:
    if not options.words:
        script = SCRIPTS[options.shell] % {"program": SCRIPT}
        console.print_exactly(script.rstrip("\n"))
        return OK
    for word, summary in candidates(options.parser, options.words):
        console.print_exactly(f"{word}\t{summary}")
    return OK


def candidates(
    parser: argparse.ArgumentParser, words: Sequence[str]
) -> list[Candidate]:
    """Return the candidates for the last of `words`. The list is empty for file names and free
    texts."""
    *before, current = words
    # The words after `--` are the command line of another program.
    if "--" in before:
        return []
    option: argparse.Action | None = None
    for word in before:
        if word.startswith("-"):
            option = _option_with_value(parser, word)
        elif option:
            option = None
        else:
            parser = _verb(parser, word)
    values = _values(option) if option else _operands(parser)
    possible = _options(parser) if current.startswith("-") else values
    return [
        (word, summary)
        for word, summary in possible
        if word.startswith(current)
    ]


def _option_with_value(
    parser: argparse.ArgumentParser, word: str
) -> argparse.Action | None:
    """Return the option with this name, if it takes a value."""
    for action in parser._actions:
        # The word after a flag does not belong to the flag.
        if word in action.option_strings and action.nargs != 0:
            return action
    return None


def _verb(
    parser: argparse.ArgumentParser, word: str
) -> argparse.ArgumentParser:
    """Return the parser of a verb, or the same parser if the word is no verb."""
    for action in parser._actions:
        if (
            isinstance(action, argparse._SubParsersAction)
            and word in action.choices
        ):
            parser = action.choices[word]
            break
    return parser


def _options(parser: argparse.ArgumentParser) -> Iterator[Candidate]:
    for action in parser._actions:
        summary = (
            parser._get_formatter()._expand_help(action) if action.help else ""
        )
        for flag in action.option_strings:
            yield flag, summary


def _operands(parser: argparse.ArgumentParser) -> Iterator[Candidate]:
    """Yield the verbs of a parser, or the values of its operands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action._choices_actions:
                yield verb.dest, verb.help or ""
        elif not action.option_strings:
            yield from _values(action)


def _values(action: argparse.Action) -> Iterator[Candidate]:
    if action.choices:
        for choice in action.choices:
            yield str(choice), ""
    elif action.dest == "stack":
        for name in filter(_SAFE_NAME.fullmatch, stack_names()):
            yield name, ""


COMMAND = Command(
    "completion",
    "print a shell's completion script",
    _DETAILS,
    _arguments,
    _run,
)
