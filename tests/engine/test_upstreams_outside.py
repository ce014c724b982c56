"""Components outside any cluster: their addresses, several targets, and a stack without a cluster."""

from __future__ import annotations

import httpx

from policies.scripts import address_of, table_of
from sandbox.local import STACK
from tests.support.engine.calls import call
from tests.support.engine.deployment import Deployment, Empty
from tests.support.json_object import JsonObject

APPLICATION = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: legacy}
spec:
  components:
    - name: crm
      type: external
      traits:
        - type: gateway
          properties: {domain: crm.example.com, http: {/: 8443}}
        - type: access
          properties:
            owner: sales
            scopes: {crm.read: Read}
            rules:
              - {paths: [/], methods: [GET], scopes: [crm.read]}
              - {paths: [/health], methods: [GET], public: {reason: probes, until: "2027-01-01"}}
"""
HOST = "crm.example.com"
CA = "outside.pem"


def outside(empty: Empty, upstream: JsonObject) -> Deployment:
    """Return a stack with only the component `legacy/crm`, behind a gateway with no place."""
    deployment = empty()
    deployment.replace_applications(APPLICATION)
    authority = deployment.local.echo.authority
    (deployment.folder / "stacks" / CA).write_text(authority, "utf-8")
    answer = httpx.post(
        f"{deployment.local.kong.admin_url}/ca_certificates",
        json={"cert": authority},
        headers={"Kong-Admin-Token": deployment.local.env["KONG_ADMIN_TOKEN"]},
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    with deployment.config() as config:
        config["kong-oam:gateway"] = {
            "scheme": "http",
            "upstreamTls": {"ca": CA},
            "upstreams": {"legacy/crm": upstream},
        }
    return deployment


def upstreams(deployment: Deployment) -> set[str]:
    return {
        entity["name"] for entity in deployment.local.kong.entities("upstreams")
    }


def test_a_stack_without_a_cluster_calls_a_host_by_https(empty: Empty) -> None:
    deployment = outside(empty, {"host": "crm.example.net"})
    local = deployment.local
    local.outside["crm.example.net", 8443] = local.echo.address
    made = deployment.changes("up")
    assert not [name for name in made if name.startswith("cluster")]
    answer = call(local, "GET", HOST, "/health")
    assert answer.status == 200
    assert answer.header("Host") == ["crm.example.net"]
    assert call(local, "GET", HOST, "/").status == 401
    (service,) = local.kong.entities("services")
    assert service["host"] == f"kong-oam.{STACK}.nowhere"
    assert service["protocol"] == "https" and service["tls_verify"] is True
    deployment.assert_unchanged()


def test_the_gate_goes_over_to_new_targets_in_one_write(empty: Empty) -> None:
    hosts = [{"host": f"crm{number}.example.net"} for number in (1, 2)]
    settings = {"targets": hosts, "serverName": "crm.example.net"}
    deployment = outside(empty, settings)
    local = deployment.local
    local.outside["crm2.example.net", 8443] = local.echo.address
    done = deployment.run("up")
    assert "ENV417" in done.stdout  # no test has these names in DNS
    assert call(local, "GET", HOST, "/health").header("Host") == [
        "crm.example.net"
    ]
    deployment.assert_unchanged("up", "--refresh")
    before = upstreams(deployment)
    begun = len(local.kong.past())
    del local.outside["crm2.example.net", 8443]
    local.outside["crm3.example.net", 9443] = local.echo.address
    hosts[0] = {"host": "crm3.example.net", "port": 9443}
    with deployment.config() as config:
        config["kong-oam:gateway"]["upstreams"]["legacy/crm"] = settings
    # No old rule may meet a new target, and no new rule an old target.
    deployment.edit("applications/tiny.yaml", "[/health]", "[/status]")
    made = deployment.changes("up")
    assert made.pop("legacy/crm-8443__tls-gate") == "update"
    assert made.pop("legacy/crm-8443__tls-admission") == "update"
    assert set(made.values()) == {"create", "delete"}
    assert call(local, "GET", HOST, "/health").status == 401
    assert call(local, "GET", HOST, "/status").status == 200
    after = upstreams(deployment)
    assert len(before) == len(after) == 2 and before != after
    steps = set()
    nowhere = f"kong-oam.{STACK}.nowhere"
    for entities in local.kong.past()[begun:]:
        for service in entities.tables["services"].values():
            assert service["host"] == nowhere
        names = {row["name"] for row in entities.tables["upstreams"].values()}
        for plugin in entities.tables["plugins"].values():
            leads_to = address_of(plugin["config"])
            if leads_to:
                assert leads_to["host"] in names
                table = table_of(plugin["config"]) or {}
                steps.add((leads_to["host"], *sorted(table["rules"])))
    old, new = *before - after, *after - before
    assert steps == {(old, "/", "/health"), (new, "/", "/status")}
