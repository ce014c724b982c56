"""The real engine and program on a live Kong: up, no change, repair, one change, destroy. Okta and
cluster are stand-ins."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.support.live.engine import Engine, engine
from tests.support.live.gateway import LiveGateway

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def deployed(
    live: LiveGateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """The estate after its first `pulumi up`."""
    with engine(live, tmp_path_factory.mktemp("live"), "engine") as made:
        made.up()
        yield made


def test_after_up_each_caller_has_the_access_of_the_applications(
    deployed: Engine,
) -> None:
    """Tokens of the Okta stand-in get 200 with the scope, 403 without it; 401 without a token, 404
    and 400 elsewhere."""
    deployed.live.await_steady(
        [
            (deployed.case("GET", "/orders"), 401),
            (deployed.case("GET", "/orders/7", "report"), 200),
            (deployed.case("POST", "/orders", "report"), 403),
            (deployed.case("POST", "/orders", "import"), 200),
            (deployed.case("GET", "/orders", "import"), 403),
            (deployed.case("DELETE", "/orders", "import"), 403),
            (deployed.case("GET", "/orders/health"), 200),
            (deployed.case("GET", "/orders/health;x"), 400),
            (deployed.case("GET", "/orders-internal", "report"), 404),
        ],
        deployed.bound,
    )
    outcome = deployed.live.send(
        deployed.case("GET", "/orders/7", "report"),
        b"X_Auth_Scopes: orders.write",
    )
    assert outcome.arrived is not None
    assert b"\r\nX-Auth-Scopes: orders.read\r\n" in outcome.arrived
    assert b"orders.write" not in outcome.arrived


def test_a_second_up_changes_nothing(deployed: Engine) -> None:
    """Kong's entities equal the program's."""
    assert deployed.changes("up") == {}


def test_after_a_refresh_there_is_nothing_to_do(deployed: Engine) -> None:
    """Kong's answers have the program's values: a refresh changes no state, and a run no entity."""
    deployed.refresh()
    assert deployed.changes("up") == {}
    assert deployed.changes("up", "--refresh") == {}


def test_an_anonymous_set_by_hand_is_seen_and_repaired(
    deployed: Engine,
) -> None:
    """`jwt` takes every caller for the issuer: the gate still denies, a refresh finds it, and an up
    reverts it."""
    target, name = deployed.live.target, f"orders/api-{deployed.port}-jwt"
    (path,) = (
        path
        for path, item in target.entities().items()
        if item.get("name") == "jwt"
        and item["service"]
        and f"kong-oam-stack:{deployed.stack}" in (item["tags"] or ())
    )
    with target.admin() as admin:
        admin.patch(
            path,
            json={
                "config": {"anonymous": f"kong-oam.{deployed.stack}.ring.okta"}
            },
        ).raise_for_status()
    try:
        time.sleep(
            deployed.settle
        )  # the answers stay the same, so polling would show no change
        closed = [
            (deployed.case("GET", "/orders"), 401),
            (deployed.case("GET", "/orders", "import"), 403),
        ]
        deployed.live.await_steady(closed, deployed.bound)
        assert deployed.changes("preview", "--refresh") == {name: "update"}
    finally:
        repaired = deployed.changes("up", "--refresh")
    assert repaired == {name: "update"}
    assert (
        target.get(path).json()["config"]["anonymous"]
        == f"kong-oam.{deployed.stack}.anonymous"
    )


def test_a_path_that_is_opened_in_an_emergency_is_open_until_it_is_closed(
    deployed: Engine,
) -> None:
    """All callers reach it with its method; paths with their own rules and other components stay
    unchanged."""

    def emergency(*arguments: str) -> str:
        command = [
            sys.executable,
            "-m",
            "kong_oam",
            "emergency",
            "--stack",
            deployed.stack,
            *arguments,
        ]
        done = subprocess.run(
            command,
            cwd=deployed.folder,
            env=deployed.local.env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    shut = [
        (deployed.case("GET", "/orders"), 401),
        (deployed.case("GET", "/orders/7"), 401),
    ]
    stays = [
        (deployed.case("POST", "/orders"), 401),
        (deployed.case("POST", "/orders", "report"), 403),
    ]
    stays += [(deployed.case("GET", "/orders/7", "report"), 200)]
    emergency(
        "open",
        "orders/api",
        "/orders",
        "--reason",
        "a live test",
        "--minutes",
        "5",
    )
    try:
        deployed.live.await_steady(
            [*((case, 200) for case, _ in shut), *stays], deployed.bound
        )
    finally:
        emergency("close")
    deployed.live.await_steady([*shut, *stays], deployed.bound)
    assert deployed.changes("up", "--refresh") == {}


def test_a_manual_path_is_repaired_and_undetected_changes_stay(
    deployed: Engine,
) -> None:
    """A run reverts a service's path. It never sees `enabled`, a route's headers, and a removed
    list: for these `verify` prints requests."""
    target = deployed.live.target
    own = {
        path: item
        for path, item in target.entities().items()
        if f"kong-oam-stack:{deployed.stack}" in str(item)
    }
    (service,) = (path for path in own if path.startswith("/services/"))
    route = next(path for path in own if path.startswith("/routes/"))
    hosts = target.get(route).json()["hosts"]
    with target.admin() as admin:
        admin.patch(service, json={"path": "/orders"}).raise_for_status()
        assert deployed.changes("up", "--refresh") == {
            f"orders/api-{deployed.port}-service": "update"
        }
        assert target.get(service).json()["path"] == "/"
        try:
            admin.patch(service, json={"enabled": False}).raise_for_status()
            admin.patch(
                route, json={"hosts": None, "headers": {"x-canary": ["1"]}}
            ).raise_for_status()
            assert deployed.changes("up", "--refresh") == {}
            assert target.get(service).json()["enabled"] is False
            assert target.get(route).json()["headers"] == {"x-canary": ["1"]}
        finally:
            admin.patch(service, json={"enabled": True}).raise_for_status()
            admin.patch(
                route, json={"hosts": hosts, "headers": None}
            ).raise_for_status()
    assert deployed.changes("up", "--refresh") == {}


def test_an_edited_rule_is_one_table(deployed: Engine) -> None:
    """Only the table changes, at admission and at the gate; soon every worker decides by it."""
    deployed.edit("[POST, PUT]", "[POST, PUT, DELETE]")
    changes = {
        f"orders/api-{deployed.port}-{role}": "update"
        for role in ("admission", "gate")
    }
    assert deployed.changes("preview") == changes
    assert deployed.changes("up") == changes
    deployed.live.await_steady(
        [
            (deployed.case("DELETE", "/orders/7", "import"), 200),
            (deployed.case("DELETE", "/orders/7", "report"), 403),
            (deployed.case("DELETE", "/orders/7"), 401),
        ],
        deployed.bound,
    )


def test_calls_are_counted_for_prometheus(
    deployed: Engine, metrics: tuple[str, ...]
) -> None:
    """The node that answers has the counts at /metrics, by the service's name (`gateway.metrics`)."""
    name = f'service="kong-oam.{deployed.stack}.orders.api.'

    def counted() -> float:
        lines = [
            line
            for url in metrics
            for line in deployed.live.target.page(url).splitlines()
        ]
        own = [
            line
            for line in lines
            if line.startswith("kong_http_requests_total{") and name in line
        ]
        return sum(
            float(line.rpartition(" ")[2])
            for line in own
            if 'code="401",source="kong"' in line
        )

    before, until = counted(), time.monotonic() + deployed.bound
    while counted() <= before:  # workers add their counts once a second
        assert time.monotonic() < until
        deployed.live.send(deployed.case("GET", "/orders"))
        time.sleep(0.2)


def test_destroy_leaves_nothing(deployed: Engine) -> None:
    """Kong has no entity of the stack, and no path is exposed any more."""
    assert deployed.stack in str(deployed.live.target.entities())
    deployed.destroy()
    assert deployed.stack not in str(deployed.live.target.entities())
    deployed.live.await_steady(
        [(deployed.case("GET", "/orders"), 404)], deployed.bound
    )
