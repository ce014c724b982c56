"""`explain`: what happens to a request, and why."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from kong_oam.access.decide import Decision, Request, decide, effective_scopes
from kong_oam.access.model import Estate
from kong_oam.access.tokens import Claims, Refusal, User, issue
from kong_oam.cli.command import OK, Command, UsageError
from kong_oam.cli.console import Console
from kong_oam.cli.estates import place_entry, unjudged_entry
from kong_oam.cli.requests import add_request, checked_groups, clients_of, estate_from, reason, request_from
from kong_oam.diagnostics import printable

_DETAILS = """\
Says what the gateway does with a request and why: the decision, the rule by file and line, and the token that the
identity provider would give. Without --as the request carries no token.

  python -m kong_oam explain GET https://orders.example.com/orders
  python -m kong_oam explain POST https://orders.example.com/orders --as shop/web --user-in sales
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_request(parser)
    parser.add_argument("--as", dest="client", metavar="CLIENT", help="the client that calls: application/component")
    parser.add_argument(
        "--user-in", dest="groups", nargs="*", metavar="GROUP", help="for a user in these groups (none: in no group)"
    )


def _run(options: argparse.Namespace, console: Console) -> int:
    estate = estate_from(options)
    request = request_from(options.method, options.url, estate)
    token = _token(estate, request, options)
    decision = decide(estate, request, token)
    if console.json:
        said = {"reason": reason(estate, request, decision), **unjudged_entry(estate.unjudged)}
        console.print_json(_explained(options, decision, token) | said)
        return OK
    console.print(
        console.paint("green" if decision.allowed else "red", f"{decision.status} {_request_in_words(options)}"),
        f"  reason  {printable(reason(estate, request, decision))}",
        f"  token   {printable(_token_in_words(estate, decision, token, options))}",
    )
    place = decision.rule.place if decision.rule else decision.component.place if decision.component else None
    if place:
        console.print(f"  {'rule' if decision.rule else 'at  '}    {place}", place.excerpt())
    return OK


def _request_in_words(options: argparse.Namespace) -> str:
    by = f" as {options.client}" if options.client else ""
    user = "" if options.groups is None else f" for a user in {' and '.join(options.groups) or 'no group'}"
    return printable(f"{options.method} {options.url}{by}{user}")


def _token(estate: Estate, request: Request, options: argparse.Namespace) -> Claims | Refusal | None:
    """What the provider of the component that is called gives the client."""
    if options.client is None:
        if options.groups is not None:
            raise UsageError("--user-in needs --as: users call through a client")
        return None
    # One that is not here may be of either kind: what is asked about says of which.
    clients = sorted(clients_of(estate, options.client), key=lambda c: c.user_facing == (options.groups is None))
    component = decide(estate, request, None).component
    client = next((c for c in clients if component and c.provider == component.provider), clients[0])
    provider = estate.stack.providers[component.provider if component else client.provider]
    groups = options.groups
    user = None if groups is None else User("user", tuple(map(provider.group, checked_groups(estate, groups))))
    return issue(provider, client, user, api=estate.shown_at(component, client))


def _token_in_words(
    estate: Estate, decision: Decision, token: Claims | Refusal | None, options: argparse.Namespace
) -> str:
    if token is None:
        return "none"
    if isinstance(token, Refusal):
        return f"none: {token.reason}"
    gives = f"{token.provider} gives {options.client} one that lists {' '.join(token.scopes)}"
    component = decision.component
    if component is None or component.any_token or token.provider != component.provider:
        return gives
    counting = sorted(effective_scopes(estate, component, token))
    return f"{gives}; of these, {' '.join(counting) or 'nothing'} counts at {component.key}"


def _explained(options: argparse.Namespace, decision: Decision, token: Claims | Refusal | None) -> dict[str, Any]:
    rule = decision.rule.place if decision.rule else None
    return {
        "method": options.method,
        "url": options.url,
        "as": options.client,
        "userIn": options.groups,
        "status": decision.status,
        "allowed": decision.allowed,
        "reason": decision.reason,
        "component": decision.component.key if decision.component else None,
        "rule": place_entry(rule),
        "token": None if token is None else {"refused": token.reason} if isinstance(token, Refusal) else asdict(token),
    }


COMMAND = Command("explain", "what happens to a request, and why", _DETAILS, _arguments, _run)
