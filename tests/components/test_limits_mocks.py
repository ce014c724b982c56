"""Limits and headers that an Application asks for, as the whole program registers them under Pulumi's mocks."""

from __future__ import annotations

import json
import re

import pytest

from kong_oam.traits.headers.value import HEADERS, Headers
from kong_oam.traits.limits.value import LIMITS, Limits, Retries
from sandbox.kong import Kong
from tests.support.mocks import all_of, ask_at, run_program


def test_a_service_has_the_times_that_its_component_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And its scripts stand beside admission and behind the gate; every other service is as it was."""
    limits = Limits(body=1024, connect=500, read=2000, retries=Retries(1))
    ask_at(
        monkeypatch,
        "orders/api",
        {LIMITS: limits, HEADERS: Headers(secure=True)},
    )
    with Kong() as kong:
        monkeypatch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        registered = run_program(monkeypatch)
    services = all_of(registered, "kong:index/service:Service")
    names = ("connectTimeout", "readTimeout", "writeTimeout", "retries")
    times = {
        name: tuple(int(service.inputs[field]) for field in names)
        for name, service in services.items()
    }
    assert times.pop("orders/api-8080-service") == (500, 2000, 60_000, 1)
    assert set(times.values()) == {(60_000, 60_000, 60_000, 5)}
    plugins = all_of(registered, "kong:index/plugin:Plugin")
    admission, gate = (
        json.loads(plugins[f"orders/api-8080-{role}"].inputs["configJson"])
        for role in ("admission", "gate")
    )
    called = re.findall(
        r"^CODE\.(\w+)\(\)$", admission["access"][0], re.MULTILINE
    )
    beside = [
        script.split("\n", 1)[0].rpartition(" ")[2]
        for script in gate["access"][1:]
    ]
    assert [name for name in called if name in ("told", "limits")] == [
        "told",
        "limits",
    ] and beside == ["body"]
    assert any(
        "code.marked()" in script for script in admission["header_filter"]
    )
