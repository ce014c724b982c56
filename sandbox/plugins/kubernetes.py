# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""The stand-in for the kubernetes plugin: any kind of the SDK, checked against the SDK's types,
kept in a store.

Kinds of other API groups are stored unchecked; that they are namespaced is a guess. Custom resource
definitions are not modelled. A Helm release is stored under a kind that no cluster has: its chart
is not read, and none of its objects exist.

Not modelled: the API server's defaults and its validation of names, quantities and selectors (but
see `sandbox.admission`). Nor are pods, their readiness (except workloads that do not roll out),
unbound claims of volumes, Kustomize, ConfigGroup, and the warnings of a preview. A patch creates a
missing object, and keeps it on deletion; its field ownership is not modelled.

The store is `sandbox.cluster`, found through the environment variable KONG_OAM_SANDBOX_CLUSTER or
its variant for the provider's context. The provider's kubeconfig is ignored.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterable
from importlib import metadata
from typing import Any
from urllib.parse import urlencode

from sandbox.cluster import CLUSTER, address
from sandbox.edges import Json
from sandbox.plugins import sdk
from sandbox.plugins.http import send
from sandbox.plugins.kubernetes_fields import IMMUTABLE, at, changed_containers
from sandbox.plugins.provider import (
    Difference,
    Found,
    Naming,
    NotReadyError,
    Plugin,
    ProviderError,
    Resource,
    run,
)
from sandbox.plugins.values import UNKNOWN, Properties, Value, has_unknown

AUTONAMED = "pulumi.com/autonamed"
# Kinds without a namespace, of those that a program of this kind may meet (kubectl api-resources
# --namespaced=false).
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
SKIP_AWAIT = "pulumi.com/skipAwait"
_RELEASE = "kubernetes:helm.sh/v3:Release"


class Settings:
    """The modelled part of the provider's configuration."""

    def __init__(self) -> None:
        self.secret_mutable = self.config_map_mutable = self.patch_force = False
        self.context: str | None = None

    def configure(self, arguments: Properties) -> None:
        """Take context, from the provider; enableSecretMutable, enableConfigMapMutable and
        enablePatchForce, from the provider or from the environment."""

        def flag(name: str, variable: str) -> bool:
            # The SDK encodes values that are no strings as JSON.
            return (
                str(arguments.get(name, os.environ.get(variable))).lower()
                == "true"
            )

        self.context = arguments.get("context")
        self.secret_mutable = flag(
            "enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"
        )
        self.config_map_mutable = flag(
            "enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"
        )
        self.patch_force = flag(
            "enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"
        )


