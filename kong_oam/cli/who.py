"""`who`: list all callers that may make a request, or call a component."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from itertools import product
from typing import TypedDict

from kong_oam.access.decide import Decision, Request, component_of, decide
from kong_oam.access.diff.wording import methods, principal_words, users
from kong_oam.access.matrix.rows import called_from, everyone, rows
from kong_oam.access.matrix.table import Row, where
from kong_oam.access.methods import is_known, value_of
from kong_oam.access.model import Component, Estate
from kong_oam.access.networks import admits, only_from
from kong_oam.access.pages import reading_origins
from kong_oam.access.paths import AmbiguousPathError, read_text, written
from kong_oam.access.principals import NOBODY, Access
from kong_oam.cli.command import OK, Command, UsageError, check_known
from kong_oam.cli.console import Console
from kong_oam.cli.entries import (
    ConnectionEntry,
    EndpointEntry,
    Networks,
    PlaceEntry,
    PrincipalEntry,
    Unjudged,
    connection_entries,
    endpoint_entry,
    principal_entries,
    rule_entry,
    source_entry,
    unjudged_entry,
)
from kong_oam.cli.requests import (
    add_request,
    callers_of,
    estate_from,
    reason,
    request_from,
)
from kong_oam.diagnostics import printable, some

_DETAILS = """\
Lists all callers that may make a request, or call an endpoint of a component: clients as
themselves, and clients with users of certain groups. For a component it also lists the callers that
may connect to its pods inside the cluster, without a token.

  python -m kong_oam who GET https://orders.example.com/orders
  python -m kong_oam who --component orders/api
"""


class WithoutToken(TypedDict):
    """The answer of the gateway to a request without a token."""

    status: int
    code: str
    reason: str


class WhoMayRequest(Networks, Unjudged):
    """The callers that may make a request. `pages` are the origins whose pages may read the
    answer."""

    method: str
    url: str
    component: str | None
    rule: PlaceEntry | None
    withoutToken: WithoutToken
    everybody: bool
    principals: list[PrincipalEntry]
    pages: list[str]


class WhoAtComponent(Unjudged):
    """The callers of a component's endpoints, and of its pods inside the cluster."""

    component: str
    endpoints: list[EndpointEntry]
    connections: list[ConnectionEntry]


def _arguments(parser: ArgumentParser) -> None:
    add_request(parser)
    parser.add_argument(
        "--component",
        metavar="NAME",
        help="application/component; lists all its endpoints, instead of METHOD and URL",
    )


def _run(options: Namespace, console: Console) -> int:
    if options.component is not None:
        if options.method is not None:
            raise UsageError(
                "--component covers all requests: leave METHOD and URL out"
            )
        estate = estate_from(options)
        check_known("component", options.component, estate.components)
        component = estate.components[options.component]
        return _of_component(estate, component, options.address, console)
    if options.url is None:
        raise UsageError("specify METHOD and URL, or --component NAME")
    estate = estate_from(options)
    request = request_from(options.method, options.url, estate, options.address)
    return _of_request(estate, request, options.url, console)


def _of_component(
    estate: Estate, component: Component, address: str | None, console: Console
) -> int:
    access_filter = called_from(address, everyone)
    callable_rows = rows(estate, callers_of(estate), access_filter)
    of_component = [
        row for row in callable_rows if row.component == component.key
    ]
    if console.json:
        connections = product([component.key], component.connections)
        answer: WhoAtComponent = {
            "component": component.key,
            "endpoints": [*map(endpoint_entry, of_component)],
            "connections": connection_entries(connections),
            **unjudged_entry(estate.unjudged),
        }
        console.print_json(answer)
        return OK
    tokens = (
        f", with tokens of {component.identity.provider}"
        if component.exposure.endpoints
        else ""
    )
    console.print(
        console.paint("bold", f"{component.key}{tokens}, {component.position}")
    )
    if of_component:
        lines = _lines(of_component, estate.stack.scheme)
        console.print_table(("METHODS", "WHERE", "CLIENT", "USERS IN"), lines)
    elif component.exposure.endpoints:
        console.print("nobody: no rule allows a call")
    elif not component.connections:
        console.print("nobody: the component is not exposed")
    for connection in component.connections:
        console.print(f"{connection.by} {connection.words()}")
    if unfenced := _unfenced(component):
        console.print(unfenced)
    return OK


