"""Convert the properties of a webservice or worker to a Deployment and Services, as dicts.

Pure functions; the same workload always gives the same objects. They equal the offline rendering of
KubeVela's `webservice`, `worker` and `gateway` definitions (v1.11), with these differences:

* The pods have their own ServiceAccount, and a NetworkPolicy that admits only the gateway (see
  `manifests`).
* The result has no Ingress, and no annotation that a gateway or an ingress controller reads.
* Two Services of one name (KubeVela's issue 3180) become one Service with the ports of both.
* Volumes of the deprecated `volumes` have unique names, and empty annotations are omitted.
* Container ports, pull secrets and addresses of `hostAliases` are unique. An API server accepts
  duplicates in a creation, and rejects every later apply.

`properties` must satisfy the component type's JSON Schema in `oam/schemas/`; it is not checked
again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypedDict

from kong_oam.oam.position import Fields, Path
from kong_oam.objects.manifests import (
    Workload,
    auxiliary,
    object_metadata,
    service_name,
)
from kong_oam.objects.pods import Manifest
from kong_oam.objects.selection import APPLICATION, COMPONENT

PROBES = ("livenessProbe", "readinessProbe")
# The kinds of `volumeMounts`, in the order of their volumes.
_VOLUME_KINDS = ("pvc", "configMap", "secret", "emptyDir", "hostPath")

_CONTAINER_FIELDS = {
    "imagePullPolicy": "imagePullPolicy",
    "cmd": "command",
    "args": "args",
    "env": "env",
}

_PROBE_DEFAULTS = {
    "initialDelaySeconds": 0,
    "periodSeconds": 10,
    "timeoutSeconds": 1,
    "successThreshold": 1,
    "failureThreshold": 3,
}


class _Port(TypedDict, total=False):
    """A port in the properties of a webservice."""

    port: int
    containerPort: int
    nodePort: int
    protocol: str
    name: str


class _Mount(TypedDict, total=False):
    """An item of `volumeMounts` or `volumes`. Its fields depend on its kind."""

    name: str
    claimName: str
    cmName: str
    secretName: str
    path: str
    medium: str
    defaultMode: int
    items: list[Fields]


def deployment(w: Workload) -> Manifest:
    """Return the Deployment, without `replicas` (Kubernetes' default is 1)."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": object_metadata(
            w,
            w.component,
            {"resourceType": "WORKLOAD"},
            {"workload.oam.dev/type": w.type},
        ),
        "spec": {
            "selector": {"matchLabels": {COMPONENT: w.component}},
            "template": {"metadata": _pod_metadata(w), "spec": _pod(w)},
        },
    }


def services(w: Workload) -> tuple[Manifest, ...]:
    """Return the Services: one for the ports with `expose: true`, and one for each gateway trait.
    Services of one name are merged.

    A worker has none. A port that is exposed and in a gateway trait uses its `containerPort`. A
    gateway trait alone uses one number for both ports.
    """
    by_name = {}
    exposed = [
        _exposed_port(port, w.properties)
        for port in w.properties.get("ports", ())
        if port.get("expose")
    ]
    if exposed:
        service = _service(
            w, w.component, "AuxiliaryWorkload", "webserviceExpose", exposed
        )
        service["spec"]["type"] = w.properties.get("exposeType", "ClusterIP")
        by_name[w.component] = service
    for exposure in w.exposures if w.type != "worker" else ():
        name = service_name(w.component, exposure.name)
        key = f"service-{exposure.name}" if exposure.name else "service"
        service = by_name.setdefault(
            name, _service(w, name, "gateway", key, [])
        )
        ports = service["spec"]["ports"]
        for port in exposure.ports:
            if not any(_is_tcp(entry, port) for entry in ports):
                ports.append(
                    {"name": f"port-{port}", "port": port, "targetPort": port}
                )
    return tuple(by_name.values())


def host_aliases(aliases: Iterable[Fields]) -> list[Manifest]:
    """Return the `hostAliases` of a pod, with all names of an address in one entry."""
    by_address = defaultdict(list)
    for alias in aliases:
        by_address[alias["ip"]].extend(alias["hostnames"])
    return [
        {"ip": address, "hostnames": names}
        for address, names in by_address.items()
    ]


def _is_tcp(entry: Manifest, port: int) -> bool:
    return bool(entry["port"] == port and entry.get("protocol", "TCP") == "TCP")


def _service(
    w: Workload, name: str, trait: str, key: str, ports: list[Manifest]
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": auxiliary(w, name, trait, key),
        "spec": {"selector": {COMPONENT: w.component}, "ports": ports},
    }


def _exposed_port(port: _Port, properties: Fields) -> Manifest:
    entry: Manifest = {
        "name": _port_name(port),
        "port": int(port["port"]),
        "targetPort": _container_port(port),
        "protocol": port.get("protocol", "TCP"),
    }
    if "nodePort" in port and properties.get("exposeType") == "NodePort":
        entry["nodePort"] = port["nodePort"]
    return entry


