"""Gives the pods of a client its credential: the Secret, what else they read, and a mark that a new
one restarts."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

import pulumi

from kong_oam.engine.state import digest
from kong_oam.objects.pods import Manifest

from ..graph import once_made
from ..identity.issuer import SecretReference
from .environment import Data
from .objects import KubernetesObject

CREDENTIAL_DIGEST = "kong-oam.dev/client-credential"
_TOKEN_FOLDER, _TOKEN = "/var/run/secrets/kong-oam.dev", "token"
_TOKEN_SECONDS = 3600


def provision_secret(
    name: str,
    manifest: Manifest,
    credential: Data,
    granted: Sequence[pulumi.Resource],
    options: pulumi.ResourceOptions,
) -> KubernetesObject:
    """Makes the Secret with all that a client needs to call, after it is `granted` what it asks
    for."""
    data = {
        key: pulumi.Output.from_input(value).apply(_base64)
        for key, value in credential.items()
    }
    return KubernetesObject(
        f"{name}-client",
        # Not `stringData`: nobody would own what that becomes, and a key that goes would stay in
        # the Secret.
        {**manifest, "data": data},
        pulumi.ResourceOptions.merge(
            options, pulumi.ResourceOptions(depends_on=[once_made(granted)])
        ),
    )


def digest_of(credential: Data) -> pulumi.Output[str]:
    """Gives an annotation of pods, by which a new credential rolls them. The digest is of a
    high-entropy secret and says nothing about it."""
    return _detached(
        pulumi.Output.unsecret(pulumi.Output.all(**credential).apply(digest))
    )


def add_references(
    containers: Iterable[Manifest], references: Mapping[str, SecretReference]
) -> None:
    """Adds variables of these names, whose values are in Secrets of somebody else's."""
    variables = [_variable(name, reference) for name, reference in references.items()]
    for container in containers if variables else ():
        _add_variables(container, variables)


def add_tokens(
    pod: Manifest, containers: Sequence[Manifest], audiences: Mapping[str, str]
) -> None:
    """Adds to these containers of a pod's spec a token of the ServiceAccount in a file for each of
    these audiences, by the variable that names the file.

    The kubelet renews such a token long before it runs out (projected volumes,
    serviceAccountToken).
    """
    for variable, audience in sorted(audiences.items()):
        name = variable.lower().replace("_", "-")
        token = {
            "serviceAccountToken": {
                "audience": audience,
                "expirationSeconds": _TOKEN_SECONDS,
                "path": _TOKEN,
            }
        }
        pod["volumes"] = [
            *pod.get("volumes", ()),
            {"name": name, "projected": {"sources": [token]}},
        ]
        mount = {"name": name, "mountPath": f"{_TOKEN_FOLDER}/{name}", "readOnly": True}
        for container in containers:
            container["volumeMounts"] = [*container.get("volumeMounts", ()), mount]
            _add_variables(
                container,
                [{"name": variable, "value": f"{_TOKEN_FOLDER}/{name}/{_TOKEN}"}],
            )


def _add_variables(container: Manifest, variables: Sequence[Manifest]) -> None:
    """Adds variables before the component's own, which win: of one name there is one."""
    of_component = container.get("env", ())
    names = {variable["name"] for variable in of_component}
    container["env"] = [
        *(variable for variable in variables if variable["name"] not in names),
        *of_component,
    ]


def _variable(name: str, reference: SecretReference) -> Manifest:
    return {
        "name": name,
        "valueFrom": {"secretKeyRef": {"name": reference.name, "key": reference.key}},
    }


def _detached(value: pulumi.Output[str]) -> pulumi.Output[str]:
    """Gives the value without its dependencies: the pods come after the Secret, which comes after
    all of that.

    Where the engine deletes a client before it replaces it, it first deletes what its plugin would
    replace if what comes from the client were unknown. A Deployment without a `spec` is that, by
    the stand-in: its pods would go.
    """
    future = value.future(with_unknowns=True)
    return pulumi.Output(set(), future, value.is_known(), value.is_secret())  # type: ignore[arg-type]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
