"""The correction of an unfinished run's state from Kong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from kong_oam.engine.state import PLUGIN, Resource, StackState, digest
from kong_oam.kong.account import Account
from kong_oam.kong.actual import corrected_state
from sandbox.kong import Kong
from tests.support.json_object import JsonObject

OTHER = Resource(
    "kong:index/service:Service", "shop/api-80-service", {"name": "api"}
)


@pytest.fixture
def admin() -> Iterator[httpx.Client]:
    with Kong() as kong, httpx.Client(base_url=kong.admin_url) as client:
        yield client


def _plugin(
    name: str, service: str, script: str, kind: str = "pre-function"
) -> Resource:
    script_json = json.dumps({"access": [script]})
    return Resource(
        PLUGIN,
        name,
        {"name": kind, "serviceId": service, "configJson": script_json},
    )


def _state(*resources: Resource, outputs: JsonObject) -> StackState:
    return StackState(
        frozenset((resource.type, resource.name) for resource in resources),
        {},
        outputs,
        resources=resources,
    )


def test_resources_say_what_kong_has(admin: httpx.Client) -> None:
    """Changed plugins are as in Kong, missing plugins are left out, and all others stay."""
    scripts = {
        name: f"return function() local _ = '{name}' end"
        for name in ("same", "now", "said", "gone")
    }
    ids = {}
    for name in ("same", "other", "bare"):
        service = (
            admin.post("/services", json={"name": name, "host": "x"})
            .raise_for_status()
            .json()
        )
        ids[name] = service["id"]
    for name, script in (("same", "same"), ("other", "now")):
        body = {"name": "pre-function", "config": {"access": [scripts[script]]}}
        admin.post(f"/services/{name}/plugins", json=body).raise_for_status()
    same = _plugin("same", ids["same"], scripts["same"])
    other = _plugin("other", ids["other"], scripts["said"])
    gone = _plugin("gone", ids["bare"], scripts["gone"])
    limit = _plugin("limit", ids["bare"], "x", "rate-limiting")
    state = _state(
        same, OTHER, other, gone, limit, outputs={"enforced": "another"}
    )
    found = corrected_state(state, Account(str(admin.base_url)))
    assert [resource.name for resource in found.resources] == [
        "same",
        OTHER.name,
        "other",
        "limit",
    ]
    by_name = {resource.name: resource for resource in found.resources}
    assert [by_name[resource.name] for resource in (same, OTHER, limit)] == [
        same,
        OTHER,
        limit,
    ]
    assert json.loads(by_name["other"].outputs["configJson"])["access"] == [
        scripts["now"]
    ]
    assert found.plugins.keys() == {"same", "other", "limit"}
    assert found.differing_plugins == {
        "other": (ids["other"], "pre-function"),
        "gone": (ids["bare"], "pre-function"),
    }


def test_a_state_of_a_finished_run_is_believed(admin: httpx.Client) -> None:
    """Kong is not asked, and nothing is corrected."""
    plugin = _plugin("gone", "nowhere", "x")
    state = _state(plugin, outputs={})
    confirmed = replace(state, outputs={"enforced": digest(state.plugins)})
    admin.close()
    assert (
        corrected_state(confirmed, Account("http://127.0.0.1:1")) is confirmed
    )
