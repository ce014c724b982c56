"""Four environments of the same Applications: each deploys, and access is the same on all of them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sandbox.okta import User
from tests.support.engine.calls import service_token, signed_in
from tests.support.faults.stacks import Empty, Stack
from tests.support.tiers import deep_after

CALLERS = (
    "nobody",
    *("checkout", "renderer"),
    *("sales in web", "desk in web", "both in web"),
    *("sales in console", "desk in console", "both in console"),
    "ID token",
)
ANSWERS = {
    "GET hello.example.com/": "401  200 200  200 200 200  200 200 200  401",
    "GET orders.example.com/orders": "401  200 403  200 200 200  403 403 403  401",
    "POST orders.example.com/orders": "401  403 403  403 200 200  403 403 403  401",
    "PATCH orders.example.com/orders": "401  403 403  403 403 403  403 403 403  401",
    "GET orders.example.com/orders/health": "200  200 200  200 200 200  200 200 200  200",
    "GET orders.example.com/orders/health/..%2f7": "400  400 400  400 400 400  400 400 400  400",
    "GET orders.example.com/": "404  404 404  404 404 404  404 404 404  404",
    "GET reports.example.com/reports": "401  403 200  403 403 403  200 200 200  401",
    "PUT reports.example.com/reports/7": "401  403 403  403 403 403  403 200 200  401",
    "GET reports.example.com/reports/published": "200  200 200  200 200 200  200 200 200  200",
    "GET reports.example.com/reports/published/drafts": "401  403 403  403 403 403  403 200 200  401",
    "GET reports.example.com/docs": "200  200 200  200 200 200  200 200 200  200",
    "GET reports.example.com/docs/internal": "401  403 200  403 403 403  403 403 403  401",
    "GET console-reports.example.com/": "200  200 200  200 200 200  200 200 200  200",
    "POST shop.example.com/basket": "200  200 200  200 200 200  200 200 200  200",
}
"""The status of each caller, by endpoint. Hosts are written below example.com; stacks may map them
to other domains."""

STACKS = {
    # stack: its scheme, its default domain, its domain for example.com, and its groups
    "local": (
        "http",
        "sandbox.example.com",
        "example.com",
        ("sales", "order-desk"),
    ),
    "aws": (
        "https",
        "aws.example.net",
        "aws.example.net",
        ("AWS Sales", "order-desk"),
    ),
    "gcp": (
        "https",
        "gcp.example.net",
        "gcp.example.net",
        ("sales", "order-desk"),
    ),
    "bare-metal": (
        "https",
        "dc1.example.net",
        "dc1.example.net",
        ("sales", "dc1-order-desk"),
    ),
}


def _host(host: str, default: str, suffix: str) -> str:
    """Return a host of the table in the stack's domain."""
    name = host.removesuffix(".example.com")
    return f"{name}.{default if name == 'console-reports' else suffix}"


def _tokens(stack: Stack) -> Mapping[str, str | None]:
    local = stack.local
    found: dict[str, str | None] = {"nobody": None}
    found |= {
        name: service_token(local, name) for name in ("checkout", "renderer")
    }
    for application in ("web", "console"):
        for user in ("sales", "desk", "both"):
            found[f"{user} in {application}"] = str(
                signed_in(local, application, user)["access_token"]
            )
    found["ID token"] = str(signed_in(local, "web", "both")["id_token"])
    assert tuple(found) == CALLERS
    return found


@pytest.mark.deep
@pytest.mark.parametrize("name", deep_after(0, STACKS, wanted=["bare-metal"]))
def test_access_is_the_same_on_every_stack(empty: Empty, name: str) -> None:
    """Each previews and deploys, a second up makes no change, and all callers get the same answers
    at every endpoint.

    Where a stack serves https, plain http gets 426 and reaches no workload, not even on a public
    path.
    """
    scheme, default, suffix, (sales, desk) = STACKS[name]
    users = (
        User("sales", (sales,)),
        User("desk", (desk,)),
        User("both", (sales, desk)),
    )
    stack = empty(name, groups=(sales, desk), users=users)
    output = stack.pulumi("up", "--yes").stdout
    assert output.index("Previewing update") < output.index("Updating (")
    stack.assert_unchanged()
    tokens = _tokens(stack)
    got = {}
    for endpoint in ANSWERS:
        method, url = endpoint.split(" ")
        host, slash, path = url.partition("/")
        where = (method, _host(host, default, suffix), slash + path)
        got[endpoint] = [
            stack.status(*where, tokens[caller], scheme) for caller in CALLERS
        ]
    assert got == {
        endpoint: list(map(int, statuses.split()))
        for endpoint, statuses in ANSWERS.items()
    }
    if scheme == "https":
        for host, path in (
            (f"orders.{suffix}", "/orders/health"),
            (f"console-reports.{default}", "/"),
        ):
            assert stack.status("GET", host, path, scheme="http") == 426
