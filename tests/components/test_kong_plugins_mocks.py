"""Plugins that an Application asks for, as the whole program registers them under Pulumi's mocks."""

from __future__ import annotations

import json

import pytest

from kong_oam.oam.position import NO_POSITION
from kong_oam.traits.kong_plugin.value import KONG_PLUGIN, KongPlugin
from sandbox.kong import Kong
from tests.support.mocks import all_of, ask_at, run_program


def test_a_plugin_comes_before_the_routes_of_its_component(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So no route leads past it, in whatever part of a run; and its configuration is in full."""
    plugin = KongPlugin(
        "correlation-id", {"header_name": "X-Cid"}, None, NO_POSITION
    )
    ask_at(monkeypatch, "orders/api", {KONG_PLUGIN: (plugin,)})
    with Kong() as kong:
        monkeypatch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        registered = run_program(monkeypatch)
    made = all_of(registered, "kong:index/plugin:Plugin")[
        "orders/api-8080-plugin-correlation-id"
    ]
    assert made.made_of["serviceId"] == {"orders/api-8080-service"}
    assert (
        '"echo_downstream":false,"generator":"uuid#counter","header_name":"X-Cid"'
        in made.inputs["configJson"]
    )
    waiting = {
        name
        for name, resource in all_of(
            registered, "kong:index/route:Route"
        ).items()
        if made.name in resource.after
    }
    assert waiting == {
        name
        for name in all_of(registered, "kong:index/route:Route")
        if name.startswith("orders/api-")
    }


@pytest.mark.parametrize("logs", [None, {"file": "/var/log/kong/records"}])
def test_whatever_writes_records_clears_kongs_own(
    monkeypatch: pytest.MonkeyPatch, logs: dict[str, str] | None
) -> None:
    """A sink of the stack, and a plugin that an Application asks for. A stack without records leaves Kong's to it."""
    plugin = KongPlugin(
        "tcp-log", {"host": "logs.example.com", "port": 5140}, None, NO_POSITION
    )
    ask_at(monkeypatch, "orders/api", {KONG_PLUGIN: (plugin,)})
    with Kong() as kong:
        monkeypatch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        registered = run_program(
            monkeypatch, **({"logs": logs} if logs else {})
        )
    plugins = all_of(registered, "kong:index/plugin:Plugin")
    configs = {
        name: json.loads(plugin.inputs["configJson"])
        for name, plugin in plugins.items()
    }
    fields = {
        name: config["custom_fields_by_lua"]
        for name, config in configs.items()
        if "custom_fields_by_lua" in config
    }
    wanted = {
        "orders/api-8080-plugin-tcp-log",
        *(name for name in plugins if logs and name.endswith("-log-file")),
    }
    assert fields.keys() == wanted and (not logs or len(wanted) > 2)
    cleared = [
        bool(field)
        and "for n in pairs(said)do set(n,nil)end" in field["version"]
        for field in fields.values()
    ]
    assert set(cleared) == {logs is not None}
