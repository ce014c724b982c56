"""An estate beside the routes of an older configuration: it takes over, and the old routes go."""

from __future__ import annotations

import re
import shlex
import time
from typing import Any

import httpx
import pytest

from sandbox.kong import Lags
from sandbox.local import Local
from tests.support.cli import Cli
from tests.support.engine.calls import call
from tests.support.engine.deployment import Deployment, Empty
from tests.support.legacy_orders import ORDERS
from tests.support.streams import Capsys

SITE = """\
    - name: site
      type: external
      traits:
        - type: gateway
          properties: {domain: api.example.com, http: {/: 8080}}
        - type: access
          properties:
            owner: sales
            rules: [{paths: [/], methods: [GET], public: {reason: site, until: "2030-01-01"}}]
"""
APPLICATION = ORDERS + SITE
HOST = "api.example.com"
OTHER = "other.example.com"
# Calls without a credential, with their answers by the old routes alone.
OLD_ANSWERS = {
    (HOST, "/"): 200,
    (HOST, "/orders"): 401,
    (HOST, "/orders/7"): 401,
    (HOST, "/admin"): 401,
    (OTHER, "/"): 200,
    (OTHER, "/orders"): 401,
    (OTHER, "/admin"): 401,
}
TOGETHER = OLD_ANSWERS | {(HOST, "/admin"): 200}
ALONE = {
    key: status if key[0] == HOST else 404 for key, status in TOGETHER.items()
}


def adopting(empty: Empty, **adopted: Any) -> Deployment:
    """Return a stack with the Application beside an older configuration."""
    deployment = empty()
    deployment.replace_applications(APPLICATION)
    setting = {"until": "2030-01-01", "reason": "moves", "deck": [], **adopted}
    upstream = {"scheme": "http", "port": 8080}
    with deployment.config() as config:
        config["kong-oam:gateway"] = {
            "scheme": "http",
            "settleSeconds": 0.6,
            "adopted": setting,
            "upstreams": {
                "legacy/orders": {"host": "orders.example.net", **upstream},
                "legacy/site": {"host": "site.example.net", **upstream},
            },
        }
    local = deployment.local
    for host in ("orders", "site"):
        name = f"{host}.example.net"
        local.outside[name, 8080] = local.echo.address
        service = {"name": host, "host": name, "port": 8080}
        make(local, "/services", service)
    make(local, "/services/orders/routes", {"name": "o", "paths": ["/orders"]})
    make(local, "/services/orders/plugins", {"name": "jwt"})
    make(local, "/services/site/routes", {"name": "s", "paths": ["/"]})
    make(local, "/services/site/routes", {"name": "a", "paths": ["/admin"]})
    make(local, "/routes/a/plugins", {"name": "jwt"})
    return deployment


def make(local: Local, path: str, body: dict[str, Any]) -> None:
    answer = httpx.post(
        f"{local.kong.admin_url}{path}",
        json=body,
        headers={"Kong-Admin-Token": local.env["KONG_ADMIN_TOKEN"]},
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text


def answers(local: Local) -> dict[tuple[str, str], int]:
    return {
        (host, path): call(local, "GET", host, path).status
        for host, path in OLD_ANSWERS
    }


def test_our_routes_win_and_the_old_routes_go(
    empty: Empty, monkeypatch: pytest.MonkeyPatch, capsys: Capsys
) -> None:
    """While routes and plugins reach the workers at different times, no call passes that neither
    side allows."""
    deployment = adopting(empty)
    local = deployment.local
    assert answers(local) == OLD_ANSWERS
    deployment.run("up")
    assert answers(local) == TOGETHER
    # The workload stand-in answers 501 to a method that only an old route takes.
    assert call(local, "PURGE", HOST, "/").status == 501
    assert call(local, "PURGE", HOST, "/orders").status == 401
    deployment.assert_unchanged()
    deployment.enter(monkeypatch)
    admin = local.kong.admin_url
    script = Cli(capsys)("adopt", "retire", "--admin", admin, status=1)
    local.kong.lags = Lags(routes=0.4)
    for line in script.splitlines():
        run(local, line)
        until = time.monotonic() + 0.15
        while time.monotonic() < until:
            assert_nothing_opens(local)
    time.sleep(0.5)
    assert answers(local) == ALONE
    local.kong.lags = Lags()
    deployment.assert_unchanged()
    assert Cli(capsys)("adopt", "retire", "--admin", admin) == ""
    for kind in ("services", "routes"):
        for entity in local.kong.entities(kind):
            assert entity["name"].startswith("kong-oam.")


def assert_nothing_opens(local: Local) -> None:
    """Assert that each call is denied, or allowed before and now."""
    for key, status in answers(local).items():
        assert status != 200 or TOGETHER[key] == 200, (key, status)


def run(local: Local, line: str) -> None:
    """Run a line of the script: a call of curl, a wait, or a comment."""
    if line.startswith("sleep "):
        time.sleep(float(line.removeprefix("sleep ")))
    if not line.startswith("curl "):
        return
    words = shlex.split(line.replace('"$KONG_ADMIN_ADDR"', "ADDR"))
    method = words[words.index("-X") + 1]
    path = words[-1].removeprefix("ADDR")
    assert re.fullmatch(r"/(routes|services)/[0-9a-f-]{36}", path)
    body = words[words.index("-d") + 1] if "-d" in words else None
    answer = httpx.request(
        method,
        f"{local.kong.admin_url}{path}",
        content=body,
        headers={
            "Kong-Admin-Token": local.env["KONG_ADMIN_TOKEN"],
            "Content-Type": "application/json",
        },
        trust_env=False,
    )
    assert answer.is_success, answer.text


def test_a_run_stops_before_anything_is_made(empty: Empty) -> None:
    """A global plugin, a file without select_tags, and an old route that wins are named at once."""
    deployment = adopting(empty, deck=["old.yaml"])
    (deployment.folder / "old.yaml").write_text("services: []\n", "utf-8")
    local = deployment.local
    make(local, "/plugins", {"name": "request-termination"})
    winner = {
        "name": "w",
        "hosts": [HOST],
        "paths": ["~/"],
        "methods": ["GET"],
        "regex_priority": 900,
    }
    make(local, "/services/site/routes", winner)
    before = local.kong.entities("services")
    failed = deployment.run("up", check=False)
    assert failed.returncode != 0
    codes = set(re.findall(r"error (ENV\d+)", failed.stdout))
    assert codes == {"ENV426", "ENV427", "ENV428"}
    assert local.kong.entities("services") == before
