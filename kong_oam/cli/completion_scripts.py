"""Writes completion scripts for bash, zsh and fish from what there is to complete.

The scripts ask nobody but the shell: stacks are names of files. None of these names is evaluated, since whoever wrote a
repository chose them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Final, Literal

from kong_oam.cli.console import SCRIPT


@dataclass(frozen=True, slots=True)
class Argument:
    """An option by its `flags`, or an operand without any. `kind` says what its value is: one of `words`, a name of
    "stacks", "files", or something that nobody can guess."""

    flags: tuple[str, ...]
    name: str
    summary: str
    takes: Literal["none", "one", "many"]
    kind: str
    words: tuple[str, ...] = ()
    optional: bool = False
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb with what may follow it."""

    name: str
    summary: str
    options: tuple[Argument, ...]
    operands: tuple[Argument, ...]
    verbs: tuple[Verb, ...]


def _walk(verb: Verb, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Verb]]:
    """Each verb, with the words that lead to it."""
    yield path, verb
    for inner in verb.verbs:
        yield from _walk(inner, (*path, inner.name))


# bash: one function that walks over the words. What it does not know is left to readline, which completes files.

_BASH = """\
_kong_oam_offer() {
    local word
    for word; do
        if [[ $word == "$current"* ]]; then COMPREPLY+=("$word"); fi
    done
}

_kong_oam_stacks() {
    local file
    for file in stacks/Pulumi.*.yaml; do
        file=${file#stacks/Pulumi.}
        file=${file%%.yaml}
        if [[ $file != *[!A-Za-z0-9_.-]* ]]; then _kong_oam_offer "$file"; fi
    done
}

_kong_oam() {
    local current=${COMP_WORDS[COMP_CWORD]} verb='' option='' word i
    COMPREPLY=()
    if [[ $current == = ]]; then current=; fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == -- ]]; then return; fi
        if [[ $word == -* ]]; then
            option=
            case "$verb $word" in
%(valued)s) option=$word ;;
            esac
        elif [[ $word == = ]]; then
            continue
        elif [[ $option ]]; then
            option=
        else
            case "$verb/$word" in
%(verbs)s) verb+=/$word ;;
            esac
        fi
    done
    if [[ $option && $current != -* ]]; then
        case "$verb $option" in
%(values)s
        esac
    elif [[ $current == -* ]]; then
        case $verb in
%(options)s
        esac
    else
        case $verb in
%(operands)s
        esac
    fi
}

complete -o default -F _kong_oam %(program)s
"""


def _bash(root: Verb) -> str:
    found = [("".join(f"/{word}" for word in path), verb) for path, verb in _walk(root)]
    flags = [(f"{path} {flag}", option) for path, verb in found for option in verb.options for flag in option.flags]
    values: dict[str, list[str]] = {}
    for pattern, option in flags:
        if offer := _bash_offer(option):
            values.setdefault(offer, []).append(pattern)
    options = [(path, " ".join(flag for option in verb.options for flag in option.flags)) for path, verb in found]
    operands = [(path, offer) for path, verb in found if (offer := _bash_next(verb))]
    return _BASH % {
        "program": SCRIPT,
        "valued": _either([pattern for pattern, option in flags if option.takes != "none"], 16),
        "verbs": _either([path for path, _ in found if path], 16),
        "values": "\n".join(f"{_either(patterns, 12)}) {offer} ;;" for offer, patterns in values.items()),
        "options": "\n".join(f"            {quote(path)}) _kong_oam_offer {offered} ;;" for path, offered in options),
        "operands": "\n".join(f"            {quote(path)}) {offer} ;;" for path, offer in operands),
    }


def _either(patterns: Sequence[str], indent: int) -> str:
    """A pattern of `case` that takes each of these words, one a line."""
    return " | \\\n".join(f"{' ' * indent}{quote(pattern)}" for pattern in patterns)


def _bash_offer(argument: Argument) -> str:
    if argument.kind == "words":
        return f"_kong_oam_offer {' '.join(map(quote, argument.words))}"
    return "_kong_oam_stacks" if argument.kind == "stacks" else ""


def _bash_next(verb: Verb) -> str:
    offers = [f"_kong_oam_offer {' '.join(quote(inner.name) for inner in verb.verbs)}"] if verb.verbs else []
    return "; ".join([*offers, *filter(None, map(_bash_offer, verb.operands))])


# zsh: a function for each verb, each of which describes to _arguments what may follow

