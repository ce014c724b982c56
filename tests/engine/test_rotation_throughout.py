"""Keys that change during calls: the clients' keys on their schedule, the issuer's at any time."""

from __future__ import annotations

import pytest

from sandbox import caller
from sandbox.browser import IssuerError
from sandbox.cluster import AlreadyExistsError
from sandbox.local import STACK
from tests.support.documentation import page
from tests.support.engine.calls import call, credential
from tests.support.engine.deployment import Deployment, Empty
from tests.support.engine.pods import CLIENTS, Pods, on
from tests.support.json_object import JsonObject


def moved(slot: str) -> dict[str, str]:
    """Change by a step to the next generation, for both clients."""
    changes = {}
    for name in CLIENTS:
        changes |= {
            f"okta-key-shop/{name}-{slot}": "create",
            f"okta-app-shop/{name}": "update",
        }
        changes |= {
            f"shop/{name}-client": "update",
            f"shop/{name}-deployment": "update",
        }
    return changes


def ended(slot: str) -> dict[str, str]:
    """Change by the end of an overlap, for both clients."""
    changes = {}
    for name in CLIENTS:
        changes |= {
            f"okta-key-shop/{name}-{slot}": "delete",
            f"okta-app-shop/{name}": "update",
        }
    return changes


@pytest.mark.timeout(300)
def test_no_valid_call_is_denied_while_keys_change(empty: Empty) -> None:
    """Through a rotation, the end of the overlap, a year without a run, and changes of the issuer's key in between."""
    deployment = empty()
    local = deployment.local
    deployment.leave_out("hello", "reports", "desk")
    on(deployment, 0)
    deployment.run("up")
    (server,) = (
        server["id"] for server in local.okta.objects("authorizationServers")
    )
    pods = Pods(local)
    with pods.calling():
        on(deployment, 90)
        shown = deployment.pulumi("preview", "-s", STACK).stdout
        assert (
            "credentials: shop/checkout at okta: generation 2 takes over"
            in shown
        )
        assert _own(deployment.changes("up")) == moved("b")
        pods.start()
        deployment.assert_unchanged()
        local.okta.rotate(server)

        on(deployment, 96)
        assert _own(deployment.changes("up")) == {}
        pods.roll_the_last()  # on the last day of the overlap
        on(deployment, 97)
        assert _own(deployment.changes("up")) == ended("a")
        local.okta.rotate(server)

        on(deployment, 465)
        assert _own(deployment.changes("up")) == moved("a")
        pods.start()
        deployment.assert_unchanged()
        assert deployment.output("credentials")["shop/checkout at okta"] == {
            "generation": 3,
            "since": "2028-03-04",
            "due": "2028-03-11",
            "before": "counts",
        }
    assert set(pods.statuses) == {"200"}, pods.statuses
    assert pods.statuses["200"] > 100


@pytest.mark.deep
def test_a_leaked_key_is_replaced_at_once(
    deployed: Deployment,
) -> None:
    """By the documented command: the key of before gets no token any more, the workload has another, and all is quiet."""
    local = deployed.local
    before = credential(local, "checkout")
    keys = [f"--replace=**::okta-key-shop/checkout-{slot}" for slot in "ab"]
    recorded = deployed.output("credentials")
    previewed = deployed.pulumi(
        "preview", "-s", STACK, *keys, "--target-dependents"
    ).stdout
    output = deployed.run("up", *keys, "--target-dependents").stdout
    after = credential(local, "checkout")
    assert after["OAUTH_KEY_ID"] != before["OAUTH_KEY_ID"]
    assert (
        call(
            local,
            "GET",
            "orders.example.com",
            "/orders",
            caller.token(after)[0],
        ).status
        == 200
    )
    with pytest.raises(
        IssuerError, match="a key that the client does not have"
    ):
        caller.token(before)
    shown = (
        page("how-to/rotate.md")
        .partition("    $ pulumi up -s local --target-dependents")[2]
        .partition("\n\n")[0]
    )
    for line in shown.splitlines()[1:]:
        assert " ".join(line.split()) in " ".join(output.split()), line
    assert "was replaced out of turn on 2026-11-25" in previewed
    recorded["shop/checkout at okta"]["replaced"] = "2026-11-25"
    deployed.assert_unchanged()
    assert deployed.output("credentials") == recorded


@pytest.mark.deep
def test_a_run_without_the_next_key_keeps_clients_credentials(
    deployed: Deployment,
) -> None:
    """Not unknown, which would take their keys from apps and Secrets; the run after makes up for it."""
    local = deployed.local
    on(deployed, 0)
    deployed.run("up")
    before = credential(local, "checkout")
    on(deployed, 90)
    assert _own(deployed.changes("up", "--exclude", "**::okta-key-**")) == {}
    assert (
        _own(deployed.changes("up", "--target", "**::gateway-ring-okta")) == {}
    )
    assert credential(local, "checkout") == before and caller.token(before)
    made = {
        name
        for name, operation in deployed.changes("up").items()
        if operation == "create"
    }
    assert {"okta-key-shop/checkout-b", "okta-key-shop/web-b"} <= made
    for own in (before, credential(local, "checkout")):
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


@pytest.mark.deep
def test_a_run_that_fails_before_the_new_key_starts_no_overlap(
    deployed: Deployment,
) -> None:
    """The earlier key is still theirs: its overlap begins with the run that gives them the next
    key."""
    local, apply = deployed.local, deployed.local.cluster.apply

    def unwell(manifest: JsonObject, **how: bool) -> JsonObject:
        if manifest["kind"] == "Deployment":
            raise AlreadyExistsError("the cluster is unwell")
        return apply(manifest, **how)

    on(deployed, 0)
    deployed.run("up")
    before = credential(local, "checkout")
    local.cluster.apply = unwell  # type: ignore[method-assign]
    on(deployed, 90)
    failed = deployed.run("up", check=False)
    assert failed.returncode != 0 and "the cluster is unwell" in failed.stdout
    assert (
        deployed.output("credentials")["shop/checkout at okta"]["generation"]
        == 1
    )
    local.cluster.apply = apply  # type: ignore[method-assign]
    on(deployed, 100)
    deployed.run("up")
    credentials = deployed.output("credentials")["shop/checkout at okta"]
    assert (credentials["generation"], credentials["since"]) == (
        2,
        "2027-03-05",
    )
    for own in (before, credential(local, "checkout")):
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
    deployed.assert_unchanged()


def _own(changes: dict[str, str]) -> dict[str, str]:
    """Without the slots at the gateway: they follow the issuer's keys, and the day."""
    return {
        name: op
        for name, op in changes.items()
        if not name.startswith("gateway-ring-okta-slot-")
    }
