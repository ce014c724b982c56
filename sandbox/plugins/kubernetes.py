# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""The stand-in for the kubernetes plugin: any kind of the SDK, checked against the SDK's types, kept in a store.

Not modelled: the API server's own validation (names, quantities, selectors), its defaults, pods and their readiness
(but for a Deployment that does not roll out), Helm, Kustomize, ConfigGroup, the warnings of a preview. A patch makes an
object that is not there, and leaves it when it goes; that it owns fields of its own is not modelled. The
store is `sandbox.cluster`, found through the environment variable KONG_OAM_SANDBOX_CLUSTER; kubeconfig and context of a
provider are accepted and not used.
"""

import base64
import hashlib
import os
from importlib import metadata
from typing import Any
from urllib.parse import urlencode

from sandbox.cluster import CLUSTER
from sandbox.plugins import sdk
from sandbox.plugins.http import send
from sandbox.plugins.provider import Difference, Found, Naming, Plugin, ProviderError, Resource, UnreadyError, run
from sandbox.plugins.values import UNKNOWN, Properties, Value, has_unknown

AUTONAMED = "pulumi.com/autonamed"
# Kinds without a namespace, of those that a program of this kind may meet (kubectl api-resources --namespaced=false).
CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CSIDriver",
        "CustomResourceDefinition",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingWebhookConfiguration",
    }
)
# Fields that the API server refuses to change in place; the official plugin replaces (pulumi-kubernetes: forceNew).
IMMUTABLE = {
    "Deployment": ("spec.selector",),
    "StatefulSet": ("spec.selector", "spec.serviceName", "spec.podManagementPolicy"),
    "DaemonSet": ("spec.selector",),
    "Job": ("spec.selector", "spec.template"),
    "Secret": ("type",),
    "Service": (),
}


class Settings:
    """What the provider was configured with, as far as it is modelled."""

    def __init__(self) -> None:
        self.secret_mutable = self.patch_force = False

    def configure(self, arguments: Properties) -> None:
        """Takes enableSecretMutable and enablePatchForce, from the provider or from the environment."""

        def flag(name: str, variable: str) -> bool:
            # The SDK encodes what is no string as JSON.
            return str(arguments.get(name, os.environ.get(variable))).lower() == "true"

        self.secret_mutable = flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE")
        self.patch_force = flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE")


class Manifest(Resource):
    """One kind, named by its token: `kubernetes:apps/v1:Deployment`."""

    def __init__(self, token: str, settings: Settings) -> None:
        self.token, self._settings = token, settings
        _, group_version, kind = token.split(":")
        self._kind, self._is_patch = kind.removesuffix("Patch"), kind.endswith("Patch")
        self._api_version = group_version.removeprefix("core/")
        if self._kind == "Secret":
            self.secrets = frozenset({"data", "stringData"})
        sdk.inputs_of(token)

    def check(self, news: Properties, olds: Properties, naming: Naming) -> Properties:
        """Fills in apiVersion, kind, a name where none is given (`NAME-8 hex digits`) and the namespace."""
        given = news.get("metadata") if isinstance(news.get("metadata"), dict) else {}
        about: dict[str, Any] = dict(given or {})
        if "name" not in about and "generateName" not in about:
            before = olds.get("metadata", {})
            annotations = dict(about.get("annotations", {}))
            annotations[AUTONAMED] = "true"
            if before.get("annotations", {}).get(AUTONAMED) == "true":
                about["name"] = before["name"]
            else:
                digest = hashlib.sha256(naming.seed + naming.name.encode()).hexdigest()
                about["name"] = f"{naming.name}-{digest[:8]}"
            about["annotations"] = annotations
        if self._kind not in CLUSTER_SCOPED:
            about.setdefault("namespace", "default")
        return {"apiVersion": self._api_version, "kind": self._kind, **news, "metadata": about}

    def differences(self, state: Properties, old_inputs: Properties, news: Properties) -> Difference:
        """What differs from the last inputs; a changed identity or an immutable field replaces, deleting first when
        the name stays."""
        old_inputs, news = self._normalized(old_inputs), self._normalized(news)
        keys = old_inputs.keys() | news.keys()
        changed = {key for key in keys if old_inputs.get(key) != news.get(key)}
        moved = {path for path in ("metadata.name", "metadata.namespace") if _at(old_inputs, path) != _at(news, path)}
        replaced = moved | {path for path in self._immutable(news) if _at(old_inputs, path) != _at(news, path)}
        return Difference(frozenset(changed), frozenset(replaced), delete_first=bool(replaced) and not moved)

    def _immutable(self, news: Properties) -> tuple[str, ...]:
        """A Secret's content, too, unless the provider says otherwise (pulumi-kubernetes: enableSecretMutable)."""
        always = IMMUTABLE.get(self._kind, ())
        if self._kind == "Secret" and (not self._settings.secret_mutable or news.get("immutable")):
            return (*always, "data")
        return always

    def planned(self, state: Properties, news: Properties) -> Properties:
        """In a preview the server's own additions are unknown for a new object and kept for an old one, which is
        applied without effect (dry run): what it would run into is said."""
        if state and not has_unknown(news):
            self._apply(news, {"dryRun": "1"})
        planned = self._normalized(news)
        if self._kind == "Service" and isinstance(news.get("spec"), dict):
            address = _at(state, "spec.clusterIP") or UNKNOWN
            planned["spec"] = {"clusterIP": address, **news["spec"], "ports": _numbered(news["spec"], state)}
            if news["spec"].get("type") == "LoadBalancer":
                planned["status"] = state.get("status") or UNKNOWN
        return planned

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        if self._is_patch:
            return _identifier(inputs), self._apply(inputs, {})
        answer = self._send("POST", {}, inputs)
        if answer.status == 409:
            raise ProviderError(f"resource {_identifier(inputs)} was not successfully created: {_message(answer)}")
        return _identifier(inputs), self._ready(inputs, _accepted(answer))

    def read(self, identifier: str, inputs: Properties, state: Properties) -> Found | None:
        """The object as it is now. What somebody changed by hand shows up in state and inputs, and what somebody added
        in the state alone, as in the official plugin: nothing puts it back."""
        namespace, _, name = identifier.rpartition("/")
        answer = self._send("GET", self._address(namespace, name))
        if answer.status == 404:
            return None
        live = _accepted(answer)
        return Found(self._inputs_of(live, inputs), live)

    def update(self, identifier: str, state: Properties, news: Properties) -> Properties:
        namespace, _, name = identifier.rpartition("/")
        if self._send("GET", self._address(namespace, name)).status == 404:
            raise ProviderError(f"{self._kind} {identifier} not found")
        return self._ready(news, self._apply(news, {}))

    def _apply(self, news: Properties, query: dict[str, str]) -> Properties:
        force = {"force": "1"} if self._settings.patch_force else {}
        answer = self._send("PATCH", query | force, news)
        if answer.status == 409:
            raise ProviderError(f"server-side apply field conflict detected: {_message(answer)}")
        return _accepted(answer)

    def _ready(self, inputs: Properties, live: Properties) -> Properties:
        """The object, once a Deployment has rolled out; the official plugin waits for that, ten minutes by default."""
        conditions = _at(live, "status.conditions")
        for one in conditions if self._kind == "Deployment" and isinstance(conditions, list) else ():
            if one["type"] == "Progressing" and one["reason"] != "NewReplicaSetAvailable":
                reason = f"Deployment {_identifier(inputs)} was not rolled out: {one['reason']}"
                raise UnreadyError(_identifier(inputs), inputs, live, reason)
        return live

    def delete(self, identifier: str, state: Properties) -> None:
        """An object that is gone already counts as deleted, as in the official plugin."""
        if self._is_patch:
            return
        namespace, _, name = identifier.rpartition("/")
        answer = self._send("DELETE", self._address(namespace, name))
        if answer.status != 404:
            _accepted(answer)

    def _normalized(self, inputs: Properties) -> Properties:
        """With `stringData` as the `data` that it becomes (pulumi-kubernetes: clients.Normalize)."""
        if self._kind != "Secret" or not ("data" in inputs or "stringData" in inputs):
            return dict(inputs)
        return {**{key: value for key, value in inputs.items() if key != "stringData"}, "data": _encoded(inputs)}

    def _inputs_of(self, live: Properties, inputs: Properties) -> Properties:
        given = {key: value for key, value in inputs.items() if key != "stringData"}
        if self._kind == "Secret" and "stringData" in inputs:
            if _pruned(live.get("data"), _encoded(inputs)) == _encoded(inputs):
                return {**_pruned(live, given), "stringData": inputs["stringData"]}
            given["data"] = _encoded(inputs)
        return _pruned(live, given) if inputs else _imported(live)

    def _address(self, namespace: str, name: str) -> dict[str, str]:
        return {"apiVersion": self._api_version, "kind": self._kind, "namespace": namespace, "name": name}

    def _send(self, method: str, query: dict[str, str], body: Value = None) -> Any:
        url = os.environ.get(CLUSTER)
        if not url:
            raise ProviderError(f"the stand-in for kubernetes needs a running sandbox: {CLUSTER} is not set")
        return send(url, method, f"/objects?{urlencode(query)}", body)


