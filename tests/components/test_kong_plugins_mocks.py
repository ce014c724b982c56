"""Plugins that an Application asks for, as the whole program registers them under Pulumi's mocks."""

from __future__ import annotations

import pytest

from kong_oam.access.diff.snapshot import NOWHERE
from kong_oam.access.edge.kong_plugin import KongPlugin
from sandbox.kong import Kong
from tests.support.mocks import all_of, ask_at, run_program


def test_a_plugin_comes_before_the_routes_of_its_component(monkeypatch: pytest.MonkeyPatch) -> None:
    """So no route leads past it, in whatever part of a run; and its configuration is in full."""
    plugin = KongPlugin("correlation-id", {"header_name": "X-Cid"}, None, NOWHERE)
    ask_at(monkeypatch, "orders/api", kong_plugins=(plugin,))
    with Kong() as kong:
        monkeypatch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        registered = run_program(monkeypatch)
    made = all_of(registered, "kong:index/plugin:Plugin")["orders/api-8080-plugin-correlation-id"]
    assert made.made_of["serviceId"] == {"orders/api-8080-service"}
    assert '"echo_downstream":false,"generator":"uuid#counter","header_name":"X-Cid"' in made.inputs["configJson"]
    waiting = {name for name, one in all_of(registered, "kong:index/route:Route").items() if made.name in one.after}
    assert waiting == {name for name in all_of(registered, "kong:index/route:Route") if name.startswith("orders/api-")}
