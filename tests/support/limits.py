"""Components with rate limits, and the callers that they deny or allow: for any gateway.

Windows are years, so none ends during a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kong_oam.access.model import Estate, Stack
from tests.support.estates import api, estate
from tests.support.gateway_estates import with_callers
from tests.support.gateway_tokens import Issuer

_OPEN = "\n              - {paths: [/open], methods: [GET], public: {reason: tests}}"
_ACCESS = """
            owner: team
            scopes: {{{name}.read: r}}
            rules:
              - {{paths: [/orders], methods: [GET], scopes: [{name}.read]}}{public}
            roles:
              viewer: {{scopes: [{name}.read], groups: [sales]}}
"""
LIMITED = {
    "client": "client",
    "user": "user",
    "address": "address",
    "component": "component",
    "closed": "client",
}
"""APIs by application, each on its own host, whose requests are counted together; `closed` has no
public rule."""
ALL = [f"{name}.read" for name in LIMITED]
"""All scopes."""
PAGE = "https://page.example.net"
"""The origin of an external page that may call `client`."""
MOST = 2
"""The requests of each budget."""


def limited(domain: str, stack: Stack, policy: str = "local") -> Estate:
    """Return the components at `<application>.<domain>`, and clients that may call them."""
    return with_callers(
        estate(
            *(_application(name, domain, policy) for name in LIMITED),
            stack=stack,
        )
    )


def _application(name: str, domain: str, policy: str) -> str:
    access = _ACCESS.format(name=name, public="" if name == "closed" else _OPEN)
    text = api(name, domain=f"{name}.{domain}", http="{/: 8080}", access=access)
    properties = f"{{per: {LIMITED[name]}, requests: {{year: {MOST}}}, policy: {policy}}}"
    page = (
        f"        - {{type: cors, properties: {{origins: [{PAGE}]}}}}\n"
        if name == "client"
        else ""
    )
    return f"{text}{page}        - {{type: rate-limit, properties: {properties}}}\n"


@dataclass(frozen=True, slots=True)
class Step:
    """Requests of one kind in turn, and their statuses."""

    name: str
    application: str
    statuses: tuple[int, ...]
    token: str | None = None
    path: str = "/orders"
    header: tuple[str, str] | None = None


def steps(issuer: Issuer, other: Issuer) -> Iterator[Step]:
    """Yield requests to the components, in order: they use up one budget after the other, and no
    other caller spends it."""
    c, d = (issuer.service(ALL, client) for client in ("c", "d"))
    forged = issuer.signed(issuer.payload(ALL, client="d"), issuer.stray)
    full, passes = (200, 200, 429), (200, 200)
    yield Step("a client", "client", (*full, 429), c)
    yield Step(
        "a token that names another client, and nobody signed",
        "client",
        full,
        forged,
        "/open",
    )
    yield Step(
        "no token, from the same address", "client", (429,), None, "/open"
    )
    yield Step("no token, where one is needed", "client", (429,))
    yield Step(
        "a client that holds nothing here",
        "client",
        (429,),
        issuer.service(ALL, "stranger"),
    )
    yield Step(
        "a client's token for another API",
        "client",
        (429,),
        issuer.token(ALL, client="d", aud="api://x"),
    )
    yield Step(
        "another issuer's client of that name",
        "client",
        (429,),
        other.service(ALL, "d"),
        "/open",
    )
    yield Step(
        "one whose issuer has our key",
        "client",
        (200,),
        issuer.token([], client="d", iss="https://x"),
        "/open",
    )
    yield Step("the client that was named", "client", full, d)
    yield Step(
        "it, with a header of ours",
        "client",
        (429,),
        d,
        header=("X-Auth-Budget", "x"),
    )
    yield Step("it, where nobody needs a token", "client", (429,), d, "/open")
    for client in ("c", "d"):
        user = issuer.user(ALL, ["sales"], client=client)
        yield Step(f"a user, through {client}", "user", (200,), user)
    yield Step(
        "the user, once more",
        "user",
        (429,),
        issuer.user(ALL, ["sales"], client="c"),
    )
    somebody = {issuer.provider.spelling.subject: "somebody else"}
    yield Step(
        "another user",
        "user",
        (200,),
        issuer.user(ALL, ["sales"], client="c", **somebody),
    )
    yield Step("a client as itself", "user", full, c)
    yield Step(
        "a flood without a token", "component", (*full, 429), None, "/open"
    )
    yield Step("clients together", "component", (200,), c)
    yield Step("clients together, and another one", "component", (200, 429), d)
    yield Step("an address with a token", "address", (200,), c)
    yield Step("the address with another one", "address", (200, 429), d)
    yield Step("the address without any", "address", (429,), None, "/open")
    yield Step(
        "no token, where nothing is public", "closed", (401, 401, 401, 401)
    )
    yield Step("a client, after that", "closed", passes, c)
