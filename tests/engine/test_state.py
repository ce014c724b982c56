"""The exported state: the edges between identity, gateway and workload, and no secret in plain
text."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.local import STACK
from tests.support.engine.calls import credential
from tests.support.engine.sample import Sample
from tests.support.json_object import JsonObject

_WORKLOADS_WITH_A_KEY = ("bot", "renderer", "checkout", "web")


@pytest.fixture(scope="module")
def state(sample: Sample) -> list[JsonObject]:
    """The resources of the deployed sample estate."""
    return sample.deployment.state()


def _one(state: list[JsonObject], name: str, kind: str) -> JsonObject:
    (found,) = (
        resource
        for resource in state
        if resource["urn"].endswith(f"::{name}") and resource["type"] == kind
    )
    return found


def _edges(resource: JsonObject) -> set[str]:
    """Return the logical names of a resource's dependencies."""
    return {urn.rsplit("::", 1)[1] for urn in resource.get("dependencies", ())}


def _edges_of(resource: JsonObject, name: str) -> set[str]:
    """Return the logical names of the resources behind one property of a resource."""
    return {
        urn.rsplit("::", 1)[1] for urn in resource["propertyDependencies"][name]
    }


def test_admission_leads_to_the_pods_and_those_to_the_gate_and_its_routes(
    state: list[JsonObject],
) -> None:
    """Closing resources precede a workload, and opening resources follow it; services point to
    nothing."""
    services = {
        "hello/hello-world-8000": "hello/hello-world-service-hello-world",
        "orders/api-8080": "orders/api-service-api",
        "reports/console-4000": "reports/console-service-console",
        "reports/library-8000": "reports/library-service-library-api",
        "shop/web-3000": "shop/web-service-web",
    }
    for name, reached in services.items():
        deployment = f"{name.rpartition('-')[0]}-deployment"
        assert _edges_of(
            _one(state, f"{name}-service", "kong:index/service:Service"), "host"
        ) == {"gateway-nowhere"}
        admission = _one(state, f"{name}-admission", "kong:index/plugin:Plugin")
        assert _edges_of(admission, "serviceId") == {f"{name}-service"}
        assert not _edges(admission) & {deployment, reached}
        assert f"{name}-admission" in _edges(
            _one(state, deployment, "kubernetes:apps/v1:Deployment")
        )
        gate = _one(state, f"{name}-gate", "kong:index/plugin:Plugin")
        assert _edges_of(gate, "serviceId") == {f"{name}-service"}
        assert _edges_of(gate, "configJson") >= {deployment}
        assert reached in _edges(gate)
        assert gate["parent"].endswith(
            f"kong-oam:index:Component::{name.rpartition('-')[0]}"
        )
    routes = [
        resource
        for resource in state
        if resource["type"] == "kong:index/route:Route"
    ]
    assert routes
    for route in routes:
        (service,) = _edges_of(route, "serviceId")
        name = service.removesuffix("-service")
        assert _edges(route) == {
            service,
            *(f"{name}-{role}" for role in ("admission", "jwt", "gate")),
        }
    assert _one(state, "orders/api", "kong-oam:index:Component")[
        "parent"
    ].endswith("pulumi:pulumi:Stack::kong-oam-local")


def test_no_resource_tells_of_the_program_that_made_it(
    state: list[JsonObject],
) -> None:
    """The stack of each would be a quarter of the state, and the line alone 3 KB of a component."""
    made = [
        resource
        for resource in state
        if not resource["type"].startswith(
            ("pulumi:pulumi:Stack", "pulumi:providers:")
        )
    ]
    assert len(made) > 90
    assert not any(
        "stackTrace" in resource or "sourcePosition" in resource
        for resource in made
    )


def _secrets(sample: Sample) -> dict[str, str]:
    """Return every secret of the run: the private keys of four clients, and the two tokens that
    the program works with."""
    local = sample.local
    known = {
        name: credential(local, name)["OAUTH_PRIVATE_KEY"]
        for name in _WORKLOADS_WITH_A_KEY
    }
    tokens = {
        name: local.env[name] for name in ("KONG_ADMIN_TOKEN", "OKTA_API_TOKEN")
    }
    assert len({*known.values(), *tokens.values()}) == 6
    assert all(len(value) >= 16 for value in (known | tokens).values())
    return known | tokens


def _found(secrets: dict[str, str], text: str) -> set[str]:
    """Return the names of secrets with a line in `text`, or with all of it as Kubernetes writes it
    (base64)."""
    return {
        name
        for name, secret in secrets.items()
        if any(form in text for form in _forms(secret))
    }


def _forms(secret: str) -> list[str]:
    """Return a secret's spellings. For a key, leave out the first eight lines, which also have its
    public half."""
    lines = secret.splitlines()
    private = lines[9:-2] if len(lines) > 1 else lines
    return [*private, base64.b64encode(secret.encode()).decode()]


def _all_output(sample: Sample) -> Iterator[tuple[str, str]]:
    """Return all output of the CLI about the estate, and all its files, without `--show-secrets`.

    Official plugins print their account when they log all operations (`--logflow`).
    """
    flow = () if sample.local.launchers.official else ("--logflow",)
    yield from sample.output.items()
    yield "the event log", sample.log
    for arguments in (
        ("stack", "export", "-s", STACK),
        ("stack", "output", "-s", STACK, "--json"),
        (
            "preview",
            "-s",
            STACK,
            "--diff",
            "--refresh",
            "--show-sames",
            "--show-full-output",
        ),
        (
            "destroy",
            "-s",
            STACK,
            "--preview-only",
            "--diff",
            "--show-full-output",
        ),
        (
            "up",
            "-s",
            STACK,
            "--yes",
            "--skip-preview",
            "--diff",
            "--show-sames",
            "-v=9",
            "--logtostderr",
            *flow,
        ),
    ):
        done = sample.deployment.pulumi(*arguments)
        assert len(done.stdout) > 500, arguments
        yield " ".join(arguments), done.stdout
        yield f"{' '.join(arguments)}, stderr", done.stderr
    files = [
        file for file in Path(sample.local.folder).rglob("*") if file.is_file()
    ]
    assert any(file.name == f"{STACK}.json" for file in files)
    for file in files:
        yield str(file), file.read_text("utf-8", "replace")


def test_no_secret_is_kept_or_shown_in_clear(sample: Sample) -> None:
    """State, history, outputs, previews, events and logs contain none; the same search finds all in
    decrypted outputs."""
    secrets = _secrets(sample)
    decrypted = sample.deployment.pulumi(
        "stack", "export", "-s", STACK, "--show-secrets"
    ).stdout
    assert _found(secrets, decrypted) == set(secrets)
    texts = dict(_all_output(sample))
    assert {
        name: found
        for name, text in texts.items()
        if (found := _found(secrets, text))
    } == {}
    assert "PRIVATE KEY-----" in decrypted
    assert [
        name for name, text in texts.items() if "PRIVATE KEY-----" in text
    ] == []
    assert "okta-app-shop/checkout" in texts["the event log"]