def _ports(spec: Value) -> list[Properties]:
    ports = spec.get("ports") if isinstance(spec, dict) else None
    return [port for port in ports if isinstance(port, dict)] if isinstance(ports, list) else []


def _numbered(spec: Properties, state: Properties) -> Value:
    """The ports of a Service with the node ports that it has, or that only the cluster knows."""
    if spec.get("type") not in ("NodePort", "LoadBalancer"):
        return spec.get("ports")
    had = {str(port.get("port")): port.get("nodePort") for port in _ports(state.get("spec"))}
    return [{"nodePort": had.get(str(port.get("port"))) or UNKNOWN, **port} for port in _ports(spec)]


def _pruned(live: Value, inputs: Value) -> Value:
    """What is there of what the inputs have, item by item in lists (pulumi-kubernetes: pruneLiveState)."""
    if isinstance(live, dict) and isinstance(inputs, dict):
        return {key: _pruned(live[key], value) for key, value in inputs.items() if key in live}
    if isinstance(live, list) and isinstance(inputs, list) and live and inputs:
        return [_pruned(*both) for both in zip(live, inputs, strict=False)]
    return live if inputs or not isinstance(live, list) else []


def _imported(live: Properties) -> Properties:
    """The inputs of an object that no program had: all of it but what only the server says."""
    about = {key: value for key, value in live["metadata"].items() if key != "uid"}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": about}