_ZSH = """\
_kong_oam_stacks() {
    local -a names
    names=(stacks/Pulumi.*.yaml(N:t))
    names=(${${names#Pulumi.}%%.yaml})
    compadd -a names
}

%(functions)s
compdef _kong_oam %(program)s
"""


def _zsh(root: Verb) -> str:
    functions = (_zsh_function(path, verb) for path, verb in _walk(root))
    return _ZSH % {"program": SCRIPT, "functions": "\n".join(functions)}


def _zsh_function(path: tuple[str, ...], verb: Verb) -> str:
    specs = [spec for option in verb.options for spec in _zsh_option(option)]
    specs += [_zsh_operand(operand) for operand in verb.operands]
    name = "_".join(("_kong_oam", *path))
    if not verb.verbs:
        return f"{name}() {{\n    _arguments{_zsh_lines(specs)}\n}}\n"
    specs += ["1:verb:->verb", "*::argument:->rest"]
    verbs = [f"{inner.name}:{_escaped(inner.summary, ':')}" for inner in verb.verbs]
    inner = "\n".join(f"                {one.name}) {name}_{one.name} ;;" for one in verb.verbs)
    return f"""\
{name}() {{
    local context state state_descr line
    local -A opt_args
    local -a verbs
    verbs=({_zsh_lines(verbs, "")}
    )
    _arguments{_zsh_lines(specs)}
    case $state in
        verb) _describe verb verbs ;;
        rest)
            case $words[1] in
{inner}
            esac ;;
    esac
}}
"""


def _zsh_lines(words: Sequence[str], end: str = " \\") -> str:
    return "".join(f"{end}\n        {quote(word)}" for word in words)


def _zsh_option(option: Argument) -> Iterator[str]:
    others = "*" if option.repeatable else f"({' '.join(option.flags)})"
    for flag in option.flags:
        equals = "=" if option.takes == "one" and flag.startswith("--") else ""
        value = {"none": "", "one": ":", "many": ":*-*:"}[option.takes]
        told = f"{_escaped(option.name, ':')}:{_zsh_action(option)}" if value else ""
        yield f"{others}{flag}{equals}[{_escaped(option.summary, '[]')}]{value}{told}"


def _zsh_operand(operand: Argument) -> str:
    many = {"one": "::" if operand.optional else ":", "many": "*:", "none": ""}[operand.takes]
    return f"{many}{_escaped(operand.name, ':')}:{_zsh_action(operand)}"


def _zsh_action(argument: Argument) -> str:
    return {"words": f"({' '.join(argument.words)})", "stacks": "_kong_oam_stacks", "files": "_files"}.get(
        argument.kind, " "
    )


def _escaped(text: str, characters: str) -> str:
    return "".join(f"\\{one}" if one in f"\\{characters}" else one for one in text)


# fish: a line for each verb, option and operand, with the words that have to stand before it

_FISH = """\
function __kong_oam_stacks
    for file in stacks/Pulumi.*.yaml
        string replace -r '^stacks/Pulumi\\.(.*)\\.yaml$' '$1' -- $file
    end
end

complete -c %(program)s -f
%(lines)s
"""


def _fish(root: Verb) -> str:
    lines = [line for path, verb in _walk(root) for line in _fish_lines(path, verb)]
    return _FISH % {"program": SCRIPT, "lines": "\n".join(lines)}


def _fish_lines(path: tuple[str, ...], verb: Verb) -> Iterator[str]:
    here = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in path) or "__fish_use_subcommand"
    before = here
    if path and verb.verbs:
        before += f"; and not __fish_seen_subcommand_from {' '.join(inner.name for inner in verb.verbs)}"
    for inner in verb.verbs:
        yield _fish_line(before, f"-a {inner.name}", inner.summary)
    for option in verb.options:
        names = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)
        value = "" if option.takes == "none" else f" -r {_fish_values(option) or '-f'}"
        yield _fish_line(before, names + value, option.summary)
    for operand in verb.operands:
        if values := _fish_values(operand):
            yield _fish_line(here, values, operand.summary)


def _fish_values(argument: Argument) -> str:
    return {
        "words": f"-f -a {_fish_quoted(' '.join(argument.words))}",
        "stacks": "-f -a '(__kong_oam_stacks)'",
        "files": "-F",
    }.get(argument.kind, "")


def _fish_line(condition: str, what: str, summary: str) -> str:
    return f"complete -c {SCRIPT} -n {_fish_quoted(condition)} {what} -d {_fish_quoted(summary)}"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SCRIPTS: Final[Mapping[str, Callable[[Verb], str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
"""Each shell's script, by the shell's name."""
