"""One component with a rule and a public path, and callers that it always denies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kong_oam.access.model import Estate
from tests.support.estates import api, estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import with_callers
from tests.support.live.run import issuer, stack


def orders(
    stack_name: str, owner: str, host: str, port: int, scope: str
) -> Estate:
    """Return one component that allows GET for `scope`, and anonymous health checks; with a service
    for each port."""
    access = (
        "{owner: t, scopes: {read: r, write: w}, rules: "
        f"[{{methods: [GET], scopes: [{scope}]}}, {{paths: [/orders/health], methods: [GET], public: {{reason: h}}}}]}}"
    )
    return with_callers(
        estate(
            api(owner, domain=host, http=f"{{/orders: {port}}}", access=access),
            stack=stack(stack_name),
        )
    )


def denied_callers(
    stack_name: str, *hosts: str
) -> Mapping[str, Sequence[Case]]:
    """Return callers that the estate denies for each scope: on a protected path, and with a method
    that is not public."""
    by = issuer(stack_name)
    tokens = {
        "nobody": None,
        "without the scope": by.service(["other"]),
        "in no group": by.user(["read", "write"], []),
        "with a stranger's key": by.signed(
            by.payload(["read", "write"]), by.stray
        ),
    }
    return {
        caller: [case for host in hosts for case in _requests(host, token)]
        for caller, token in tokens.items()
    }


def _requests(host: str, token: str | None) -> list[Case]:
    authorization = (f"Bearer {token}",) if token else ()
    return [
        Case("GET", host, b"/orders/7", authorization),
        Case("POST", host, b"/orders/health", authorization),
    ]
