"""What is said of a new component, by flags or in answers: how each is written, and which say something together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from kong_oam.access.edge.rate_limit import WINDOWS, Per
from kong_oam.access.model import EXTERNAL
from kong_oam.cli.scaffold import CLIENTS, OUTSIDE, NotScaffolded, Wanted
from kong_oam.diagnostics import printable, some, suggestion
from kong_oam.errors import InputError

Answers = dict[str, Any]
"""By flag, without dashes as argparse has it: what was said, None where nothing was, something empty for a plain no."""

_TYPES = ("webservice", "worker", EXTERNAL)
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")

_OF_SCOPES = ("group", "caller")
_AT_THE_GATEWAY = ("allow_from", "rate_limit", "origin", "max_body", "secure_headers", "tls_issuer", "plugin")
_OF_WEBSERVICES = ("port", "domain", "path", *_AT_THE_GATEWAY)
_OF_WORKLOADS = ("image", *_OF_WEBSERVICES)
_OF_CLIENTS = {"redirect_uri": "native", "jwks_uri": "external"}
_NEEDED = ("app", "component", "image", "owner", "port", "redirect_uri", "jwks_uri")


def call(text: str) -> tuple[str, tuple[str, ...]]:
    """Parses APP/COMPONENT:SCOPE[,SCOPE]. Raises InputError."""
    component, _, scopes = text.partition(":")
    if not all(scopes.split(",")):
        raise InputError(f"'{printable(text)}' is not APP/COMPONENT:SCOPE")
    return component, tuple(dict.fromkeys(scopes.split(",")))


def caller(text: str) -> tuple[str, bool]:
    """Parses APP/COMPONENT, or APP/COMPONENT:write for one that changes something, too. Raises InputError."""
    component, _, level = text.partition(":")
    if level not in ("", "read", "write") or component.count("/") != 1:
        raise InputError(f"'{printable(text)}' is not APP/COMPONENT or APP/COMPONENT:write")
    return component, level == "write"


_RATE = re.compile(r"(?:(?P<per>[a-z]+):)?(?P<requests>[1-9][0-9]{0,8})/(?P<window>[a-z]+)")
_PER = get_args(Per)


def rate(text: str) -> Mapping[str, Any]:
    """Parses REQUESTS/WINDOW, of each client, or PER:REQUESTS/WINDOW, into what a trait rate-limit says; empty where
    nothing is said. Raises InputError."""
    found = _RATE.fullmatch(text)
    if text and (found is None or (found["per"] or _PER[0]) not in _PER or found["window"] not in WINDOWS):
        what = f"write REQUESTS/WINDOW as 60/minute, or user:60/minute ({', '.join(_PER)}; {', '.join(WINDOWS)})"
        raise InputError(f"'{printable(text)}' is no limit: {what}")
    return {"per": found["per"] or _PER[0], "requests": {found["window"]: int(found["requests"])}} if found else {}


def port(text: str) -> int:
    """Parses a port. Raises InputError."""
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 0 < int(text) < 1 << 16):
        raise InputError(f"'{printable(text)}' is no port: write a number up to 65535")
    return int(text)


def name(text: str) -> str:
    """Checks a name of an Application or component. Raises InputError."""
    if not _NAME.match(text):
        raise InputError(f"'{printable(text)}' is no name: write lower-case letters, digits, and dashes between them")
    return text


def one_of(what: str, known: tuple[str, ...]) -> Callable[[str], str]:
    """A parser that takes one of these, or nothing."""

    def parsed(text: str) -> str:
        if text and text not in known:
            raise InputError(f"'{printable(text)}' is no {what}{suggestion(text, known)}")
        return text

    return parsed


def several(parse: Callable[[str], Any] = str, separator: str | None = None) -> Callable[[str], list[Any]]:
    """A parser of several, with spaces (or `separator`) between them."""
    return lambda text: [parse(part.strip()) for part in text.split(separator) if part.strip()]


def said(text: str) -> str:
    """Takes what must not be empty. Raises InputError."""
    if not text:
        raise InputError("an answer is needed here")
    return text


PARSERS: Mapping[str, Callable[[str], Any]] = {
    "app": name,
    "component": name,
    "client": one_of("kind of client", CLIENTS),
    "type": one_of("type of component", _TYPES),
    "image": said,
    "owner": said,
    "port": lambda text: str(port(text)),
    "domain": str,
    "path": str,
    "group": several(separator=","),
    "caller": several(caller),
    "calls": several(call),
    "redirect_uri": lambda text: several()(said(text)),
    "jwks_uri": said,
}
"""By flag: how an answer is read. Raises InputError, whose message says what to write."""

FLAGS = (*PARSERS, *_AT_THE_GATEWAY)
"""All that is said of a component. What it asks for at the gateway, flags alone say."""


def settle(answers: Answers) -> None:
    """Fills in the type that a kind of client runs elsewhere by."""
    if answers["type"] is None and answers["client"] in OUTSIDE:
        answers["type"] = EXTERNAL


def useless_flags(answers: Mapping[str, Any]) -> set[str]:
    """Flags that say nothing about such a component."""
    without = {EXTERNAL: _OF_WORKLOADS, "worker": _OF_WEBSERVICES}.get(answers["type"], ())
    scopeless = _OF_SCOPES if without or answers["client"] in ("web", "browser") else ()
    return {*without, *scopeless, *(flag for flag, kind in _OF_CLIENTS.items() if answers["client"] != kind)}


def missing_flags(answers: Mapping[str, Any]) -> list[str]:
    """Flags that are needed for such a component, and of which nothing is said."""
    useless = useless_flags(answers)
    return [flag for flag in _NEEDED if flag not in useless and not answers[flag]]


def wanted(answers: Mapping[str, Any]) -> Wanted:
    """The component that is meant. Raises NotScaffolded where not enough is said, or what would be dropped."""
    if without := missing_flags(answers):
        listed = some(map(written, without))
        raise NotScaffolded(f"{listed} missing; `new --help` has an example")
    for flag in sorted(useless_flags(answers).difference(_OF_SCOPES)):
        if answers[flag]:
            raise NotScaffolded(f"{_reason(flag, answers['type'])}: leave {written(flag)} out")
    return Wanted(
        application=answers["app"],
        component=answers["component"],
        type=answers["type"] or "webservice",
        image=answers["image"] or "",
        owner=answers["owner"],
        port=_port_of(answers),
        domain=answers["domain"] or None,
        path=answers["path"] or "/",
        allow_from=tuple(answers["allow_from"] or ()),
        rate_limit=answers["rate_limit"] or {},
        origins=tuple(answers["origin"] or ()),
        max_body=answers["max_body"] or None,
        secure_headers=answers["secure_headers"] == "yes",
        tls_issuer=answers["tls_issuer"] or None,
        plugins=tuple(answers["plugin"] or ()),
        client=answers["client"] or None,
        calls=tuple(answers["calls"] or ()),
        groups=tuple(dict.fromkeys(answers["group"] or ())),
        callers=tuple(dict(answers["caller"] or ()).items()),
        redirect_uris=tuple(answers["redirect_uri"] or ()),
        jwks_uri=answers["jwks_uri"] or None,
    )


def _port_of(answers: Mapping[str, Any]) -> int | None:
    try:
        return port(answers["port"]) if answers["port"] else None
    except InputError as error:
        raise NotScaffolded(str(error)) from None


def _reason(flag: str, component: str | None) -> str:
    """Why a flag says nothing about it."""
    if flag in _OF_CLIENTS:
        return f"only a client of kind {_OF_CLIENTS[flag]} has one"
    return "nobody calls a worker" if component == "worker" else "what runs elsewhere is not deployed here"


def written(flag: str) -> str:
    """A flag as it is typed."""
    return f"--{flag.replace('_', '-')}"
