"""The answers to all callers at every endpoint of the sample estate: real tokens, raw requests,
literal statuses."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import httpx
import pytest

from sandbox import caller
from sandbox.local import Local
from sandbox.okta import browser
from tests.support.engine.calls import (
    call,
    credential,
    part,
    service_token,
    signed_in,
    user_token,
)
from tests.support.engine.sample import Sample
from tests.support.gateway_tokens import encoded, rsa_key, signature

# Columns of the tables. checkout and renderer call as themselves. The users sales and desk are in one
# group each, and both is in both. Users sign in to the shop's web application, then to the console
# of reports.
CALLERS = (
    *("nobody",),
    *("checkout", "renderer"),
    *("sales in web", "desk in web", "both in web"),
    *("sales in console", "desk in console", "both in console"),
    *("foreign issuer", "foreign key", "self-signed", "expired", "ID token"),
    *(
        "our key, ID token's mark",
        "our key, another issuer",
        "our key, another audience",
    ),
)
PUBLIC = (
    "200  200 200  200 200 200  200 200 200  200 200 200 200 200  200 200 200"
)
NO_RULE = (
    "401  403 403  403 403 403  403 403 403  401 401 401 401 401  401 401 401"
)
NOT_THERE = (
    "404  404 404  404 404 404  404 404 404  404 404 404 404 404  404 404 404"
)
AMBIGUOUS = (
    "400  400 400  400 400 400  400 400 400  400 400 400 400 400  400 400 400"
)
SIGNED_IN = (
    "401  200 200  200 200 200  200 200 200  401 401 401 401 401  401 401 401"
)
READ_ORDERS = (
    "401  200 403  200 200 200  403 403 403  401 401 401 401 401  401 401 401"
)
WRITE_ORDERS = (
    "401  403 403  403 200 200  403 403 403  401 401 401 401 401  401 401 401"
)
READ_REPORTS = (
    "401  403 200  403 403 403  200 200 200  401 401 401 401 401  401 401 401"
)
PUBLISH = (
    "401  403 403  403 403 403  403 200 200  401 401 401 401 401  401 401 401"
)
AUDIT = (
    "401  403 200  403 403 403  403 403 403  401 401 401 401 401  401 401 401"
)

ANSWERS = {
    # hello: no access trait, so closed to all but principals of the stack's provider
    "GET hello.example.com/": SIGNED_IN,
    "PATCH hello.example.com/any/thing": SIGNED_IN,
    "GET hello.example.com/..%2f": AMBIGUOUS,
    # orders
    "GET orders.example.com/orders": READ_ORDERS,
    "HEAD orders.example.com/orders": READ_ORDERS,
    "GET orders.example.com/orders/7": READ_ORDERS,
    "GET orders.example.com/orders/health/../7": READ_ORDERS,
    "GET orders.example.com//orders": READ_ORDERS,
    "GET orders.example.com/%6frders": READ_ORDERS,
    "POST orders.example.com/orders": WRITE_ORDERS,
    "PUT orders.example.com/orders/7": WRITE_ORDERS,
    "DELETE orders.example.com/orders/7": WRITE_ORDERS,
    "PATCH orders.example.com/orders": NO_RULE,
    "OPTIONS orders.example.com/orders": NO_RULE,
    "GET orders.example.com/orders/health": PUBLIC,
    "HEAD orders.example.com/orders/health": PUBLIC,
    "GET orders.example.com/orders/health/deep": PUBLIC,
    "POST orders.example.com/orders/health": NO_RULE,
    "GET orders.example.com/orders/health/..%2f7": AMBIGUOUS,
    "GET orders.example.com/orders/health/..;/7": AMBIGUOUS,
    "GET orders.example.com/orders/health/..%5c7": AMBIGUOUS,
    "GET orders.example.com/orders/health/%252e%252e/7": AMBIGUOUS,
    "GET orders.example.com/": NOT_THERE,
    "GET orders.example.com/orders-internal": NOT_THERE,
    "GET unknown.example.com/orders": NOT_THERE,
    # reports: a public path below a protected one and the other way round
    "GET reports.example.com/reports": READ_REPORTS,
    "GET reports.example.com/reports/7": READ_REPORTS,
    "PUT reports.example.com/reports/7": PUBLISH,
    "DELETE reports.example.com/reports/7": PUBLISH,
    "POST reports.example.com/reports": NO_RULE,
    "GET reports.example.com/reports/published": PUBLIC,
    "GET reports.example.com/reports/published/q3": PUBLIC,
    "PUT reports.example.com/reports/published": NO_RULE,
    "GET reports.example.com/reports/published/drafts": PUBLISH,
    "GET reports.example.com/reports/published/drafts/q4": PUBLISH,
    "GET reports.example.com/docs": PUBLIC,
    "POST reports.example.com/docs": NO_RULE,
    "GET reports.example.com/docs/internal": AUDIT,
    "GET reports.example.com/docs/public/../internal": AUDIT,
    "GET reports.example.com/docs/%2e%2e;/reports": AMBIGUOUS,
    # the two web applications keep their users' sessions themselves
    "GET console-reports.sandbox.example.com/": PUBLIC,
    "POST console-reports.sandbox.example.com/auth/callback": PUBLIC,
    "GET shop.example.com/": PUBLIC,
    "DELETE shop.example.com/basket/7": PUBLIC,
}


@pytest.fixture(scope="module")
def tokens(sample: Sample) -> Iterator[Mapping[str, str | None]]:
    """A token for each caller."""
    local = sample.local
    (server,) = (
        server["id"] for server in local.okta.objects("authorizationServers")
    )
    issued = service_token(local, "checkout")
    other = _other_server(local)
    found: dict[str, str | None] = {
        "nobody": None,
        "checkout": issued,
        "renderer": service_token(local, "renderer"),
        "foreign issuer": _token_of(local, f"{local.okta.url}/oauth2/{other}"),
        "foreign key": local.okta.sign(other, part(issued, 1)),
        "self-signed": _self_signed(issued),
        "expired": local.okta.sign(
            server, part(issued, 1) | {"exp": int(time.time()) - 1}
        ),
        "ID token": str(signed_in(local, "web", "user-both")["id_token"]),
        "our key, ID token's mark": local.okta.sign(
            server, part(issued, 1) | {"jti": "ID.1"}
        ),
        "our key, another issuer": local.okta.sign(
            server,
            part(issued, 1) | {"iss": f"{local.okta.url}/oauth2/{other}"},
        ),
        "our key, another audience": local.okta.sign(
            server, part(issued, 1) | {"aud": "api://another"}
        ),
    }
    for application in ("web", "console"):
        found[f"sales in {application}"] = user_token(
            local, application, "user-sales"
        )
        found[f"desk in {application}"] = user_token(
            local, application, "user-order-desk"
        )
        found[f"both in {application}"] = user_token(
            local, application, "user-both"
        )
    assert found.keys() == set(CALLERS)
    yield found
    with _management(local) as okta:
        okta.delete(f"/authorizationServers/{other}").raise_for_status()


def _management(local: Local) -> httpx.Client:
    headers = {"Authorization": f"SSWS {local.env['OKTA_API_TOKEN']}"}
    return httpx.Client(base_url=f"{local.okta.url}/api/v1", headers=headers)


def _other_server(local: Local) -> str:
    """Create another authorization server of the same org, for the same audience, which gives every
    app the same scope."""
    with _management(local) as okta:
        server = {
            "name": "other",
            "description": "",
            "audiences": ["api://kong-oam/local"],
        }
        other = str(
            okta.post("/authorizationServers", json=server)
            .raise_for_status()
            .json()["id"]
        )
        base = f"/authorizationServers/{other}"
        okta.post(
            f"{base}/scopes", json={"name": "orders.read"}
        ).raise_for_status()
        clients = {"clients": {"include": ["ALL_CLIENTS"]}}
        policy = {
            "type": "OAUTH_AUTHORIZATION_POLICY",
            "name": "all",
            "description": "all",
            "conditions": clients,
        }
        made = okta.post(
            f"{base}/policies",
            json=policy | {"priority": 1, "status": "ACTIVE"},
        ).raise_for_status()
        conditions = {
            "people": {"groups": {"include": ["EVERYONE"]}},
            "grantTypes": {"include": ["client_credentials"]},
            "scopes": {"include": ["*"]},
        }
        rule = {
            "type": "RESOURCE_ACCESS",
            "name": "all",
            "priority": 1,
            "conditions": conditions,
        }
        okta.post(
            f"{base}/policies/{made.json()['id']}/rules", json=rule
        ).raise_for_status()
    return other


def _token_of(local: Local, issuer: str) -> str:
    own = credential(local, "checkout")
    answer = browser.client_credentials(
        issuer, own["OAUTH_CLIENT_ID"], caller.proof_of(own), ["orders.read"]
    )
    return str(answer["access_token"])


def _self_signed(token: str) -> str:
    """Return the same header, key id included, and the same claims, signed with a stranger's key."""
    signed = token.rpartition(".")[0]
    return f"{signed}.{encoded(signature(rsa_key(), signed))}"


