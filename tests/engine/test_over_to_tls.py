"""A component switches to TLS between the gateway and its workload, and back: by the engine, on the
stand-ins."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import sys
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.cluster import Key
from sandbox.local import STACK, Local
from tests.support.engine.deployment import Deployment
from tests.support.json_object import JsonObject
from tests.support.workload_tls import authority, signed

ORDERS, SETTINGS = "applications/orders.yaml", "stacks/Pulumi.local.yaml"
RULES = "        - type: access                        # our trait: the access template\n"
TRAIT = "        - {type: upstream-tls, properties: {issuer: {kind: ClusterIssuer, name: internal}}}\n"
GATEWAY = "    scheme: http\n"
CA = "    upstreamTls: {ca: workloads.pem}\n"


def asked(local: Local) -> tuple[int, dict[str, str]]:
    """Return the status of a public call, and the headers that its workload got."""
    connection = http.client.HTTPConnection(
        urlsplit(local.kong.proxy_url).netloc, timeout=10
    )
    connection.request(
        "GET", "/orders/health", headers={"Host": "orders.example.com"}
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(
        json.loads(body)["headers"]
    ) if answer.status == 200 else {}


def load(deployment: Deployment) -> None:
    """Add the workloads' CA to Kong, because the program cannot."""
    local = deployment.local
    headers = {"Kong-Admin-Token": local.env["KONG_ADMIN_TOKEN"]}
    body = {"cert": local.echo.authority}
    answer = httpx.post(
        f"{local.kong.admin_url}/ca_certificates",
        json=body,
        headers=headers,
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text


def over_tls(deployment: Deployment) -> None:
    """Write the trait, and the CA that the sandbox's workloads are signed by."""
    (deployment.folder / "stacks" / "workloads.pem").write_text(
        deployment.local.echo.authority
    )
    deployment.edit(ORDERS, RULES, TRAIT + RULES)
    deployment.edit(SETTINGS, GATEWAY, GATEWAY + CA)


def command(deployment: Deployment, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "kong_oam", *arguments, "--stack", STACK],
        cwd=deployment.folder,
        env=deployment.local.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def service(local: Local, name: str) -> JsonObject:
    return next(
        entity
        for entity in local.kong.entities("services")
        if entity["name"] == f"kong-oam.{STACK}.orders.api.{name}"
    )


@pytest.mark.deep
def test_a_component_goes_over_to_tls_and_back(deployed: Deployment) -> None:
    """It has a second service at the gateway, so no moment mixes both; then all of it settles."""
    local = deployed.local
    over_tls(deployed)
    refused = deployed.run("up", check=False)
    assert (
        "Kong lacks the CA certificate of gateway.upstreamTls.ca"
        in refused.stdout
    )
    assert (
        "curl -F 'cert=<stacks/workloads.pem' $KONG_ADMIN_ADDR/ca_certificates"
        in refused.stdout
    )
    load(deployed)
    begun = len(local.kong.past())
    made = deployed.changes("up")
    assert (
        made["orders/api-8080__tls-service"] == "create"
        and made["orders/api-8080-service"] == "delete"
    )
    status, headers = asked(local)
    assert (status, headers["Host"]) == (200, "api.default.svc")
    assert headers["X-Forwarded-Host"] == "orders.example.com"
    certificate = local.cluster.get(
        Key("cert-manager.io/v1", "Certificate", "default", "api-upstream-tls")
    )
    assert certificate and certificate["spec"]["dnsNames"] == [
        "api.default.svc",
        "api.default.svc.cluster.local",
    ]
    deployment = local.cluster.get(
        Key("apps/v1", "Deployment", "default", "api")
    )
    assert deployment
    pod = deployment["spec"]["template"]["spec"]
    assert pod["volumes"][-1]["secret"]["secretName"] == "api-upstream-tls"
    assert pod["containers"][0]["volumeMounts"][-1]["mountPath"] == "/etc/tls"
    deployed.assert_unchanged()
    deployed.assert_unchanged("up", "--refresh")
    for snapshot in local.kong.past()[begun - 1 :]:
        spoken = snapshot.tables["services"].values()
        assert all(
            item["tls_verify"] and item["ca_certificates"]
            for item in spoken
            if item["protocol"] == "https"
        )
    deployed.edit(ORDERS, TRAIT, "")
    back = deployed.changes("up")
    assert (
        back["orders/api-8080-service"] == "create"
        and back["orders/api-8080__tls-service"] == "delete"
    )
    status, headers = asked(local)
    assert (status, headers["Host"]) == (200, "orders.example.com")
    deployed.assert_unchanged()


def test_an_unverified_workload_is_denied_and_found(
    deployed: Deployment,
) -> None:
    """By the gate, after any manual change of Kong; `verify` names the change, and a run reverts
    it."""
    local = deployed.local
    over_tls(deployed)
    load(deployed)
    deployed.run("up")
    assert "enforces the Applications" in command(deployed, "verify")
    found = service(local, "8080__tls")
    headers = {"Kong-Admin-Token": local.env["KONG_ADMIN_TOKEN"]}
    url = f"{local.kong.admin_url}/services/{found['id']}"
    httpx.patch(
        url, json={"tls_verify": False}, headers=headers, trust_env=False
    ).raise_for_status()
    assert asked(local)[0] == 500
    output = command(deployed, "verify")
    assert "tls_verify is false, not true" in output
    deployed.run("up", "--refresh")
    assert asked(local)[0] == 200


@pytest.mark.deep
def test_a_client_certificate_is_shown_and_comes_and_goes(
    deployed: Deployment,
) -> None:
    """From the stack's own secret, and its key is nowhere in clear."""
    local = deployed.local
    over_tls(deployed)
    load(deployed)
    deployed.edit(
        SETTINGS, CA, CA.replace("}", ", clientCertificate: gateway}")
    )
    refused = deployed.run("up", check=False)
    assert "'gateway' is missing in kong-oam:certificates" in refused.stdout
    pair = signed(authority("clients"), "gateway.example.com")
    own = json.dumps(
        {"gateway": {"certificate": pair.certificate, "privateKey": pair.key}}
    )
    deployed.pulumi(
        "config", "set", "-s", STACK, "--secret", "kong-oam:certificates", own
    )
    deployed.run("up")
    (shown,) = local.kong.entities("certificates")
    assert service(local, "8080__mtls")["client_certificate"] == {
        "id": shown["id"]
    }
    assert asked(local)[0] == 200
    deployed.assert_unchanged("up", "--refresh")
    line = pair.key.splitlines()[1]
    assert line not in deployed.pulumi("stack", "export", "-s", STACK).stdout
    assert (
        base64.b64encode(line.encode()).decode()
        not in deployed.pulumi("stack", "export", "-s", STACK).stdout
    )
    deployed.edit(SETTINGS, ", clientCertificate: gateway}", "}")
    deployed.run("up")
    assert (local.kong.entities("certificates"), asked(local)[0]) == ([], 200)
    assert service(local, "8080__tls")["client_certificate"] is None