def _encoded(inputs: Properties) -> Value:
    given, strings = inputs.get("data") or {}, inputs.get("stringData") or {}
    if not isinstance(given, dict) or not isinstance(strings, dict):
        return UNKNOWN
    data: dict[str, Value] = dict(given)
    for key, value in strings.items():
        data[key] = UNKNOWN if has_unknown(value) else base64.b64encode(str(value).encode()).decode()
    return data


def _at(properties: Properties, path: str) -> Value:
    value: Value = properties
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _identifier(inputs: Properties) -> str:
    about = inputs["metadata"]
    return f"{about['namespace']}/{about['name']}" if about.get("namespace") else str(about["name"])


def _message(answer: Any) -> str:
    return str((answer.body or {}).get("message", answer.text))


def _accepted(answer: Any) -> Properties:
    if answer.status != 200:
        raise ProviderError(f"the cluster stand-in answered {answer.status}: {_message(answer)}")
    body: Properties = answer.body
    return body


def plugin() -> Plugin:
    """The plugin: every kind that the installed SDK knows."""
    made: dict[str, Manifest] = {}
    settings = Settings()

    def resource(token: str) -> Resource:
        if token not in made:
            made[token] = Manifest(token, settings)
        return made[token]

    return Plugin("kubernetes", metadata.version("pulumi-kubernetes"), settings.configure, resource)


def main() -> None:
    """Serves the plugin until the engine ends it."""
    run(plugin())