class Manifest(Resource):
    """One kind, named by its token: `kubernetes:apps/v1:Deployment`."""

    def __init__(self, token: str, settings: Settings) -> None:
        self.token = token
        self._settings = settings
        _, group_version, kind = token.split(":")
        self._api_version = group_version.removeprefix("core/")
        self._is_custom = is_custom(self._api_version)
        self._is_patch = kind.endswith("Patch") and not self._is_custom
        self._kind = kind.removesuffix("Patch") if self._is_patch else kind
        if self._kind == "Secret":
            self.secrets = frozenset({"data", "stringData"})
        if not self._is_custom:
            sdk.inputs_of(token)

    def problems(self, inputs: Properties) -> Iterable[sdk.Problem]:
        """Return the errors by the SDK's types. Kinds outside the SDK are not checked."""
        return () if self._is_custom else super().problems(inputs)

    def check(
        self, news: Properties, olds: Properties, naming: Naming
    ) -> Properties:
        """Fill in apiVersion, kind, namespace, and a missing name (`NAME-8 hex digits`)."""
        metadata = (
            news.get("metadata")
            if isinstance(news.get("metadata"), dict)
            else {}
        )
        about: Json = dict(metadata or {})
        if "name" not in about and "generateName" not in about:
            before = olds.get("metadata", {})
            annotations = dict(about.get("annotations", {}))
            annotations[AUTONAMED] = "true"
            if before.get("annotations", {}).get(AUTONAMED) == "true":
                about["name"] = before["name"]
            else:
                digest = hashlib.sha256(
                    naming.seed + naming.name.encode()
                ).hexdigest()
                about["name"] = f"{naming.name}-{digest[:8]}"
            about["annotations"] = annotations
        if self._kind not in CLUSTER_SCOPED:
            about.setdefault("namespace", "default")
        return {
            "apiVersion": self._api_version,
            "kind": self._kind,
            **news,
            "metadata": about,
        }

    def differences(
        self, state: Properties, old_inputs: Properties, news: Properties
    ) -> Difference:
        """Return the differences from the last inputs. A changed identity or an immutable field
        replaces the object, and deletes it first if the name stays."""
        old_inputs = self._normalized(old_inputs)
        news = self._normalized(news)
        keys = old_inputs.keys() | news.keys()
        changed = {key for key in keys if old_inputs.get(key) != news.get(key)}
        moved = {
            path
            for path in ("metadata.name", "metadata.namespace")
            if at(old_inputs, path) != at(news, path)
        }
        replaced = moved | {
            path
            for path in self._immutable(news)
            if at(old_inputs, path) != at(news, path)
        }
        if self._kind == "Pod":
            replaced |= changed_containers(old_inputs, news)
        return Difference(
            frozenset(changed),
            frozenset(replaced),
            delete_first=bool(replaced) and not moved,
        )

    def _immutable(self, news: Properties) -> tuple[str, ...]:
        """Return the immutable fields, with the content of a Secret or ConfigMap unless the
        provider allows changes (pulumi-kubernetes: enableSecretMutable, enableConfigMapMutable)."""
        mutable = self._settings.config_map_mutable and not news.get(
            "immutable"
        )
        if self._is_custom or (self._kind == "ConfigMap" and mutable):
            return ()
        always = IMMUTABLE.get(self._kind, ())
        if self._kind == "Secret" and (
            not self._settings.secret_mutable or news.get("immutable")
        ):
            return (*always, "data")
        return always

    def planned(self, state: Properties, news: Properties) -> Properties:
        """Preview a create or an update. The server's additions are unknown for a new object. An
        existing object is applied as a dry run, which reports the errors of the real apply."""
        if state and not has_unknown(news):
            self._apply(news, {"dryRun": "1"})
        planned = self._normalized(news)
        if self._kind == "Service" and isinstance(news.get("spec"), dict):
            address = at(state, "spec.clusterIP") or UNKNOWN
            planned["spec"] = {
                "clusterIP": address,
                **news["spec"],
                "ports": _numbered(news["spec"], state),
            }
            if news["spec"].get("type") == "LoadBalancer":
                planned["status"] = state.get("status") or UNKNOWN
        return planned

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        if self._is_patch:
            return _identifier(inputs), self._apply(inputs, {})
        answer = _send(self._settings, "POST", {}, inputs)
        if answer.status == 409:
            raise ProviderError(
                f"resource {_identifier(inputs)} was not successfully created: {_message(answer)}"
            )
        return _identifier(inputs), self._ready(inputs, _accepted(answer))

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        """Return the object as it is now. Manual changes appear in state and inputs, and manual
        additions only in the state, as in the official plugin: nothing reverts them."""
        namespace, _, name = identifier.rpartition("/")
        answer = _send(
            self._settings,
            "GET",
            _address(self._api_version, self._kind, namespace, name),
        )
        if answer.status == 404:
            return None
        live = _accepted(answer)
        return Found(self._inputs_of(live, inputs), live)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        namespace, _, name = identifier.rpartition("/")
        if (
            _send(
                self._settings,
                "GET",
                _address(self._api_version, self._kind, namespace, name),
            ).status
            == 404
        ):
            raise ProviderError(f"{self._kind} {identifier} not found")
        return self._ready(news, self._apply(news, {}))

    def _apply(self, news: Properties, query: dict[str, str]) -> Properties:
        force = {"force": "1"} if self._settings.patch_force else {}
        answer = _send(self._settings, "PATCH", query | force, news)
        if answer.status == 409:
            raise ProviderError(
                f"server-side apply field conflict detected: {_message(answer)}"
            )
        return _accepted(answer)

    def _ready(self, inputs: Properties, live: Properties) -> Properties:
        """Return the object once its workload has rolled out or its Job is complete. The official
        plugin waits ten minutes by default."""
        annotations = inputs["metadata"].get("annotations") or {}
        reason = (
            ""
            if self._is_custom or annotations.get(SKIP_AWAIT) == "true"
            else _unready(self._kind, live)
        )
        if reason:
            problem = f"{self._kind} {_identifier(inputs)} was not rolled out: {reason}"
            raise NotReadyError(_identifier(inputs), inputs, live, problem)
        return live

    def delete(self, identifier: str, state: Properties) -> None:
        """Delete the object; a missing object counts as deleted, as in the official plugin."""
        if self._is_patch:
            return
        namespace, _, name = identifier.rpartition("/")
        answer = _send(
            self._settings,
            "DELETE",
            _address(self._api_version, self._kind, namespace, name),
        )
        if answer.status != 404:
            _accepted(answer)

    def _normalized(self, inputs: Properties) -> Properties:
        """With `stringData` as the `data` that it becomes (pulumi-kubernetes:
        clients.Normalize)."""
        if self._kind != "Secret" or not (
            "data" in inputs or "stringData" in inputs
        ):
            return dict(inputs)
        return {
            **{
                key: value
                for key, value in inputs.items()
                if key != "stringData"
            },
            "data": _encoded(inputs),
        }

    def _inputs_of(self, live: Properties, inputs: Properties) -> Properties:
        inputs_of = {
            key: value for key, value in inputs.items() if key != "stringData"
        }
        if self._kind == "Secret" and "stringData" in inputs:
            if _pruned(live.get("data"), _encoded(inputs)) == _encoded(inputs):
                return {
                    **_pruned(live, inputs_of),
                    "stringData": inputs["stringData"],
                }
            inputs_of["data"] = _encoded(inputs)
        return _pruned(live, inputs_of) if inputs else _imported(live)


