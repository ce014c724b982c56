"""`explain`: explain how the gateway answers a request."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from kong_oam.access.before import KIND_WORDS, By, OldCredential
from kong_oam.access.decide import (
    Decision,
    Proof,
    Request,
    decide,
    effective_scopes,
)
from kong_oam.access.issue import User, issue
from kong_oam.access.model import Estate
from kong_oam.access.pages import preflight, reading
from kong_oam.access.paths import read_text
from kong_oam.access.tokens import Refusal, Token
from kong_oam.cli.command import OK, Command, UsageError
from kong_oam.cli.console import Colour, Console
from kong_oam.cli.entries import PlaceEntry, Unjudged, rule_entry
from kong_oam.cli.recorded_requests import RecordedAnswer, explain_recorded
from kong_oam.cli.requests import (
    add_groups,
    add_request,
    check_groups,
    clients_of,
    estate_from,
    reason,
    request_from,
)
from kong_oam.diagnostics import printable
from kong_oam.traits.cors.at_kong import granted

_Token = Token | None
"""The claims of a token, the reason against a token, or None without a token."""

_DETAILS = """\
Explains how the gateway answers a request: the decision, the rule with its file and line, and the
token that the identity provider issues. Without --as, the request has no token. With --consumer, it
has an old key or password. Without --from, it comes from an allowed address.

  python -m kong_oam explain GET https://orders.example.com/orders
  python -m kong_oam explain POST https://orders.example.com/orders --as shop/web --user-in sales

With --origin, it shows whether a web page of that origin may read the answer. With --asks, the
request is the preflight that a browser sends first.

  python -m kong_oam explain OPTIONS https://orders.example.com/orders \\
      --origin https://shop.example.com --asks POST

With --request, it explains a request from the gateway's records (gateway.logs in the stack): the
caller, the rule, and the change that would allow it. The gateway's answer has the id of the
request.

  python -m kong_oam explain --request 0f9fd0ab4d79e51c2e37c3fdd3a8bc1e --logs records.jsonl
"""


class TokenEntry(TypedDict):
    """The claims of a token that the provider issues. `audience`: the API that the token is for."""

    provider: str
    client: str
    subject: str
    user: bool
    scopes: list[str]
    groups: list[str]
    audience: str | None


class RefusedToken(TypedDict):
    """The reason why the provider issues no token."""

    refused: str


class PageEntry(TypedDict):
    """The rights of a calling page. `mayRead` is null if the gateway has no rule for it."""

    origin: str
    asks: str | None
    mayRead: bool | None
    reason: str
    headers: dict[str, str]


_Caller = TypedDict("_Caller", {"as": str | None, "from": NotRequired[str]})


class ExplainAnswer(_Caller, Unjudged):
    """The answer of the gateway to a request. Its code is stable; docs/reference/decisions.md lists
    the codes."""

    method: str
    url: str
    userIn: list[str] | None
    consumer: NotRequired[str]
    status: int
    code: str
    allowed: bool
    reason: str
    component: str | None
    rule: PlaceEntry | None
    token: TokenEntry | RefusedToken | None
    forwardedPath: NotRequired[str]
    page: NotRequired[PageEntry]


def _arguments(parser: ArgumentParser) -> None:
    add_request(parser)
    parser.add_argument(
        "--as",
        dest="client",
        help="the client that calls: application/component",
    )
    add_groups(parser)
    parser.add_argument(
        "--consumer",
        metavar="NAME",
        help="the consumer of the gateway whose old key or password the request has",
    )
    parser.add_argument(
        "--origin",
        help="the origin of the calling page: https://host, as browsers send it",
    )
    parser.add_argument(
        "--asks",
        metavar="METHOD",
        type=str.upper,
        help="the method of a preflight (Access-Control-Request-Method)",
    )
    parser.add_argument(
        "--request",
        metavar="ID",
        help="the id of a recorded request, instead of METHOD and URL",
    )
    parser.add_argument(
        "--logs",
        metavar="FILE",
        help="the gateway's records as lines of JSON, for --request",
    )


def _run(options: Namespace, console: Console) -> int:
    if options.request or options.logs:
        return _recorded(options, console)
    if options.method is None or options.url is None:
        raise UsageError(
            "specify METHOD and URL, or --request and --logs of a recorded request"
        )
    estate = estate_from(options)
    request = request_from(options.method, options.url, estate, options.address)
    token: Proof | None = None
    if options.consumer is not None:
        _check_consumer(options)
    if options.asks:
        _check_preflight(options)
        decision = preflight(estate, request, options.origin, options.asks)
    else:
        token = _proof(estate, request, options)
        decision = decide(estate, request, token)
    explained = _Explained(
        decision,
        reason(estate, request, decision),
        token,
        _sent(estate, request, decision),
        _page(estate, request, options),
    )
    if console.json:
        console.print_json(_answer(explained, estate, options))
    else:
        _print(explained, estate, options, console)
    return OK


@dataclass(frozen=True, slots=True)
class _Explained:
    """A decision with its reason and the caller's token. `sent`: the path at the workload. `page`:
    the rights of the calling page."""

    decision: Decision
    reason: str
    token: Proof | None
    sent: str | None
    page: PageEntry | None


def _print(
    explained: _Explained, estate: Estate, options: Namespace, console: Console
) -> None:
    decision = explained.decision
    colour: Colour = "green" if decision.status < 300 else "red"
    answer = f"{decision.status} {_request_in_words(options)}"
    console.print(
        console.paint(colour, answer),
        f"  code    {decision.code}",
        f"  reason  {printable(explained.reason)}",
    )
    if not options.asks:
        token_in_words = _token_in_words(
            estate, decision, explained.token, options
        )
        console.print(f"  token   {printable(token_in_words)}")
    if explained.sent:
        console.print(f"  path    {printable(explained.sent)} at the workload")
    if explained.page:
        console.print(*_page_in_words(explained.page))
    source = decision.rule or decision.component
    if source:
        label = "rule" if decision.rule else "at  "
        console.print(
            f"  {label}    {source.position}", source.position.excerpt()
        )


def _sent(estate: Estate, request: Request, decision: Decision) -> str | None:
    """Return the path of an allowed request at the workload, if it is not the request's path."""
    if not decision.allowed:
        return None
    path = read_text(request.target)
    pair = estate.reached(request.host, path)
    forward = pair[1].forward(pair[0], path) if pair else None
    return forward.sent(path) if forward else None


