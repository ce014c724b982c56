"""`who`: everybody who may make a request."""

from __future__ import annotations

import argparse

from kong_oam.access.decide import Decision, Request, component_of, decide
from kong_oam.access.diff.wording import users
from kong_oam.access.model import METHODS, Estate
from kong_oam.access.paths import Unreadable, read
from kong_oam.access.principals import NOBODY, Access
from kong_oam.cli.command import OK, Command
from kong_oam.cli.console import Console
from kong_oam.cli.estates import place_entry
from kong_oam.cli.requests import add_request, callers_of, estate_from, reason, request_from, sets
from kong_oam.diagnostics import printable

_DETAILS = """\
Lists everybody who may make a request: clients as themselves, and clients with users in which groups.

  python -m kong_oam who GET https://orders.example.com/orders
"""


def _run(options: argparse.Namespace, console: Console) -> int:
    estate = estate_from(options)
    request = request_from(options, estate)
    decision = decide(estate, request, None)
    access = callers(estate, request)
    if console.json:
        console.print_json(
            {
                "method": options.method,
                "url": options.url,
                "component": decision.component.key if decision.component else None,
                "rule": place_entry(decision.rule.place if decision.rule else None),
                "withoutToken": {"status": decision.status, "reason": reason(estate, request, decision)},
                "everybody": access.everybody,
                "principals": [
                    {"client": principal.client, "provider": principal.provider, "usersIn": sets(condition)}
                    for principal, condition in sorted(access.principals.items())
                ],
            }
        )
        return OK
    rule = f", {decision.rule.place}" if decision.rule else ""
    console.print(console.paint("bold", _request_in_words(options, decision) + rule))
    why = printable(reason(estate, request, decision))
    if access.everybody:
        console.print(f"everybody ({why})")
    elif not access.principals:
        console.print("nobody" if decision.status in (401, 403) else f"nobody: {decision.status}, {why}")
    else:
        rows = [(p.client, users(c) if p.users else "-", p.provider) for p, c in sorted(access.principals.items())]
        console.print_table(("CLIENT", "USERS IN", "TOKENS OF"), rows)
    return OK


def _request_in_words(options: argparse.Namespace, decision: Decision) -> str:
    of = f": {decision.component.key}" if decision.component else ""
    return printable(f"{options.method} {options.url}{of}")


def callers(estate: Estate, request: Request) -> Access:
    """Everybody, or the principals that may make the request, with their users' groups as Applications name them."""
    try:
        elements = read(request.target)
    except Unreadable:
        return NOBODY
    component = component_of(estate, request.host, elements)
    if component is None or request.method not in METHODS:
        return NOBODY
    return callers_of(estate).at(component, elements)[request.method]


COMMAND = Command("who", "who may make a request", _DETAILS, add_request, _run)
