"""Refusals of a rule: texts of paths in any reading, and the decisions on refused requests."""

from __future__ import annotations

import pytest

from kong_oam.access.data import PathSegments
from kong_oam.access.decide import Request, decide
from kong_oam.access.model import Estate
from kong_oam.access.paths import read_text
from kong_oam.access.refusals import Refusals
from kong_oam.access.tokens import Claims
from tests.support import estates

REFUSALS = Refusals(
    exactly=("/auth/v1",), begins=("/db-manage-auth", "/orders/")
)


@pytest.mark.parametrize(
    ("target", "is_refused"),
    [
        ("/auth/v1", True),
        ("/auth/v1/", False),
        ("/auth/v1/x", False),
        ("/auth", False),
        ("/db-manage-auth", True),
        ("/db-manage-authX", True),
        ("/db-manage-auth/x", True),
        ("/db-manage", False),
        ("/orders", False),
        ("/orders/", True),
        ("/orders/7", True),
        ("/ordersX", False),
        ("/x/../orders//7", True),
        ("/AUTH/V1", True),
        ("/auth/v1.", True),
        ("/auth/v1::$DATA", True),
        ("/DB-MAN~1", True),
        ("/db-manage-auth\u0301", True),
        ("/ord%C3%A9rs/x", True),
        ("/", False),
    ],
)
def test_a_text_is_refused_in_every_reading(
    target: str, is_refused: bool
) -> None:
    """A text without other readings is compared byte by byte, with its slash at the end."""
    assert REFUSALS.refuse(read_text(target.encode())) is is_refused


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/orders/", ("orders", "")),
        (b"/orders/.", ("orders", "")),
        (b"/orders/x/..", ("orders", "")),
        (b"/orders//", ("orders", "")),
        (b"/orders?x=/", ("orders",)),
        (b"/", ()),
        (b"/orders/..", ()),
    ],
)
def test_the_text_of_a_path_keeps_the_slash_of_kong(
    target: bytes, path: PathSegments
) -> None:
    assert read_text(target) == path


ACCESS = """{owner: t, scopes: {admin: a, read: r}, rules: [
  {paths: [/], methods: [GET], public: {reason: docs}, refusals: {below: [/orders], exactly: [/x]}},
  {paths: [/], methods: [GET], scopes: [admin], refusals: {exactly: [/x]}}],
  roles: {r: {scopes: [admin, read], components: [orders/api]}}}"""


def estate() -> Estate:
    text = estates.api(domain="a.test", http="{/: 80}", access=ACCESS)
    client = (
        "{kind: service, calls: [{component: orders/api, scopes: [admin]}]}"
    )
    return estates.estate(
        text + f"        - type: client\n          properties: {client}\n"
    )


@pytest.mark.parametrize(
    ("target", "scopes", "answer"),
    [
        ("/orders", None, (200, "public")),
        ("/orders/", None, (401, "token-needed")),
        ("/orders/", (), (403, "scope-missing")),
        ("/orders/", ("admin",), (200, "allowed")),
        ("/x", None, (401, "token-needed")),
        ("/x", ("admin",), (403, "path-refused")),
        ("/X", ("admin",), (403, "path-refused")),
        ("/x/", None, (200, "public")),
    ],
)
def test_a_refused_request_is_decided_by_the_other_rules_of_the_path(
    target: str, scopes: tuple[str, ...] | None, answer: tuple[int, str]
) -> None:
    """Without another rule: 401 without a token, 403 with a valid token."""
    claims = None
    if scopes is not None:
        claims = Claims(
            "main", "orders/api", "orders/api", user=False, scopes=scopes
        )
    request = Request("GET", "a.test", target.encode())
    decision = decide(estate(), request, claims)
    assert (decision.status, decision.code) == answer


@pytest.mark.parametrize(
    ("refusals", "message"),
    [
        ("{exactly: [/b]}", "exactly '/b' refuses nothing of /a"),
        ("{begins: [/ab]}", "begins '/ab' refuses nothing of /a"),
        ("{below: [/b]}", "below '/b' refuses nothing of /a"),
        ("{begins: [/a]}", "begins '/a' refuses all of '/a'"),
        ("{below: [/]}", "below '/' refuses all of '/a'"),
    ],
)
def test_a_refusal_that_cannot_be_meant_is_an_error(
    refusals: str, message: str
) -> None:
    access = f"{{owner: t, rules: [{{paths: [/a], public: {{reason: x}}, refusals: {refusals}}}]}}"
    text = estates.api(domain="a.test", http="{/: 80}", access=access)
    codes = [
        (diagnostic.code, diagnostic.message.partition(";")[0])
        for diagnostic in estates.compiled(text).diagnostics
    ]
    assert codes == [("ACC266", message)]
