"""The rule about secrets: no secret in plain text."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kong_oam.access.data import NamesByName

from .deployed import Deployment, Resource
from .rule import Findings, PolicyFinding, Settings
from .workload import containers, workloads

# Outputs that may contain a secret, by type of resource: the program has to mark them, since the
# providers do not.
SECRET_OUTPUTS: NamesByName = {
    "okta:app/oAuth:OAuth": ("clientSecret",),
    "keycloak:openid/client:Client": ("clientSecret",),
    "azuread:index/applicationPassword:ApplicationPassword": ("value",),
    "kong:index/consumerJwtAuth:ConsumerJwtAuth": ("secret",),
    "kong:index/certificate:Certificate": ("privateKey",),
    "tls:index/privateKey:PrivateKey": (
        "privateKeyPem",
        "privateKeyPemPkcs8",
        "privateKeyOpenssh",
    ),
    "pulumi:providers:kong": ("kongAdminToken", "kongApiKey"),
    "pulumi:providers:okta": ("apiToken",),
    "pulumi:providers:keycloak": ("clientSecret",),
    "pulumi:providers:azuread": ("clientSecret", "oidcToken"),
}


_SECRET_NAME = re.compile(
    r"SECRET|PASSWORD|PASSWD|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIAL",
    re.IGNORECASE,
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_SHORTEST = 8  # characters; a shorter value could match by accident


def hidden_secrets(deployment: Deployment, _: Settings) -> Findings:
    """Check that secrets are marked as secrets, and that no other value contains them."""
    secrets = set(_secrets(deployment))
    for resource in deployment.resources:
        for name in SECRET_OUTPUTS.get(resource.type, ()):
            if (
                name in resource.properties
                and name not in resource.secret_outputs
            ):
                yield PolicyFinding(
                    f"{resource.name}: {name} is not marked as a secret",
                    resource,
                )
        if resource.type != "kubernetes:core/v1:Secret":
            yield from _in_plain_text(resource, secrets)
    for workload in workloads(deployment):
        for name in _plain_variables(workload):
            yield PolicyFinding(
                f"{workload.name}: the variable {name} has a secret value in plain text; use a "
                "Secret",
                workload,
            )


def _in_plain_text(resource: Resource, secrets: Collection[str]) -> Findings:
    kept = SECRET_OUTPUTS.get(resource.type, ())
    for name, value in resource.properties.items():
        for where, text in _texts(value, name) if name not in kept else ():
            if _PRIVATE_KEY.search(text):
                yield PolicyFinding(
                    f"{resource.name}: {where} contains a private key",
                    resource,
                )
            elif any(secret in text for secret in secrets):
                yield PolicyFinding(
                    f"{resource.name}: {where} contains a credential of this stack",
                    resource,
                )


def _secrets(deployment: Deployment) -> Iterator[str]:
    """Yield the values of the stack's own credentials, in plain text and as a Kubernetes Secret
    encodes them."""
    for resource in deployment.resources:
        for name in SECRET_OUTPUTS.get(resource.type, ()):
            value = resource.text(name)
            # Credentials of verifying keys have a secret that protects nothing; an exported state
            # masks all secrets.
            if (
                len(value) >= _SHORTEST
                and value != "[secret]"
                and " " not in value
            ):
                yield value
                yield b64encode(value.encode()).decode()


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Yield the texts in a value, at any depth, each with its path."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(item, f"{where}.{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{where}[{index}]")


def _plain_variables(workload: Resource) -> Iterator[str]:
    """Yield environment variables with a secret's name and a value instead of a reference."""
    for container in containers(workload):
        for variable in container.get("env") or ():
            if isinstance(variable, Mapping) and variable.get("value"):
                name = str(variable.get("name"))
                if _SECRET_NAME.search(name):
                    yield name
