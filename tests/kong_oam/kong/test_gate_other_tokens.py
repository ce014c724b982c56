"""Tokens of other issuers at a workload that gets its callers' tokens: the sandbox's gateway is a
stand-in for Kong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from sandbox.kong import Answer, Kong
from tests.support.estates import api, estate
from tests.support.gate_requests import as_left, gate_call, table_with
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene, issuers, stack
from tests.support.gateway_tokens import encoded
from tests.support.lua_scripts import Lua, admission
from tests.support.scenes import gateway_of

STACK = stack("tests")
ACCESS = """{owner: t, scopes: {NAME.read: r}, FORWARD rules: [
  {paths: [/open], public: {reason: x}}, {paths: [/closed], scopes: [NAME.read]}]}"""


def _access(name: str, more: str = "") -> str:
    return ACCESS.replace("NAME", name).replace("FORWARD", more)


ASKING = "asking.example.com"
PLAIN = "plain.example.com"
CLOSED = "closed.example.com"
TEXTS = (
    api("asking", domain=ASKING, http="{/: 80}", access=_access("asking", "forwardToken: true,")),
    api("plain", domain=PLAIN, http="{/: 80}", access=_access("plain")),
    api("closed", domain=CLOSED, http="{/: 80}", access="""{owner: t, forwardToken: true,
      scopes: {closed.read: r}, rules: [{paths: [/closed], scopes: [closed.read]}]}"""),
)  # fmt: skip
SCENE = Scene(estate(*TEXTS, stack=STACK), issuers(STACK, time.time()))
ISSUER = SCENE.issuers["main"]
GOOD = ISSUER.service([])
# Forms of RFC 6750. The last two tokens name a key of our provider. The key id of the first is in
# the payload. Kong's `jwt` answers 500 to a signature of the second's length.
OTHERS = [
    "opaque",
    "a+b/c~d==",
    "e30.e30.AAAA",
    "e30.eyJraWQiOiJrMSJ9.AAAA",
    encoded(b'{"alg":"ES256","kid":"k1"}') + ".e30.AAAA",
]


@pytest.fixture(scope="module")
def kong() -> Iterator[Kong]:
    with gateway_of(SCENE) as gateway:
        yield gateway


def asked(kong: Kong, host: str, path: bytes, *authorization: str) -> Answer:
    case = Case("GET", host, path, authorization)
    return kong.handle(case.raw(), scheme=STACK.scheme)


def sent_tokens(answer: Answer) -> list[str]:
    assert answer.upstream is not None
    headers = answer.upstream.headers
    return [value for name, value in headers if name.lower() == "authorization"]


@pytest.mark.parametrize("token", OTHERS)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_public_rule_passes_tokens_of_other_issuers_on(
    kong: Kong, scheme: str, token: str
) -> None:
    """The workload may have issued the token itself. It gets the header as it was sent."""
    value = f"{scheme} {token}"
    assert sent_tokens(asked(kong, ASKING, b"/open", value)) == [value]


@pytest.mark.parametrize("token", OTHERS)
def test_tokens_of_other_issuers_prove_nothing(kong: Kong, token: str) -> None:
    """A protected rule denies them. A workload without `forwardToken` never gets them."""
    for host, path in ((ASKING, b"/closed"), (ASKING, b"/none"), (PLAIN, b"/open"), (PLAIN, b"/closed")):  # fmt: skip
        answer = asked(kong, host, path, f"Bearer {token}")
        assert (answer.status, answer.upstream) == (401, None)


def test_jwt_denies_a_hidden_token_by_its_code(kong: Kong) -> None:
    """Without a public rule `jwt` denies the request, and does not see the header."""
    answer = asked(kong, CLOSED, b"/closed", "Bearer opaque")
    expected = "urn:kong-oam:problem:malformed-authorization"
    assert (answer.status, json.loads(answer.body)["type"]) == (401, expected)


def test_a_valid_token_in_another_spelling_proves_nothing(kong: Kong) -> None:
    """Kong's `jwt` would accept the small letter. It does not see the header."""
    lacking_a_scope = asked(kong, ASKING, b"/closed", f"Bearer {GOOD}")
    assert lacking_a_scope.status == 403
    answer = asked(kong, ASKING, b"/closed", f"bearer {GOOD}")
    assert (answer.status, answer.upstream) == (401, None)


@pytest.mark.parametrize(
    "values",
    [
        ("Bearer a, Bearer b",),
        ("Bearer a b",),
        ("Basic x, Bearer a",),
        ("Bearer a", "Bearer b"),
        ("Negotiate bearer",),
    ],
)
def test_a_header_with_two_readings_is_still_denied(
    kong: Kong, values: tuple[str, ...]
) -> None:
    answer = asked(kong, ASKING, b"/open", *values)
    assert answer.upstream is None


@pytest.mark.parametrize("of_gate", [True, False])
def test_both_tables_must_ask_for_tokens(of_gate: bool) -> None:
    """While `forwardToken` changes, the stricter table decides."""
    asking, plain = table_with(forward_token=True), table_with()
    gate_table = asking if of_gate else plain
    call = gate_call(None, gate_table, path="/orders/health")
    call.hidden = "Bearer opaque"
    call.admitted = as_left(gate_table)
    assert (call.run(), call.status) == (("on", None) if of_gate else ("exit", 401))  # fmt: skip
    call.admitted = as_left(plain if of_gate else asking)
    assert call.denied() == 401


@pytest.mark.parametrize("forward", [True, False])
def test_plugins_do_not_see_such_a_token(forward: bool) -> None:
    """Kong's `jwt` answers 500 to some of them. Admission hides or denies each."""
    facts = {
        "ngx.var.request": "GET /orders HTTP/1.1",
        "ngx.var.request_uri": "/orders",
        "ngx.req.get_headers": {"Authorization": f"Bearer {OTHERS[-1]}"},
    }
    call = Lua(admission(table_with(forward_token=forward)), facts)
    call.run()
    hides = "ngx.req.clear_header" in call.called
    assert (call.status, hides) == ((None, True) if forward else (401, False))
