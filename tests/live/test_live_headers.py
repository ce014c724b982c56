"""Only the gate names the caller to the workload: forged headers never arrive, verified headers
always do."""

from __future__ import annotations

import pytest

from tests.support.gateway_cases import Case
from tests.support.live.gateway import LiveGateway, Outcome
from tests.support.live.run import CASES_DOMAIN, issuer

FORGED = b"forged-by-the-caller"
VERIFIED = {
    "x-auth-client": "c",
    "x-auth-subject": "someone",
    "x-auth-scopes": "read write",
}

NAMES = [
    b"X-Auth-Client",
    b"x-auth-client",
    b"X-AUTH-CLIENT",
    b"X_Auth_Client",
    b"X_AUTH_CLIENT",
    b"X-Auth_Client",
    b"X.Auth.Client",
    b"X-Auth.Client",
    b"X!Auth!Client",
    b"X~Auth'Client",
    b"X-Auth-Subject",
    b"x_auth_subject",
    b"X-Auth-Scopes",
    b"X_AUTH_SCOPES",
    b"X-Auth-Anything-Else",
    b"X-Consumer-ID",
    b"X-Consumer-Username",
    b"X_Consumer_Custom_ID",
    b"X-Consumer-Groups",
    b"X-Credential-Identifier",
    b"X_Credential_Username",
    b"X-Authenticated-Userid",
    b"X-Authenticated-Scope",
    b"X-Anonymous-Consumer",
    b"Forwarded",
    b"X-Original-URL",
    b"X-Rewrite-URL",
    b"X-Original-Method",
    b"X-HTTP-Method",
    b"X-HTTP-Method-Override",
    b"X_HTTP_Method_Override",
    b"X-Method-Override",
    b"Remote-User",
    b"Remote_User",
    b"X-Remote-User",
    b"X-Forwarded-User",
    b"X_Forwarded_Email",
    b"X-Forwarded-Client-Cert",
    b"X-SSL-Client-Verify",
]


def _send(
    live: LiveGateway, target: bytes, *headers: bytes, user: bool = False
) -> Outcome:
    token = issuer().user(("read", "write"), ("desk",))
    authorization = (f"Bearer {token}",) if user else ()
    return live.send(
        Case("GET", f"orders.{CASES_DOMAIN}", target, authorization), *headers
    )


def _told(outcome: Outcome) -> dict[str, str]:
    assert outcome.status == 200
    return outcome.identity_headers()


@pytest.mark.parametrize("name", NAMES, ids=bytes.decode)
@pytest.mark.usefixtures("entities")
def test_a_forged_header_never_arrives(live: LiveGateway, name: bytes) -> None:
    """In any spelling, once or twice, with and without a token; only verified headers arrive."""
    forged = (name + b": " + FORGED,) * 2
    for user, expected in ((False, {}), (True, VERIFIED)):
        outcome = _send(live, b"/orders/health", *forged, user=user)
        assert FORGED not in (outcome.arrived or b"")
        assert _told(outcome) == expected


@pytest.mark.parametrize("count", [99, 100, 101, 150])
@pytest.mark.usefixtures("entities")
def test_forged_headers_among_many_never_arrive(
    live: LiveGateway, count: int
) -> None:
    """More headers than Lua reads by default do not hide a forged header at any place."""
    filling = [b"X-Filling-%d: 1" % number for number in range(count)]
    hidden = (
        b"X_Auth_Client: " + FORGED,
        b"X-Consumer-Groups: " + FORGED,
    )  # not a name of the gate
    headers = [
        b"X-Auth-Anything: " + FORGED,
        *filling,
        hidden[0],
        *filling[:20],
        hidden[1],
    ]
    for user, expected in ((False, {}), (True, VERIFIED)):
        outcome = _send(live, b"/orders/health", *headers, user=user)
        assert FORGED not in (outcome.arrived or b"")
        assert _told(outcome) == expected
        assert b"X-Filling-%d: 1" % (count - 1) in (outcome.arrived or b"")


@pytest.mark.parametrize(
    "listed",
    [
        b"X-Auth-Client",
        b"x-auth-client, X-Auth-Subject, X-Auth-Scopes",
        b"keep-alive, X-Auth-Scopes",
        b"Authorization",
    ],
)
@pytest.mark.usefixtures("entities")
def test_a_connection_header_that_names_others_is_refused(
    live: LiveGateway, listed: bytes
) -> None:
    """Kong deletes the headers that it names: a caller could remove the gate's own headers."""
    assert _send(
        live, b"/orders/7", b"Connection: " + listed, user=True
    ) == Outcome(400, None)


@pytest.mark.parametrize(
    "listed", [b"close", b"Keep-Alive", b"keep-alive, Upgrade", b"TE, close"]
)
@pytest.mark.usefixtures("entities")
def test_a_connection_header_that_says_how_it_is_used_changes_nothing(
    live: LiveGateway, listed: bytes
) -> None:
    """The workload gets the caller's identity."""
    assert (
        _told(
            _send(
                live,
                b"/orders/7",
                b"Connection: " + listed,
                b"TE: trailers",
                user=True,
            )
        )
        == VERIFIED
    )


@pytest.mark.usefixtures("entities")
def test_a_token_stays_at_the_gateway(live: LiveGateway) -> None:
    """The token is removed on protected and public paths, valid or not, since its receiver could
    use it. Other credentials pass through."""
    tokens = (
        issuer().user(("read", "write"), ("desk",)),
        issuer().user(["read"], ["desk"], exp=1),
    )
    for target, token in (
        (b"/orders", tokens[0]),
        (b"/orders/health", tokens[0]),
        (b"/orders/health", tokens[1]),
    ):
        outcome = live.send(
            Case("GET", f"orders.{CASES_DOMAIN}", target, (f"Bearer {token}",))
        )
        assert outcome.status == 200
        assert token.encode() not in (outcome.arrived or b"")
        assert outcome.credentials() == []
    basic = live.send(
        Case(
            "GET", f"orders.{CASES_DOMAIN}", b"/orders/health", ("Basic YTpi",)
        )
    )
    assert basic.credentials() == ["Basic YTpi"]


@pytest.mark.usefixtures("entities")
def test_the_identity_of_a_service_arrives(live: LiveGateway) -> None:
    """Client and subject are the service itself; the scopes are its grants there that the token
    lists."""
    case = Case(
        "GET",
        f"orders.{CASES_DOMAIN}",
        b"/orders",
        (f"Bearer {issuer().service(['read', 'other'])}",),
    )
    expected = {
        "x-auth-client": "c",
        "x-auth-subject": "c",
        "x-auth-scopes": "read",
    }
    assert _told(live.send(case)) == expected


@pytest.mark.usefixtures("entities")
def test_only_effective_scopes_of_a_user_arrive(live: LiveGateway) -> None:
    """Scopes that no group of the user has do not arrive; a user without scopes has no such header."""
    for groups, expected in ((("sales",), "read"), ((), None)):
        token = issuer().user(("read", "write"), groups)
        outcome = live.send(
            Case(
                "GET",
                f"orders.{CASES_DOMAIN}",
                b"/orders/health",
                (f"Bearer {token}",),
            )
        )
        assert _told(outcome).get("x-auth-scopes") == expected