class Release(Resource):
    """A Helm release: its inputs, stored as an object, with the status that the official plugin
    gives an installed release. Its `check` (defaults of all inputs, the chart's newest version)
    is not modelled."""

    token = _RELEASE
    replaces = frozenset({"name", "namespace"})

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        return self._apply("POST", inputs)

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        namespace, _, name = identifier.rpartition("/")
        answer = _send(
            self._settings,
            "GET",
            _address("helm.sh/v3", "Release", namespace, name),
        )
        if answer.status == 404:
            return None
        spec = _accepted(answer)["spec"]
        return Found(spec, {**spec, "status": state.get("status")})

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        return self._apply("PUT", news)[1]

    def delete(self, identifier: str, state: Properties) -> None:
        namespace, _, name = identifier.rpartition("/")
        _accepted(
            _send(
                self._settings,
                "DELETE",
                _address("helm.sh/v3", "Release", namespace, name),
            )
        )

    def _apply(self, method: str, inputs: Properties) -> tuple[str, Properties]:
        about = {"name": inputs["name"], "namespace": inputs["namespace"]}
        kept = {
            "apiVersion": "helm.sh/v3",
            "kind": "Release",
            "metadata": about,
            "spec": inputs,
        }
        _accepted(_send(self._settings, method, {}, kept))
        status = {
            **about,
            "status": "deployed",
            "version": inputs.get("version"),
        }
        return f"{about['namespace']}/{about['name']}", {
            **inputs,
            "status": status,
        }


def is_custom(api_version: str) -> bool:
    """Return whether an API version belongs to a group outside Kubernetes."""
    group = api_version.partition("/")[0] if "/" in api_version else ""
    return "." in group and not re.fullmatch(
        r"[a-z]+(\.authorization|\.apiserver)?\.k8s\.io", group
    )


