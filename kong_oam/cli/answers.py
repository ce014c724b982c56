"""What is said of a new component, by flags or in answers: how each is written, and which say
something together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kong_oam.access.model import EXTERNAL
from kong_oam.cli.flag import Flag
from kong_oam.cli.scaffold import (
    CLIENTS,
    OUTSIDE,
    Caller,
    ScaffoldError,
    Wanted,
)
from kong_oam.diagnostics import printable, some
from kong_oam.errors import InputError
from kong_oam.oam.position import Fields
from kong_oam.traits.questions import QUESTIONS

FlagValues = dict[str, Any]
"""By flag, as argparse has it: a text, or a list of texts; None where nothing was said, and
something empty for no.

The edge of the command line: `wanted` makes a value of it."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")

_OF_SCOPES = ("group", "caller")
_OF_WEBSERVICES = (
    "port",
    "domain",
    "path",
    *(question.flag.name for question in QUESTIONS),
)
_OF_WORKLOADS = ("image", *_OF_WEBSERVICES)
_OF_CLIENTS = {"redirect_uri": "native", "jwks_uri": "external"}
NEEDED = (
    "app",
    "component",
    "image",
    "owner",
    "port",
    "redirect_uri",
    "jwks_uri",
)
"""Flags that are needed, where they say something about the component."""


def call(text: str) -> tuple[str, tuple[str, ...]]:
    """Parses APP/COMPONENT:SCOPE[,SCOPE]. Raises InputError."""
    component, _, scopes = text.partition(":")
    if not all(scopes.split(",")):
        raise InputError(f"'{printable(text)}' is not APP/COMPONENT:SCOPE")
    return component, tuple(scopes.split(","))


def caller(text: str) -> Caller:
    """Parses APP/COMPONENT, or APP/COMPONENT:write for one that changes something, too. Raises
    InputError."""
    component, _, level = text.partition(":")
    if level not in ("", "read", "write") or component.count("/") != 1:
        raise InputError(
            f"'{printable(text)}' is not APP/COMPONENT or APP/COMPONENT:write"
        )
    return component, level == "write"


def port(text: str) -> int:
    """Parses a port. Raises InputError."""
    if not text.isdecimal() or len(text) > len("65535"):
        raise InputError(
            f"'{printable(text)}' is no port: write a number up to 65535"
        )
    return int(text)


def name(text: str) -> str:
    """Checks a name of an Application or component. Raises InputError."""
    if not _NAME.match(text):
        raise InputError(
            f"'{printable(text)}' is no name: write lower-case letters, digits, and dashes between "
            "them"
        )
    return text


_FLAGS = (
    Flag("app", "NAME", "the Application, new or not", name),
    Flag("component", "NAME", "the new component", name),
    Flag(
        "type",
        "TYPE",
        "webservice, worker, or external (default: webservice, or what the client needs)",
    ),
    Flag("image", "IMAGE", "its container image"),
    Flag("owner", "TEAM", "who answers for its access"),
    Flag("port", "PORT", "of a webservice, where it listens", port),
    Flag(
        "domain",
        "DOMAIN",
        "of a webservice; without one the stack gives one",
    ),
    Flag(
        "path",
        "PATH",
        "of a webservice, what it owns of the domain (default: /)",
    ),
    *(question.flag for question in QUESTIONS),
    Flag(
        "group",
        "NAME",
        "whose users may read and change (repeatable)",
        separator=",",
    ),
    Flag(
        "caller",
        "APP/COMPONENT[:write]",
        "a client that may read, or change something, too; it gets the call (repeatable)",
        caller,
        separator=" ",
    ),
    Flag(
        "client",
        f"{{{','.join(CLIENTS)}}}",
        "it calls as itself, on behalf of its users (on a server, in the browser, on devices), "
        "or is a partner's",
        choices=CLIENTS,
    ),
    Flag(
        "redirect_uri",
        "URI",
        "of a native client, where users come back to on their device (repeatable)",
        separator=" ",
    ),
    Flag(
        "jwks_uri",
        "URL",
        "of an external client, where its owner publishes its keys",
    ),
    Flag(
        "calls",
        "APP/COMPONENT:SCOPE[,SCOPE]",
        "what it calls, and with which scopes (repeatable)",
        call,
        separator=" ",
    ),
)
FLAGS: Mapping[str, Flag] = {flag.name: flag for flag in _FLAGS}
"""All that is said of a component, in the order of `--help`."""


def settle(answers: FlagValues) -> None:
    """Fills in the type that a kind of client runs elsewhere by."""
    if answers["type"] is None and answers["client"] in OUTSIDE:
        answers["type"] = EXTERNAL


def useless_flags(answers: FlagValues) -> set[str]:
    """Flags that say nothing about such a component."""
    without = {EXTERNAL: _OF_WORKLOADS, "worker": _OF_WEBSERVICES}.get(
        answers["type"], ()
    )
    scopeless = (
        _OF_SCOPES if without or answers["client"] in ("web", "browser") else ()
    )
    return {
        *without,
        *scopeless,
        *(
            flag
            for flag, kind in _OF_CLIENTS.items()
            if answers["client"] != kind
        ),
    }


def missing_flags(answers: FlagValues) -> list[str]:
    """Flags that are needed for such a component, and of which nothing is said."""
    useless = useless_flags(answers)
    return [
        flag for flag in NEEDED if flag not in useless and not answers[flag]
    ]


def wanted(answers: FlagValues) -> Wanted:
    """The component that is meant. Raises InputError where not enough is said, or what would be
    dropped."""
    if without := missing_flags(answers):
        raise ScaffoldError(
            f"{some(map(written, without))} missing; `new --help` has an example"
        )
    for flag in sorted(useless_flags(answers)):
        if answers[flag]:
            raise ScaffoldError(
                f"{_reason(flag, answers['type'])}: leave {written(flag)} out"
            )
    values = {
        name: flag.read(answers[name])
        for name, flag in FLAGS.items()
        if answers[name]
    }
    traits = tuple(_traits(values))
    return Wanted(**values, traits=traits)


def _traits(values: FlagValues) -> Iterator[tuple[str, Fields]]:
    """Yield type and properties of the traits that are asked for, whose values are taken out."""
    for question in QUESTIONS:
        value = values.pop(question.flag.name, None)
        if value:
            for properties in question.properties(value):
                yield question.trait, properties


def _reason(flag: str, component: str | None) -> str:
    """Why a flag says nothing about it."""
    if flag in _OF_CLIENTS:
        return f"only a client of kind {_OF_CLIENTS[flag]} has one"
    if flag in _OF_SCOPES:
        return (
            "groups and components hold roles of what offers scopes, a webservice whose users "
            "sign in elsewhere"
        )
    return (
        "nobody calls a worker"
        if component == "worker"
        else "what runs elsewhere is not deployed here"
    )


def written(flag: str) -> str:
    """A flag as it is typed."""
    return f"--{flag.replace('_', '-')}"
