"""Clients' certificates and secrets at a tenant of Entra are replaced during calls, and end on
time."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import caller
from sandbox.browser import IssuerError
from sandbox.local import STACK
from tests.support.engine.calls import call, credential
from tests.support.engine.pods import CLIENTS, Pods, on
from tests.support.engine.tenant import tenant_stack

HANDED_OVER = {
    f"shop/{name}-{kind}": "update"
    for name in CLIENTS
    for kind in ("client", "deployment")
}
"""Changes by the next generation: pods get the secret of the other slot, which the tenant already
has."""


def ended(slot: str, *kinds: str) -> dict[str, str]:
    """Change by the end of an overlap: the slot's secret is deleted, and the next secret is
    created."""
    return {
        f"entra-{kind}-shop/{name}-{slot}": "delete-replaced"
        for name in CLIENTS
        for kind in kinds
    }


@pytest.mark.deep
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("settings", "kinds", "refusal"),
    [
        ({}, ("key", "certificate"), "AADSTS700027"),
        ({"clientSecrets": True}, ("secret",), "AADSTS7000215"),
    ],
    ids=["certificates", "secrets"],
)
def test_credentials_are_valid_until_they_end(
    tmp_path: Path,
    settings: dict[str, bool],
    kinds: tuple[str, ...],
    refusal: str,
) -> None:
    """During the overlap, pods with the new and with the old secret can call; afterwards the old
    secret is invalid.

    A second run on the same day does nothing, and a year without a run invalidates no secret in
    use. A leaked secret is replaced at once, by the documented command.
    """
    with tenant_stack(tmp_path, **settings) as (deployment, _):
        local = deployment.local
        on(deployment, 0)
        deployment.run("up")
        first = credential(local, "checkout")
        pods = Pods(local)
        with pods.calling():
            on(deployment, 90)
            shown = deployment.pulumi("preview", "-s", STACK).stdout
            assert (
                "credentials: shop/checkout at entra: generation 2 takes over"
                in shown
            )
            assert deployment.changes("up") == HANDED_OVER
            pods.start()
            deployment.assert_unchanged()
            second = credential(local, "checkout")
            for own in (first, second):
                assert (
                    call(
                        local,
                        "GET",
                        "orders.example.com",
                        "/orders",
                        caller.token(own)[0],
                    ).status
                    == 200
                )
            credentials = deployment.output("credentials")[
                "shop/checkout at entra"
            ]
            assert credentials == {
                "generation": 2,
                "since": "2027-02-23",
                "due": "2027-03-02",
                "before": "counts",
            }
            pods.roll_the_last()

            on(deployment, 97)
            shown = deployment.pulumi("preview", "-s", STACK).stdout
            assert (
                "credentials: shop/checkout at entra: generation 1 ends"
                in shown
            )
            assert deployment.changes("up") == ended("a", *kinds)
            deployment.assert_unchanged()
            with pytest.raises(IssuerError, match=refusal):
                caller.token(first)

            on(deployment, 465)
            assert deployment.changes("up") == HANDED_OVER
            for own in (second, credential(local, "checkout")):
                assert (
                    call(
                        local,
                        "GET",
                        "orders.example.com",
                        "/orders",
                        caller.token(own)[0],
                    ).status
                    == 200
                )
        assert set(pods.statuses) == {"200"}, pods.statuses
        known = credential(local, "checkout")
        slots = [
            f"--replace=**::entra-{kinds[0]}-shop/checkout-{slot}"
            for slot in "ab"
        ]
        deployment.run("up", *slots, "--target-dependents")
        with pytest.raises(IssuerError, match=refusal):
            caller.token(known)
        token = caller.token(credential(local, "checkout"))[0]
        assert (
            call(local, "GET", "orders.example.com", "/orders", token).status
            == 200
        )
        deployment.assert_unchanged()
        assert (
            deployment.output("credentials")["shop/checkout at entra"][
                "replaced"
            ]
            == "2028-03-04"
        )
        assert pods.statuses["200"] > 100
