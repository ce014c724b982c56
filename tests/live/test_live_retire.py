"""Old routes go from a running Kong by the printed calls, while callers ask without pause."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace

import pytest

from kong_oam.adopt.coverage import Exposed
from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.retire import retirement
from kong_oam.adopt.retire_calls import script
from kong_oam.adopt.running import read_running
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi
from tests.support.estates import exposing
from tests.support.gateway_cases import Case
from tests.support.live.gateway import LiveGateway
from tests.support.live.hammer import Hammer
from tests.support.live.run import HAMMER_DOMAIN, RUN, upstream_host

HOST = f"old.{HAMMER_DOMAIN}"
GUARDED = Case("GET", HOST, b"/orders/7")
OPEN = Case("GET", HOST, b"/")


def of_this_run(live: LiveGateway) -> OldKong:
    """Return the old entities of this test alone, since others may share the gateway."""
    account = Account(live.target.admin_url, live.target.token)
    with AdminApi(account) as admin:
        old, findings = read_running(admin)
    assert old is not None, findings
    named = [
        [each for each in entities if each.name.startswith(f"{RUN}-old")]
        for entities in (old.services, old.routes)
    ]
    routes = {route.name for route in named[1]}
    plugins = [each for each in old.plugins if each.route in routes]
    return OldKong(
        services=tuple(named[0]),
        routes=tuple(named[1]),
        plugins=tuple(plugins),
    )


@pytest.mark.timeout(300)
def test_no_call_passes_while_guarded_routes_go(live: LiveGateway) -> None:
    """Without the first step, calls of the guarded route fall to the open route below (seen)."""
    with live.target.deploying() as entities:
        settle = entities.facts.settle
        address = {"host": upstream_host(), "port": live.upstream.port}
        service = entities.make("/services", {"name": f"{RUN}-old", **address})
        for name, path in (("orders", "/orders"), ("site", "/")):
            route = entities.make(
                f"/services/{service['id']}/routes",
                {"name": f"{RUN}-old-{name}", "hosts": [HOST], "paths": [path]},
            )
            if name == "orders":
                guard = {"name": "key-auth", "route": {"id": route["id"]}}
                entities.make("/plugins", guard)
        live.await_steady([(GUARDED, 401), (OPEN, 200)], bound=2 * settle + 15)
        exposed = Exposed(exposing((HOST, "/")))
        plan = retirement(of_this_run(live), RUN, exposed, {})
        assert len(plan.routes) == 2 and len(plan.services) == 1
        lines = list(script(replace(plan, consumers=()), settle))
        with Hammer(live, {"nobody": [GUARDED]}) as hammer:
            hammer.await_answers()
            hammer.stage("the routes go")
            subprocess.run(
                ["sh"],
                input="\n".join(lines),
                text=True,
                check=True,
                timeout=120,
                env={
                    **os.environ,
                    "KONG_ADMIN_ADDR": live.target.admin_url,
                    "KONG_ADMIN_TOKEN": live.target.token or "",
                },
            )
            time.sleep(settle)
            hammer.stage("gone")
            hammer.await_answers()
            assert hammer.let_through() == {}
        live.await_steady([(GUARDED, 404), (OPEN, 404)], bound=settle + 15)