def _recorded(options: Namespace, console: Console) -> int:
    if not options.request or not options.logs:
        raise UsageError(
            "--request ID and --logs FILE belong together: add the missing option"
        )
    recorded_values = (
        options.method,
        options.client,
        options.consumer,
        options.origin,
        options.asks,
    )
    if any(recorded_values) or options.groups is not None:
        raise UsageError(
            "--request reads these values from the record: leave out METHOD, URL, --as, "
            "--user-in, --origin and --asks"
        )
    return explain_recorded(options, console)


def _request_in_words(options: Namespace) -> str:
    client = f" as {options.client}" if options.client else ""
    user = ""
    if options.groups is not None:
        user = f" for a user in {' and '.join(options.groups) or 'no group'}"
    source = f" from {options.address}" if options.address else ""
    page = f" for a page of {options.origin}" if options.origin else ""
    asks = f" that asks for {options.asks}" if options.asks else ""
    return printable(
        f"{options.method} {options.url}{client}{user}{source}{page}{asks}"
    )


def _check_preflight(options: Namespace) -> None:
    if options.method != "OPTIONS" or not options.origin:
        raise UsageError(
            "--asks is for preflights: use METHOD OPTIONS, and add --origin"
        )
    if options.client or options.groups is not None:
        raise UsageError(
            "browsers send no token in a preflight: leave out --as and --user-in"
        )


def _page(
    estate: Estate, request: Request, options: Namespace
) -> PageEntry | None:
    """Return the rights of the calling page as JSON, or None without a page."""
    if not options.origin:
        return None
    page: PageEntry = {
        "origin": options.origin,
        "asks": options.asks,
        "mayRead": None,
        "reason": "the gateway has no cors rule for this request; "
        "headers of the workload pass unchanged",
        "headers": {},
    }
    answer = reading(
        estate, request, options.origin, options.asks or request.method
    )
    if answer:
        page["mayRead"] = answer.may
        page["reason"] = answer.reason
        component = decide(estate, request, None).component
        if component and answer.may:
            page["headers"] = {
                **granted(component, options.origin, options.asks)
            }
    return page


