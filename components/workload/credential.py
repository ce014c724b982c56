"""Gives a client's pods their credential: the Secret, further settings, and a mark that restarts
them with a new credential."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from pulumi import Input, Output, ResourceOptions

from kong_oam.engine.state import digest
from kong_oam.oam.position import Texts
from kong_oam.oam.rendered import group_kind
from kong_oam.objects.pods import CONTAINER_LISTS, Manifest, Path, holder_at

from ..graph import Predecessors, first_missing
from .objects import KubernetesObject

Data = Mapping[str, Input[str]]

CREDENTIAL_DIGEST = "kong-oam.dev/client-credential"
_TOKEN_FOLDER, _TOKEN = "/var/run/secrets/kong-oam.dev", "token"
# Kinds whose pods cannot be changed: a mark in them would run them again.
_REPLACED = frozenset({("batch", "Job"), ("", "Pod")})


@dataclass(frozen=True, slots=True)
class ClientEnvironment:
    """The settings and secrets of a client's pods.

    `settings` go into a separate Secret. `references` are variables with values from existing
    Secrets. `audiences` are for tokens of its ServiceAccount, by the variable with the file's name.
    `granted` comes before pods ask for tokens.
    """

    settings: Data
    references: Sequence[Manifest] = ()
    audiences: Texts = field(default_factory=dict)
    granted: Predecessors = ()


def provision_secret(
    name: str,
    manifest: Manifest,
    client: ClientEnvironment,
    opts: ResourceOptions,
) -> KubernetesObject:
    """Make the Secret with all settings of a client's calls, after its scopes are granted."""
    data = {
        key: Output.from_input(value).apply(_base64)
        for key, value in client.settings.items()
    }
    after = ResourceOptions(depends_on=[first_missing(client.granted)])
    return KubernetesObject(
        f"{name}-client",
        # Not `stringData`: no field manager owns the resulting `data`, so a removed key would stay
        # in the Secret.
        {**manifest, "data": data},
        ResourceOptions.merge(opts, after),
    )


def with_credential(
    manifest: Manifest,
    pods: Sequence[Path],
    client: ClientEnvironment,
    mark: Output[str],
) -> Manifest:
    """Return the object with the client's settings in its pods, which only a run knows. A new
    `mark` restarts them."""
    changed = deepcopy(manifest)
    for path in pods:
        template = holder_at(changed, path)
        if not template:
            continue
        spec = template["spec"]
        for kind in CONTAINER_LISTS:
            for container in spec.get(kind, ()):
                _add_variables(container, client.references)
        for variable, audience in sorted(client.audiences.items()):
            _add_token(spec, variable, audience)
        if group_kind(manifest) not in _REPLACED:
            metadata = template["metadata"]
            annotations = metadata.get("annotations", {})
            metadata["annotations"] = {**annotations, CREDENTIAL_DIGEST: mark}
    return changed


def digest_of(credential: Data) -> Output[str]:
    """Return an annotation of pods by which a new credential restarts them. The digest of a
    high-entropy secret does not reveal it."""
    return _detached(Output.unsecret(Output.all(**credential).apply(digest)))


def _add_token(spec: Manifest, variable: str, audience: str) -> None:
    """Add a token of the ServiceAccount for this audience to a pod, in a file that the variable
    names.

    The kubelet renews such a token long before it runs out (projected volumes,
    serviceAccountToken).
    """
    name = variable.lower().replace("_", "-")
    folder = f"{_TOKEN_FOLDER}/{name}"
    token = {
        "audience": audience,
        "expirationSeconds": 3600,
        "path": _TOKEN,
    }
    volume = {
        "name": name,
        "projected": {"sources": [{"serviceAccountToken": token}]},
    }
    spec["volumes"] = [*spec.get("volumes", ()), volume]
    mount = {"name": name, "mountPath": folder, "readOnly": True}
    for kind in CONTAINER_LISTS:
        for container in spec.get(kind, ()):
            container["volumeMounts"] = [
                *container.get("volumeMounts", ()),
                mount,
            ]
            file = {"name": variable, "value": f"{folder}/{_TOKEN}"}
            _add_variables(container, [file])


def _add_variables(container: Manifest, variables: Sequence[Manifest]) -> None:
    """Add variables before the component's own. For a shared name only the component's own is
    added."""
    if not variables:
        return
    own = container.get("env", ())
    names = {variable["name"] for variable in own}
    added = [
        variable for variable in variables if variable["name"] not in names
    ]
    container["env"] = [*added, *own]


def _detached(value: Output[str]) -> Output[str]:
    """Return the value without its dependencies: the pods come after the Secret, which has them
    all.

    Before the engine replaces a client by deletion first, it deletes every dependent that an
    unknown value would replace. With an unknown `spec` that includes Deployments, and so the pods.
    """
    future = value.future(with_unknowns=True)
    return Output(set(), future, value.is_known(), value.is_secret())  # type: ignore[arg-type]


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")