def _container_port(port: _Port) -> int:
    # JSON Schema accepts 8080.0 as an integer; convert it, since it becomes part of the port's
    # name.
    return int(port.get("containerPort", port["port"]))


def _port_name(port: _Port) -> str:
    protocol = port.get("protocol", "TCP")
    suffix = "" if protocol == "TCP" else f"-{protocol.lower()}"
    return port.get("name") or f"port-{_container_port(port)}{suffix}"


def _pod_metadata(w: Workload) -> Manifest:
    labels = dict(w.properties.get("labels", {}))
    if w.properties.get("addRevisionLabel"):
        labels["app.oam.dev/revision"] = ""
    # Set these labels last, so that the component's own labels cannot replace them.
    metadata: Manifest = {
        "labels": labels | {APPLICATION: w.application, COMPONENT: w.component}
    }
    if "annotations" in w.properties:
        metadata["annotations"] = w.properties["annotations"]
    return metadata


def _pod(w: Workload) -> Manifest:
    properties = w.properties
    pod: Manifest = {
        "serviceAccountName": w.component,
        "containers": [_container(w)],
    }
    if "hostAliases" in properties:
        pod["hostAliases"] = host_aliases(properties["hostAliases"])
    if "imagePullSecrets" in properties:
        secrets = dict.fromkeys(properties["imagePullSecrets"])
        pod["imagePullSecrets"] = [{"name": secret} for secret in secrets]
    mounted = mounts(properties)
    if mounted is not None:
        pod["volumes"] = _volumes(mounted)
    return pod


def _container(w: Workload) -> Manifest:
    properties = w.properties
    container = {"name": w.component, "image": properties["image"]}
    for ours, theirs in _CONTAINER_FIELDS.items():
        if ours in properties:
            container[theirs] = properties[ours]
    if "ports" in properties:
        container["ports"] = _container_ports(properties["ports"])
    elif "port" in properties:
        container["ports"] = [{"containerPort": properties["port"]}]
    if resources := _resources(properties):
        container["resources"] = resources
    mounted = mounts(properties)
    if mounted is not None:
        container["volumeMounts"] = [
            _volume_mount(mount) for _, _, mount in mounted
        ]
    for probe in PROBES:
        if probe in properties:
            container[probe] = _PROBE_DEFAULTS | dict(properties[probe])
    return container


def _volume_mount(mount: Fields) -> Manifest:
    fields = ("name", "mountPath", "subPath")
    return {field: mount[field] for field in fields if field in mount}


def _container_ports(ports: Iterable[_Port]) -> list[Manifest]:
    """Return the container's ports. Several entries with one number differ only in the Service, so
    keep the first."""
    by_number: dict[tuple[int, str], Manifest] = {}
    for port in ports:
        number = _container_port(port)
        protocol = port.get("protocol", "TCP")
        entry = {
            "containerPort": number,
            "name": _port_name(port),
            "protocol": protocol,
        }
        by_number.setdefault((number, protocol), entry)
    return list(by_number.values())


def _resources(properties: Fields) -> Manifest:
    requests = {
        kind: properties[kind]
        for kind in ("cpu", "memory")
        if kind in properties
    }
    limits = {
        kind: properties.get("limit", {}).get(kind, amount)
        for kind, amount in requests.items()
    }
    return {"requests": requests, "limits": limits} if requests else {}


def mounts(properties: Fields) -> list[tuple[Path, str, _Mount]] | None:
    """Return each mount with its path in the properties and its kind, in KubeVela's order. None:
    nothing is mounted."""
    if "volumeMounts" in properties:
        mounted: list[tuple[Path, str, _Mount]] = []
        for kind in _VOLUME_KINDS:
            of_kind = properties["volumeMounts"].get(kind, ())
            for index, mount in enumerate(of_kind):
                mounted.append((("volumeMounts", kind, index), kind, mount))
        return mounted
    if "volumes" not in properties:
        return None
    return [
        (("volumes", index), volume.get("type", "emptyDir"), volume)
        for index, volume in enumerate(properties["volumes"])
    ]


def _volumes(mounted: Iterable[tuple[Path, str, _Mount]]) -> list[Manifest]:
    volumes: dict[str, Manifest] = {}
    for _, kind, mount in mounted:
        name = mount["name"]
        volumes.setdefault(name, {"name": name} | _source(kind, mount))
    return list(volumes.values())


def _source(kind: str, mount: _Mount) -> Manifest:
    match kind:
        case "pvc":
            return {"persistentVolumeClaim": {"claimName": mount["claimName"]}}
        case "configMap":
            return {"configMap": {"name": mount["cmName"]} | _files(mount)}
        case "secret":
            return {
                "secret": {"secretName": mount["secretName"]} | _files(mount)
            }
        case "hostPath":
            return {"hostPath": {"path": mount["path"]}}
        case _:
            return {"emptyDir": {"medium": mount.get("medium", "")}}


def _files(mount: _Mount) -> Manifest:
    files: Manifest = {"defaultMode": mount.get("defaultMode", 0o644)}
    if "items" in mount:
        files["items"] = [
            {"mode": 0o777} | dict(item) for item in mount["items"]
        ]
    return files
