"""`who`: everybody who may make a request."""

from __future__ import annotations

import argparse

from access.cli.command import OK, Command
from access.cli.console import Console
from access.cli.requests import add_request, asked_estate, asked_request, callers_of, sets
from access.decide import Decision, Request, component_of, decide
from access.model import METHODS, Estate
from access.paths import Unreadable, read
from access.principals import NOBODY, Access
from access.wording import printable, users

_DETAILS = """\
Lists everybody who may make a request: clients as themselves, and clients with users in which groups.

  python -m access who GET https://orders.example.com/orders
"""


def _run(options: argparse.Namespace, console: Console) -> int:
    estate, request = asked_estate(options), asked_request(options)
    decision = decide(estate, request, None)
    access = _access(estate, request)
    if console.json:
        console.print_json(
            {
                "method": options.method,
                "url": options.url,
                "component": decision.component.key if decision.component else None,
                "everybody": access.everybody,
                "principals": [
                    {"client": principal.client, "provider": principal.provider, "usersIn": sets(condition)}
                    for principal, condition in sorted(access.principals.items())
                ],
            }
        )
        return OK
    rule = f", {decision.rule.place}" if decision.rule else ""
    console.print(console.paint("bold", _asked_of(options, decision) + rule))
    if access.everybody:
        console.print(f"everybody ({decision.reason})")
    elif not access.principals:
        console.print("nobody" if decision.status in (401, 403) else f"nobody: {decision.status}, {decision.reason}")
    else:
        rows = [(p.client, users(c) if p.users else "-", p.provider) for p, c in sorted(access.principals.items())]
        console.print_table(("CLIENT", "USERS IN", "TOKENS OF"), rows)
    return OK


def _asked_of(options: argparse.Namespace, decision: Decision) -> str:
    of = f": {decision.component.key}" if decision.component else ""
    return printable(f"{options.method} {options.url}{of}")


def _access(estate: Estate, request: Request) -> Access:
    try:
        elements = read(request.target)
    except Unreadable:
        return NOBODY
    component = component_of(estate, request.host, elements)
    if component is None or request.method not in METHODS:
        return NOBODY
    return callers_of(estate).at(component, elements)[request.method]


COMMAND = Command("who", "who may make a request", _DETAILS, add_request, _run)
