"""An https stack: certificates from a Kubernetes TLS Secret and from the stack's own secret, plain http turned away."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.kong.pem import self_signed
from sandbox.local import STACK, Local
from tests.support.engine.deployment import Deployment, Empty

ORDERS, HELLO = (
    self_signed("orders.example.com"),
    self_signed("hello.example.com"),
)


@pytest.fixture
def https(empty: Empty) -> Deployment:
    """The sample estate on an https stack, with one certificate in the cluster and one in the stack."""
    deployment = empty()
    deployment.edit(
        "stacks/Pulumi.local.yaml",
        "    scheme: http\n",
        "    scheme: https\n    plainHttp: redirect\n    hstsSeconds: 600\n",
    )
    deployment.edit(
        "applications/orders.yaml",
        "domain: orders.example.com",
        "domain: orders.example.com\n            secretName: orders-tls",
    )
    deployment.edit(
        "applications/hello.yaml",
        "domain: hello.example.com",
        "domain: hello.example.com\n            secretName: hello-tls",
    )
    _tls_secret(deployment.local, "orders-tls", ORDERS)
    own = json.dumps(
        {"hello-tls": {"certificate": HELLO[0], "privateKey": HELLO[1]}}
    )
    deployment.pulumi(
        "config", "set", "-s", STACK, "--secret", "kong-oam:certificates", own
    )
    deployment.run("up")
    return deployment


def _tls_secret(local: Local, name: str, made: tuple[str, str]) -> None:
    data = {
        key: base64.b64encode(pem.encode()).decode()
        for key, pem in zip(("tls.crt", "tls.key"), made, strict=True)
    }
    metadata = {"name": name, "namespace": "default"}
    local.cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "type": "kubernetes.io/tls",
            "data": data,
        }
    )


def _over_tls(
    local: Local, host: str, target: str, certificate: str
) -> http.client.HTTPResponse:
    """One request by a client that trusts `certificate` alone, and checks the name."""
    context = ssl.create_default_context(cadata=certificate)
    address = urlsplit(local.kong.proxy_tls_url)
    connection = http.client.HTTPConnection(host)
    raw = socket.create_connection((address.hostname, address.port), timeout=10)
    connection.sock = context.wrap_socket(raw, server_hostname=host)
    connection.request("GET", target, headers={"Host": host})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_callers_are_shown_the_certificate_that_the_application_names(
    https: Deployment, tmp_path: Path
) -> None:
    """From the cluster or from the stack; over plain http they are sent on; the private keys are nowhere in clear."""
    local = https.local
    for host, target, made in (
        ("orders.example.com", "/orders/health", ORDERS),
        ("hello.example.com", "/", HELLO),
    ):
        answer = _over_tls(local, host, target, made[0])
        assert (
            answer.status
            == {"orders.example.com": 200, "hello.example.com": 401}[host]
        )
        assert answer.getheader("Strict-Transport-Security") == "max-age=600"
    with pytest.raises(ssl.SSLCertVerificationError):
        _over_tls(local, "orders.example.com", "/orders/health", HELLO[0])
    connection = http.client.HTTPConnection(
        urlsplit(local.kong.proxy_url).netloc, timeout=10
    )
    connection.request(
        "GET", "/orders/health?x=1", headers={"Host": "orders.example.com"}
    )
    plain = connection.getresponse()
    connection.close()
    assert (plain.status, plain.getheader("Location")) == (
        308,
        "https://orders.example.com/orders/health?x=1",
    )
    state = https.pulumi("stack", "export", "-s", STACK).stdout
    shown = https.pulumi(
        "stack", "export", "-s", STACK, "--show-secrets"
    ).stdout
    files = "".join(
        path.read_text() for path in (local.folder / "state").rglob("*.json*")
    )
    for _, private in (ORDERS, HELLO):
        line = private.splitlines()[1]
        assert line in shown
        assert (
            line
            not in state
            + files
            + (https.folder / "stacks" / "Pulumi.local.yaml").read_text()
        )


def test_nothing_changes_when_nothing_changed(https: Deployment) -> None:
    """Certificates settle like everything else, also after a refresh."""
    https.assert_unchanged()
    https.assert_unchanged("up", "--refresh")