@pytest.mark.parametrize("request_line", ANSWERS)
def test_every_endpoint_gives_every_caller_the_right_answer(
    sample: Sample, tokens: Mapping[str, str | None], request_line: str
) -> None:
    """400 for an ambiguous path, 401 without a valid token, 403 without its scope, 404 elsewhere,
    200."""
    method, url = request_line.split(" ")
    host, slash, path = url.partition("/")
    meant = dict(
        zip(CALLERS, map(int, ANSWERS[request_line].split()), strict=True)
    )
    got = {
        name: call(
            sample.local, method, host, slash + path, tokens[name]
        ).status
        for name in CALLERS
    }
    assert got == meant


def test_a_user_in_no_group_is_issued_no_token(sample: Sample) -> None:
    """Neither web application gets a token for a user without a role."""
    for application in ("web", "console"):
        with pytest.raises(browser.IssuerError) as refused:
            signed_in(sample.local, application, "user-none")
        assert refused.value.error == "access_denied"


def test_a_client_is_issued_no_scope_that_it_was_not_granted(
    sample: Sample,
) -> None:
    """checkout may read orders: it gets no token with more scopes, even if the scope exists."""
    own = credential(sample.local, "checkout")
    account = own["OAUTH_ISSUER"], own["OAUTH_CLIENT_ID"], caller.proof_of(own)
    assert (
        browser.client_credentials(*account, ["orders.read"])["scope"]
        == "orders.read"
    )
    for scopes in (
        ["orders.write"],
        ["orders.read", "orders.write"],
        ["reports.read"],
    ):
        with pytest.raises(browser.IssuerError):
            browser.client_credentials(*account, scopes)


def test_the_verified_identity_reaches_the_workload(
    sample: Sample, tokens: Mapping[str, str | None]
) -> None:
    """Client, subject and the effective scopes: a user of sales has only orders.read though the
    token lists both."""
    checkout = credential(sample.local, "checkout")["OAUTH_CLIENT_ID"]
    web = credential(sample.local, "web")["OAUTH_CLIENT_ID"]
    sales_token = tokens["sales in web"]
    assert sales_token is not None and {"orders.read", "orders.write"} <= set(
        part(sales_token, 1)["scp"]
    )
    assert _identity(sample.local, tokens["checkout"]) == (
        [checkout],
        [checkout],
        ["orders.read"],
    )
    assert _identity(sample.local, sales_token) == (
        [web],
        ["user-sales"],
        ["orders.read"],
    )
    assert _identity(sample.local, tokens["both in web"]) == (
        [web],
        ["user-both"],
        ["orders.read orders.write"],
    )


def _identity(
    local: Local, token: str | None
) -> tuple[list[str], list[str], list[str]]:
    answer = call(local, "GET", "orders.example.com", "/orders", token)
    return (
        answer.header("X-Auth-Client"),
        answer.header("X-Auth-Subject"),
        answer.header("X-Auth-Scopes"),
    )
