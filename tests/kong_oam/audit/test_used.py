"""The last use of lines, and calls since their removal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.audit.report.lines import LineKey, LineKind
from kong_oam.audit.report.used import (
    CallsSince,
    calls_since,
    last_uses,
)
from kong_oam.audit.uses.model import CallClass, Seen, Uses
from tests.support.diffs import API, SHOP, model

CALL = CallClass(
    component="orders/api",
    port="8080",
    revision=12 * "1",
    admitted=None,
    method="GET",
    host="orders.example.com",
    path="/orders/~",
    caller="shop/web",
    client=None,
    by=None,
    user=True,
    scopes=("read",),
    groups=("desk", "sales"),
    address=None,
    decision="allowed",
    code="allowed",
    rule_path="/orders",
)
SEEN = Seen(3, "2026-11-01T08:00:00Z", "2026-11-20T08:00:00Z", "a")
HEALTH = replace(
    CALL,
    path="/orders/health",
    rule_path="/orders/health",
    code="public",
    caller=None,
    scopes=(),
    groups=(),
)
KEYED = replace(CALL, caller="old/app", by="key-auth", groups=(), user=None)


def key(kind: LineKind, holder: str) -> LineKey:
    return LineKey("orders/api", kind, holder)


LINES = (
    key("client", "shop/web"),
    key("client", "shop/checkout"),
    key("client", "old/app"),
    key("group", "desk"),
    key("group", "sales"),
    key("public", "GET /orders/health"),
    key("public", "POST /orders/health"),
    key("old credential", "old/app as acme by key"),
    key("old credential", "old/app as acme by password"),
    key("waiver", "LINT305"),
    LineKey("other/api", "client", "shop/web"),
)
ESTATE = model(API, SHOP).estate
WRITERS = ["desk", "sales", "shop/web"]


@pytest.mark.parametrize(
    ("call", "used"),
    [
        (CALL, ["sales", "shop/web"]),
        (replace(CALL, method="POST", scopes=("read", "write")), WRITERS),
        (replace(CALL, decision="refused", code="scope-missing"), []),
        (replace(CALL, code="opened"), []),
        (HEALTH, ["GET /orders/health"]),
        (replace(HEALTH, method="HEAD"), ["GET /orders/health"]),
    ],
)
def test_only_an_allowed_call_is_a_use(
    call: CallClass, used: list[str]
) -> None:
    """A call through a public rule is no use of a grant. A group counts if its role has a scope of
    the rule."""
    found = last_uses(ESTATE, LINES, Uses({call: SEEN}))
    assert sorted(key.holder for key in found if key in LINES) == used
    assert {*found.values()} <= {SEEN.last}


def test_an_old_credential_is_used_with_its_proof() -> None:
    """A consumer may have a key and a password."""
    found = last_uses(ESTATE, LINES, Uses({KEYED: SEEN}))
    assert found[LINES[7]] == SEEN.last
    assert LINES[8] not in found


def test_any_token_is_used_by_any_allowed_call() -> None:
    """A public call is no use."""
    line = LineKey("hello/world", "any token", "tokens of okta")
    call = replace(CALL, component="hello/world")
    assert last_uses(ESTATE, [line], Uses({call: SEEN}))[line] == SEEN.last
    public = replace(call, code="public")
    assert line not in last_uses(ESTATE, [line], Uses({public: SEEN}))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_last_call_of_all_classes_counts(method: str) -> None:
    """A client has a use for each of its scopes."""
    write = replace(CALL, method="POST", scopes=("read", "write"))
    later = replace(SEEN, last="2026-11-25T08:00:00Z")
    classes = {
        call: later if call.method == method else SEEN for call in (CALL, write)
    }
    assert last_uses(ESTATE, LINES, Uses(classes))[LINES[0]] == later.last


DENIED = replace(CALL, decision="refused", code="scope-missing")
# A component without calls is no client any more.
GONE = replace(DENIED, caller=None, client="id-of-checkout")
CALLERS = {"id-of-checkout": "shop/checkout"}


@pytest.mark.parametrize(
    ("call", "holder", "calls"),
    [
        (DENIED, "shop/web", CallsSince(0, 3, SEEN.last)),
        (CALL, "shop/web", CallsSince(3)),
        (replace(CALL, code="public"), "shop/web", CallsSince()),
        (DENIED, "shop/checkout", CallsSince()),
        (GONE, "shop/checkout", CallsSince(0, 3, SEEN.last)),
        (GONE, "shop/web", CallsSince()),
    ],
)
def test_calls_since_a_removal_are_counted(
    call: CallClass, holder: str, calls: CallsSince
) -> None:
    """Public calls stay allowed for everybody."""
    removed = {key("client", holder): "2026-11-01T00:00:00Z"}
    assert (
        calls_since(removed, Uses({call: SEEN}), CALLERS)[key("client", holder)]
        == calls
    )


@pytest.mark.parametrize(
    ("time", "denied"),
    [("2026-11-10T00:00:00Z", 1), ("2026-11-21T00:00:00Z", 0)],
)
def test_an_older_class_has_at_least_its_last_call(
    time: str, denied: int
) -> None:
    """Nobody knows how many of its calls came after the removal."""
    line = key("client", "shop/web")
    found = calls_since({line: time}, Uses({DENIED: SEEN}), {})[line]
    assert found.denied == denied


def test_a_call_in_the_second_of_the_removal_counts() -> None:
    """Records of runs have whole seconds, and records of calls have parts of them."""
    line = key("client", "shop/web")
    seen = Seen(1, "2026-11-20T08:00:00.152Z", "2026-11-20T08:00:00.152Z", "a")
    removed = {line: "2026-11-20T08:00:00Z"}
    assert calls_since(removed, Uses({DENIED: seen}), {})[line].denied == 1


def test_calls_of_a_path_that_is_no_longer_public_are_denied() -> None:
    """A shorter rule owns the path then."""
    line = key("public", "GET /orders/health")
    denied = replace(
        HEALTH, decision="refused", code="token-needed", rule_path="/orders"
    )
    elsewhere = replace(denied, path="/orders/healthy")
    uses = Uses({denied: SEEN, elsewhere: SEEN})
    found = calls_since({line: "2026-11-01T00:00:00Z"}, uses, {})[line]
    assert found == CallsSince(0, 3, SEEN.last)