def _unready(kind: str, live: Properties) -> str:
    """Return the reason why a workload is not ready; empty if it is ready, or its kind is not
    waited for."""
    status: Any = live.get("status")
    by_hand = (
        (live["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"
        if kind == "StatefulSet"
        else False
    )
    if (
        kind == "StatefulSet"
        and status["currentRevision"] != status["updateRevision"]
        and not by_hand
    ):
        return "not all pods are of its revision"
    if (
        kind == "DaemonSet"
        and status["updatedNumberScheduled"] < status["desiredNumberScheduled"]
    ):
        return "not all pods are of its revision"
    for condition in (
        status["conditions"] if kind in ("Deployment", "Job") and status else ()
    ):
        if (
            condition["type"] == "Progressing"
            and condition["reason"] != "NewReplicaSetAvailable"
        ):
            return str(condition["reason"])
        if condition["type"] == "Complete" and condition["status"] != "True":
            return "it is not complete"
    return ""


def _address(
    api_version: str, kind: str, namespace: str, name: str
) -> dict[str, str]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "namespace": namespace,
        "name": name,
    }


def _send(
    settings: Settings, method: str, query: dict[str, str], body: Value = None
) -> Any:
    url = address(settings.context)
    if not url:
        raise ProviderError(
            f"the stand-in for kubernetes needs a running sandbox: {CLUSTER} is not set"
        )
    return send(url, method, f"/objects?{urlencode(query)}", body)


def _ports(spec: Value) -> list[Properties]:
    ports = spec.get("ports") if isinstance(spec, dict) else None
    return (
        [port for port in ports if isinstance(port, dict)]
        if isinstance(ports, list)
        else []
    )


def _numbered(spec: Properties, state: Properties) -> Value:
    """Return the ports of a Service with the node ports that it has, or that only the cluster
    knows."""
    if spec.get("type") not in ("NodePort", "LoadBalancer"):
        return spec.get("ports")
    had = {
        str(port.get("port")): port.get("nodePort")
        for port in _ports(state.get("spec"))
    }
    return [
        {"nodePort": had.get(str(port.get("port"))) or UNKNOWN, **port}
        for port in _ports(spec)
    ]


def _pruned(live: Value, inputs: Value) -> Value:
    """Return the live values of the fields in the inputs, item by item in lists (pulumi-kubernetes:
    pruneLiveState)."""
    if isinstance(live, dict) and isinstance(inputs, dict):
        return {
            key: _pruned(live[key], value)
            for key, value in inputs.items()
            if key in live
        }
    if isinstance(live, list) and isinstance(inputs, list) and live and inputs:
        return [_pruned(*both) for both in zip(live, inputs, strict=False)]
    return live if inputs or not isinstance(live, list) else []


def _imported(live: Properties) -> Properties:
    """Return the inputs of an imported object: all of it without the fields that only the server
    sets."""
    about = {
        key: value for key, value in live["metadata"].items() if key != "uid"
    }
    return {
        **{key: value for key, value in live.items() if key != "status"},
        "metadata": about,
    }


def _encoded(inputs: Properties) -> Value:
    encoded = inputs.get("data") or {}
    strings = inputs.get("stringData") or {}
    if not isinstance(encoded, dict) or not isinstance(strings, dict):
        return UNKNOWN
    data: dict[str, Value] = dict(encoded)
    for key, value in strings.items():
        data[key] = (
            UNKNOWN
            if has_unknown(value)
            else base64.b64encode(str(value).encode()).decode()
        )
    return data


def _identifier(inputs: Properties) -> str:
    about = inputs["metadata"]
    return (
        f"{about['namespace']}/{about['name']}"
        if about.get("namespace")
        else str(about["name"])
    )


def _message(answer: Any) -> str:
    return str((answer.body or {}).get("message", answer.text))


def _accepted(answer: Any) -> Properties:
    if answer.status != 200:
        raise ProviderError(
            f"the cluster stand-in answered {answer.status}: {_message(answer)}"
        )
    body: Properties = answer.body
    return body


def plugin() -> Plugin:
    """Return the plugin: every kind that the installed SDK knows, every kind of other API groups,
    and Helm releases."""
    made: dict[str, Resource] = {}
    settings = Settings()

    def resource(token: str) -> Resource:
        if token not in made:
            made[token] = (
                Release(settings)
                if token == _RELEASE
                else Manifest(token, settings)
            )
        return made[token]

    return Plugin(
        "kubernetes",
        metadata.version("pulumi-kubernetes"),
        settings.configure,
        resource,
    )


def main() -> None:
    """Serve the plugin until the engine ends it."""
    run(plugin())