def _unfenced(component: Component) -> str:
    """Return a sentence about the host of an external component, unless the gateway proves itself
    there by a certificate."""
    upstream = component.exposure.upstream
    proves = all(
        endpoint.tls == "mtls" for endpoint in component.exposure.endpoints
    )
    if upstream is None or proves:
        return ""
    hosts = some([target.address for target in upstream.targets])
    remedy = "set gateway.upstreamTls.clientCertificate"
    if upstream.scheme == "http":
        remedy = f"use scheme: https, and {remedy}"
    return f"nothing fences {hosts}: the host cannot tell the gateway from other callers; {remedy}"


def _lines(
    rows: Iterable[Row], scheme: str
) -> Iterator[tuple[str, str, str, str]]:
    """Yield a line per caller. Only the first line of a row has methods and URL."""
    for row in rows:
        called = methods(row.methods), f"{scheme}://{row.host}{where(row)}"
        fallback = "everybody" if row.access.everybody else "nobody"
        for client, users_in, _ in _principals(row.access) or [
            (fallback, "-", "")
        ]:
            yield (*called, client, users_in)
            # Later lines of this row leave methods and URL empty.
            called = "", ""


def _principals(access: Access) -> list[tuple[str, str, str]]:
    """Return client, groups of users and token provider of each principal, in words. An old
    credential stands beside the client."""
    return [
        (
            principal.client
            + principal_words(principal, access.until.get(principal, "")),
            users(condition) if principal.users else "-",
            "-" if principal.by else principal.provider,
        )
        for principal, condition in sorted(access.principals.items())
    ]


def _of_request(
    estate: Estate, request: Request, url: str, console: Console
) -> int:
    decision = decide(estate, request, None)
    access = callers(estate, request)
    pages = reading_origins(estate, request)
    if console.json:
        called = decision.component
        answer: WhoMayRequest = {
            "method": request.method,
            "url": url,
            "component": called.key if called else None,
            "rule": rule_entry(decision.rule),
            "withoutToken": {
                "status": decision.status,
                "code": decision.code,
                "reason": reason(estate, request, decision),
            },
            "everybody": access.everybody,
            **source_entry(access),
            "principals": principal_entries(access),
            "pages": [*pages],
            **unjudged_entry(estate.unjudged),
        }
        console.print_json(answer)
        return OK
    rule = f", {decision.rule.position}" if decision.rule else ""
    console.print(
        console.paint("bold", _request_in_words(request, url, decision) + rule)
    )
    in_words = printable(reason(estate, request, decision))
    if access.everybody:
        console.print(f"everybody ({in_words})")
    elif not access.principals:
        console.print(f"nobody: {_why_nobody(request, decision, in_words)}")
    else:
        console.print_table(
            ("CLIENT", "USERS IN", "TOKENS OF"), _principals(access)
        )
        if access.networks and not request.address:
            console.print(f"all of them{only_from(access.networks)}")
    if pages:
        console.print(
            printable(f"pages of {', '.join(pages)} may read the answer")
        )
    return OK


def _why_nobody(request: Request, decision: Decision, in_words: str) -> str:
    """Return why nobody may make a request, by the decision without a token and its reason."""
    rule = decision.rule
    # A missing token is the reason of this request only.
    if decision.status != 401:
        return f"{decision.status}, {in_words}"
    if rule is None:
        return "no rule owns this path"
    if rule.lists(request.method):
        if rule.refusals.refuse(read_text(request.target)):
            return f"the rules on {written(rule.path)} refuse this path"
        return "no caller meets this rule"
    return f"no rule on {written(rule.path)} lists {request.method}"


def _request_in_words(request: Request, url: str, decision: Decision) -> str:
    component = f": {decision.component.key}" if decision.component else ""
    return printable(f"{request.method} {url}{component}")


def callers(estate: Estate, request: Request) -> Access:
    """Return the principals that may make the request, or everybody. Nobody, if the address is not
    allowed."""
    try:
        elements = read_text(request.target)
    except AmbiguousPathError:
        return NOBODY
    component = component_of(estate, request.host, elements)
    if component is None or not is_known(request.method):
        return NOBODY
    access = value_of(
        callers_of(estate).at(component, elements), request.method
    )
    if request.address and not admits(access.networks, request.address):
        return NOBODY
    return access


COMMAND = Command(
    "who",
    "list who may make a request, or call a component",
    _DETAILS,
    _arguments,
    _run,
    WhoMayRequest | WhoAtComponent,
)