def _page_in_words(page: PageEntry) -> Iterator[str]:
    action = f"send {page['asks']}" if page["asks"] else "read the answer"
    verdict = "not judged"
    if page["mayRead"] is not None:
        verdict = f"may {action}" if page["mayRead"] else f"may not {action}"
    yield f"  page    {printable(verdict)}: {printable(page['reason'])}"
    for name, value in page["headers"].items():
        yield f"          {printable(name)}: {printable(value)}"


def _check_consumer(options: Namespace) -> None:
    if options.client or options.groups is not None or options.asks:
        raise UsageError(
            "--consumer is the only credential of a request: leave out --as, --user-in and --asks"
        )


def _proof(
    estate: Estate, request: Request, options: Namespace
) -> Proof | None:
    """Return the token or the old credential of the request."""
    if options.consumer is None:
        return _token(estate, request, options)
    component = decide(estate, request, None).component
    accepted = component.identity.old_callers if component else ()
    by: By = accepted[0].by if accepted else "key-auth"
    return OldCredential(options.consumer, by)


def _token(
    estate: Estate, request: Request, options: Namespace
) -> Token | None:
    """Return the token that the provider of the called component issues to the client."""
    if options.client is None:
        if options.groups is not None:
            raise UsageError(
                "--user-in needs --as: users call through a client"
            )
        return None
    # A client of a missing Application may be of either kind. `--user-in` selects the kind.
    clients = sorted(
        clients_of(estate, options.client),
        key=lambda c: c.user_facing == (options.groups is None),
    )
    component = decide(estate, request, None).component
    # A component may be a client at several providers. The API trusts only its provider.
    client = next(
        (
            c
            for c in clients
            if component and c.provider == component.identity.provider
        ),
        clients[0],
    )
    provider = estate.stack.providers[
        component.identity.provider if component else client.provider
    ]
    groups = options.groups
    user = (
        None
        if groups is None
        else User(
            "user", tuple(map(provider.group, check_groups(estate, groups)))
        )
    )
    return issue(
        provider, client, user, api=estate.token_api_at(component, client)
    )


def _token_in_words(
    estate: Estate,
    decision: Decision,
    token: Proof | None,
    options: Namespace,
) -> str:
    if isinstance(token, OldCredential):
        kind = KIND_WORDS[token.by]
        return f"none: an old {kind} of consumer '{token.consumer}'"
    if token is None:
        return "none"
    if isinstance(token, Refusal):
        return f"none: {token.reason}"
    issued = f"{token.provider} issues {options.client} a token with {' '.join(token.scopes)}"
    component = decision.component
    if (
        component is None
        or component.any_token
        or token.provider != component.identity.provider
    ):
        return issued
    effective = sorted(effective_scopes(estate, component, token))
    return (
        f"{issued}; valid at {component.key}: {' '.join(effective) or 'none'}"
    )


def _answer(
    explained: _Explained, estate: Estate, options: Namespace
) -> ExplainAnswer:
    decision = explained.decision
    answer: ExplainAnswer = {
        "method": options.method,
        "url": options.url,
        "as": options.client,
        "userIn": options.groups,
        "status": decision.status,
        "code": decision.code,
        "allowed": decision.allowed,
        "reason": explained.reason,
        "component": decision.component.key if decision.component else None,
        "rule": rule_entry(decision.rule),
        "token": _token_entry(explained.token),
    }
    if options.address:
        answer["from"] = options.address
    if options.consumer:
        answer["consumer"] = options.consumer
    if explained.sent:
        answer["forwardedPath"] = explained.sent
    if explained.page:
        answer["page"] = explained.page
    if estate.unjudged:
        answer["unjudged"] = [*estate.unjudged]
    return answer


def _token_entry(token: Proof | None) -> TokenEntry | RefusedToken | None:
    if isinstance(token, Refusal):
        return {"refused": token.reason}
    if token is None or isinstance(token, OldCredential):
        return None
    return {
        "provider": token.provider,
        "client": token.client,
        "subject": token.subject,
        "user": token.user,
        "scopes": [*token.scopes],
        "groups": [*token.groups],
        "audience": token.audience,
    }


COMMAND = Command(
    "explain",
    "explain how the gateway answers a request",
    _DETAILS,
    _arguments,
    _run,
    ExplainAnswer | RecordedAnswer,
)
