"""Flags and answers that describe a new component: their formats, and valid combinations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kong_oam.access.model import EXTERNAL
from kong_oam.cli.command import NAME
from kong_oam.cli.flag import Flag
from kong_oam.cli.scaffold import (
    CLIENTS,
    RUN_ELSEWHERE,
    Caller,
    ComponentSpec,
    ScaffoldError,
)
from kong_oam.diagnostics import printable, some
from kong_oam.errors import InputError
from kong_oam.oam.position import Fields, Names
from kong_oam.traits.questions import QUESTIONS

FlagValues = dict[str, Any]
"""Values by flag, as argparse stores them: a text, or a list of texts. None means no answer yet,
and an empty value means no. `component_spec` converts them."""

_SCOPE_FLAGS = ("group", "caller")
_WEBSERVICE_FLAGS = (
    "port",
    "domain",
    "path",
    *(question.flag.name for question in QUESTIONS),
)
_WORKLOAD_FLAGS = ("image", *_WEBSERVICE_FLAGS)
_CLIENT_FLAGS = {"redirect_uri": "native", "jwks_uri": "external"}
REQUIRED = (
    "app",
    "component",
    "image",
    "owner",
    "port",
    "redirect_uri",
    "jwks_uri",
)
"""Required flags, unless they do not apply to the component."""


def parse_call(text: str) -> tuple[str, Names]:
    """Parse APP/COMPONENT:SCOPE[,SCOPE]. Raises InputError."""
    component, _, scopes = text.partition(":")
    if not all(scopes.split(",")):
        raise InputError(
            f"invalid call '{printable(text)}': write APP/COMPONENT:SCOPE"
        )
    return component, tuple(scopes.split(","))


def parse_caller(text: str) -> Caller:
    """Parse APP/COMPONENT, or APP/COMPONENT:write for a caller that may also change data. Raises
    InputError."""
    component, _, level = text.partition(":")
    if level not in ("", "read", "write") or component.count("/") != 1:
        raise InputError(
            f"invalid caller '{printable(text)}': write APP/COMPONENT or APP/COMPONENT:write"
        )
    return component, level == "write"


def parse_port(text: str) -> int:
    """Parse a port. Raises InputError."""
    if not text.isdecimal() or len(text) > len("65535"):
        raise InputError(
            f"invalid port '{printable(text)}': write a number up to 65535"
        )
    return int(text)


def check_name(text: str) -> str:
    """Check the name of an Application or component. Raises InputError."""
    if not NAME.match(text):
        raise InputError(
            f"invalid name '{printable(text)}': write lower-case letters, digits, and dashes "
            "between them"
        )
    return text


_FLAGS = (
    Flag("app", "NAME", "the Application, new or existing", check_name),
    Flag("component", "NAME", "the new component", check_name),
    Flag(
        "type",
        "TYPE",
        "webservice, worker or external (default: the type that fits --client, or webservice)",
    ),
    Flag("image", "IMAGE", "the container image"),
    Flag("owner", "TEAM", "the team that is responsible for its access"),
    Flag("port", "PORT", "the port of a webservice", parse_port),
    Flag(
        "domain",
        "DOMAIN",
        "the domain of a webservice (default: a domain of the stack)",
    ),
    Flag(
        "path",
        "PATH",
        "the path of a webservice in its domain (default: /)",
    ),
    *(question.flag for question in QUESTIONS),
    Flag(
        "group",
        "NAME",
        "a group whose users may read and change (repeatable)",
        separator=",",
    ),
    Flag(
        "caller",
        "APP/COMPONENT[:write]",
        "a client that may read, or with :write also change; its file gets the call (repeatable)",
        parse_caller,
        separator=" ",
    ),
    Flag(
        "client",
        f"{{{','.join(CLIENTS)}}}",
        "the kind of client: service calls as itself; web (on a server), browser and native (on "
        "devices) call for users; external is a partner's",
        choices=CLIENTS,
    ),
    Flag(
        "redirect_uri",
        "URI",
        "the redirect URI of a native client on users' devices (repeatable)",
        separator=" ",
    ),
    Flag(
        "jwks_uri",
        "URL",
        "the address of an external client's public keys",
    ),
    Flag(
        "calls",
        "APP/COMPONENT:SCOPE[,SCOPE]",
        "a call to another component, with its scopes (repeatable)",
        parse_call,
        separator=" ",
    ),
)
FLAGS: Mapping[str, Flag] = {flag.name: flag for flag in _FLAGS}
"""All flags of a component, in the order of `--help`."""


def set_default_type(answers: FlagValues) -> None:
    """Set the type `external` for native and external clients."""
    if answers["type"] is None and answers["client"] in RUN_ELSEWHERE:
        answers["type"] = EXTERNAL


def irrelevant_flags(answers: FlagValues) -> set[str]:
    """Return the flags that do not apply to such a component."""
    inapplicable = {EXTERNAL: _WORKLOAD_FLAGS, "worker": _WEBSERVICE_FLAGS}.get(
        answers["type"], ()
    )
    scope_flags = (
        _SCOPE_FLAGS
        if inapplicable or answers["client"] in ("web", "browser")
        else ()
    )
    return {
        *inapplicable,
        *scope_flags,
        *(
            flag
            for flag, kind in _CLIENT_FLAGS.items()
            if answers["client"] != kind
        ),
    }


def missing_flags(answers: FlagValues) -> list[str]:
    """Return the required flags without a value."""
    irrelevant = irrelevant_flags(answers)
    return [
        flag
        for flag in REQUIRED
        if flag not in irrelevant and not answers[flag]
    ]


def component_spec(answers: FlagValues) -> ComponentSpec:
    """Return the described component. Raises InputError if a required flag is missing, or a flag
    does not apply."""
    if inapplicable := missing_flags(answers):
        raise ScaffoldError(
            f"missing {some(map(as_option, inapplicable))}; `new --help` shows examples"
        )
    for flag in sorted(irrelevant_flags(answers)):
        if answers[flag]:
            raise ScaffoldError(
                f"unexpected {as_option(flag)}: {_reason(flag, answers['type'])}; leave it out"
            )
    values = {
        name: flag.read(answers[name])
        for name, flag in FLAGS.items()
        if answers[name]
    }
    traits = tuple(_traits(values))
    return ComponentSpec(**values, traits=traits)


def _traits(values: FlagValues) -> Iterator[tuple[str, Fields]]:
    """Yield type and properties of the requested traits, and remove their flags from `values`."""
    for question in QUESTIONS:
        value = values.pop(question.flag.name, None)
        if value:
            for properties in question.properties(value):
                yield question.trait, properties


def _reason(flag: str, component: str | None) -> str:
    """Return why a flag does not apply."""
    if flag in _CLIENT_FLAGS:
        return f"only for --client {_CLIENT_FLAGS[flag]}"
    if flag in _SCOPE_FLAGS:
        return "only for a webservice that is no web or browser client"
    return (
        "a worker has no endpoint"
        if component == "worker"
        else "an external component is not deployed"
    )


def as_option(flag: str) -> str:
    """Return a flag in the form that a user types."""
    return f"--{flag.replace('_', '-')}"
