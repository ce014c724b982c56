"""The stand-in for a Kubernetes API server: a store of objects, and a loopback HTTP endpoint.

It has no controllers, watches or pods, and of admission only `sandbox.admission`. It models these
parts, which the program can notice:

* Objects are found by apiVersion, kind, namespace and name; a second create is a conflict.
* Fields have owners, and an apply does not change fields of others (`sandbox.applying`).
* A Service gets a cluster address, and by its type node ports and a load balancer's address.
* A workload whose image cannot be pulled does not roll out, and its earlier pods keep running.
* Pods of a StatefulSet keep running until somebody deletes them.
* A Job whose images can be pulled is complete at once.

Statuses are those fields of kube-apiserver 1.35.4 and its controllers that appear below.
"""

import base64
import hashlib
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qsl, urlsplit

from sandbox import admission
from sandbox.answering import JsonHandler, JsonServer
from sandbox.applying import ConflictError, DuplicateItemError, Managed
from sandbox.edges import Manifest

CLUSTER: Final = "KONG_OAM_SANDBOX_CLUSTER"
"""The environment variable with the endpoint's address; `<variable>_<context>` for a kubeconfig
context with a separate cluster."""
PROGRAM: Final = "pulumi-kubernetes"
BY_HAND: Final = "kubectl-edit"
"""Field managers: for objects that come over HTTP, and for objects that a test or the sandbox
writes."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The key of an object; `namespace` is empty for cluster-wide kinds."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Manifest) -> "Key":
        """Return the key of `manifest`."""
        metadata = manifest.get("metadata", {})
        return cls(
            manifest["apiVersion"],
            manifest["kind"],
            metadata.get("namespace", ""),
            metadata["name"],
        )

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name} ({self.api_version})"


def address(context: str | None) -> str | None:
    """Return the address of a kubeconfig context's endpoint, from the environment."""
    return os.environ.get(f"{CLUSTER}_{context}", os.environ.get(CLUSTER))


Snapshot = Mapping[Key, tuple[Manifest, Managed]]
_NOTHING = Managed({})


class AlreadyExistsError(Exception):
    """An object of this key exists already (the API server's 409 AlreadyExists)."""


class NamespaceNotFoundError(Exception):
    """The object's namespace does not exist (the API server's 404 NotFound)."""


class InvalidObjectError(Exception):
    """The object cannot become that (the API server's 422 Invalid)."""


class Cluster:
    """The objects, in memory, and the endpoint `/objects` over them.

    The query `?apiVersion=&kind=&namespace=&name=` names an object:

    * GET returns it; without a name it lists, and with `managed=1` it shows the owners of fields.
    * POST creates it, or answers 409 if it exists.
    * PUT updates it as somebody does by hand.
    * PATCH applies it: 409 if another manager owns a field (unless `force=1`), 422 if a field is
      immutable. With `dryRun=1` nothing changes.
    * DELETE deletes it.

    An answer is the object, or `{"message": ...}` with 404 or 409. `balancer` is the address of
    load balancers. Tests set `unpullable` (images that no node can pull) and `nodes`. They also set
    `slow` (seconds until a Deployment's pods are ready) and `absent` (missing namespaces: a create
    there answers 404). GET `/nodes` and `/absent` list these. Each change calls `changed`.
    """

    def __init__(self, port: int = 0, balancer: str = "127.0.0.1") -> None:
        self._balancer = balancer
        self._objects: dict[Key, Manifest] = {}
        self._managed: dict[Key, Managed] = {}
        self._running: dict[Key, Manifest] = {}
        self.unpullable: set[str] = set()
        self.absent: set[str] = set()
        self.nodes: list[Manifest] = []
        self.slow = 0.0
        self.changed: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._addresses = self._node_ports = 0
        self._server = JsonServer(_Handler, self, port)

    @property
    def url(self) -> str:
        """The endpoint's address: "http://127.0.0.1:PORT"."""
        return self._server.url

    def start(self) -> Self:
        """Begin to serve."""
        self._server.start()
        return self

    def stop(self) -> None:
        """End serving and frees the port."""
        self._server.stop()

    def get(self, key: Key) -> Manifest | None:
        """Return a copy of the object at `key`."""
        with self._lock:
            return _copy(self._objects[key]) if key in self._objects else None

    def shown(self, key: Key) -> Manifest | None:
        """Return a copy of the object at `key` with its `managedFields`, as clients get it that do
        not leave them out."""
        manifest = self.get(key)
        if manifest is not None:
            with self._lock:
                manifest["metadata"]["managedFields"] = self._managed[
                    key
                ].listed(PROGRAM)
        return manifest

    def objects(
        self, kind: str | None = None, namespace: str | None = None
    ) -> list[Manifest]:
        """Return copies of all objects, in the order of their keys."""
        with self._lock:
            return [
                _copy(value)
                for key, value in sorted(
                    self._objects.items(), key=lambda item: item[0]
                )
                if kind in (None, key.kind)
                and namespace in (None, key.namespace)
            ]

    def running(
        self, namespace: str, name: str, kind: str = "Deployment"
    ) -> str | None:
        """Return the image that a workload's pods run: the image of its last version that rolled
        out."""
        with self._lock:
            workload = self._running.get(Key("apps/v1", kind, namespace, name))
            return str(_images(workload)[0]) if workload else None

    def put(self, manifest: Manifest) -> Manifest:
        """Store `manifest` as somebody does by hand. Return it with the server's additions."""
        there = self.get(Key.of(manifest))
        before = _given(there) if there else None
        return self._write(
            manifest,
            lambda managed: managed.edited(_given(manifest), BY_HAND, before),
        )

    def create(self, manifest: Manifest) -> Manifest:
        """Store a new object of the program's. Raises AlreadyExistsError."""

        def new(managed: Managed) -> Managed:
            if managed != _NOTHING:
                raise AlreadyExistsError(f"{Key.of(manifest)} already exists")
            return managed.edited(
                _folded(Managed(_given(manifest))).manifest, PROGRAM
            )

        return self._write(manifest, new)

    def apply(
        self, manifest: Manifest, force: bool = False, dry_run: bool = False
    ) -> Manifest:
        """Merge the program's fields into the object.

        Raises ConflictError (not with `force`) and InvalidObjectError.
        """

        def change(managed: Managed) -> Managed:
            new = managed.applied(_given(manifest), PROGRAM, force)
            if managed != _NOTHING and (
                reason := admission.refusal(managed.manifest, new.manifest)
            ):
                raise InvalidObjectError(
                    f"{Key.of(manifest)} is invalid: {reason}"
                )
            return new

        if dry_run:
            with self._lock:
                before = self._managed.get(Key.of(manifest), _NOTHING)
            return change(before).manifest
        return self._write(manifest, change)

    def delete(self, key: Key) -> bool:
        """Remove the object. Return False if it did not exist."""
        with self._lock:
            self._running.pop(key, None)
            self._managed.pop(key, None)
            deleted = self._objects.pop(key, None) is not None
        self.changed()
        return deleted

    def save(self) -> Snapshot:
        """Return all objects and who owns their fields, for `restore`."""
        with self._lock:
            return {
                key: (_copy(manifest), self._managed[key])
                for key, manifest in self._objects.items()
            }

    def restore(self, saved: Snapshot) -> None:
        """Restore these objects and no others. Addresses are never assigned twice."""
        with self._lock:
            self._objects = {
                key: _copy(manifest) for key, (manifest, _) in saved.items()
            }
            self._managed = {
                key: managed for key, (_, managed) in saved.items()
            }
            self._running = {
                key: manifest
                for key, manifest in self._objects.items()
                if key.kind in _STATUS
            }
            self.unpullable.clear()
            self.absent.clear()
            self.nodes.clear()
            self.slow = 0.0

    def __iter__(self) -> Iterator[Manifest]:
        return iter(self.objects())

    def _write(
        self, manifest: Manifest, change: Callable[[Managed], Managed]
    ) -> Manifest:
        key = Key.of(manifest)
        if key.namespace in self.absent:
            raise NamespaceNotFoundError(
                f'namespaces "{key.namespace}" not found'
            )
        if key.kind == "Namespace":
            self.absent.discard(key.name)
        with self._lock:
            self._managed[key] = managed = _folded(
                change(self._managed.get(key, _NOTHING))
            )
            self._objects[key] = new = self._completed(
                _copy(managed.manifest), self._objects.get(key)
            )
            made = _copy(new)
        self.changed()
        return made

    def _completed(self, manifest: Manifest, old: Manifest | None) -> Manifest:
        known = old or {}
        manifest["metadata"]["uid"] = known.get("metadata", {}).get(
            "uid"
        ) or str(uuid.uuid4())
        if (
            manifest["apiVersion"] in ("apps/v1", "batch/v1")
            and manifest["kind"] in _STATUS
        ):
            self._roll_out(manifest, known)
        if manifest["kind"] == "Service" and manifest["apiVersion"] == "v1":
            spec = manifest.setdefault("spec", {})
            if "clusterIP" not in spec:
                spec["clusterIP"] = (
                    known.get("spec", {}).get("clusterIP")
                    or self._next_address()
                )
            if spec.get("type") in ("NodePort", "LoadBalancer"):
                self._number_ports(spec, known.get("spec", {}))
            if spec.get("type") == "LoadBalancer":
                manifest["status"] = {
                    "loadBalancer": {"ingress": [{"ip": self._balancer}]}
                }
        return manifest

    def _roll_out(self, manifest: Manifest, known: Manifest) -> None:
        pulled = self.unpullable.isdisjoint(_images(manifest))
        manifest["status"] = _STATUS[manifest["kind"]](manifest, known, pulled)
        if pulled:
            self._running[Key.of(manifest)] = _copy(manifest)

    def _number_ports(self, spec: Manifest, known: Manifest) -> None:
        """Give each port without a node port its earlier node port, or the next free port."""
        had = {
            entry["port"]: entry.get("nodePort")
            for entry in known.get("ports", [])
        }
        for entry in spec.get("ports", []):
            if "nodePort" not in entry:
                entry["nodePort"] = (
                    had.get(entry["port"]) or self._next_node_port()
                )

    def _next_node_port(self) -> int:
        self._node_ports += 1
        return 30_000 + self._node_ports

    def _next_address(self) -> str:
        self._addresses += 1
        return f"10.96.{self._addresses // 250}.{self._addresses % 250 + 1}"


def _given(manifest: Manifest) -> Manifest:
    """Return the object without the fields that only the server sets."""
    stored = admission.stored(
        _copy(
            {key: value for key, value in manifest.items() if key != "status"}
        )
    )
    stored["metadata"].pop("uid", None)
    return stored


def _folded(managed: Managed) -> Managed:
    """Move a Secret's write-only `stringData` into `data`. The apply owns nothing there: a key that
    is no longer applied stays (kubernetes/kubernetes, server-side apply of stringData)."""
    manifest = managed.manifest
    if "stringData" not in manifest:
        return managed
    strings = {
        key: base64.b64encode(str(value).encode()).decode()
        for key, value in manifest["stringData"].items()
    }
    others = {
        key: value for key, value in manifest.items() if key != "stringData"
    }
    return Managed(
        {**others, "data": {**manifest.get("data", {}), **strings}},
        managed.owners,
    )


def _images(workload: Manifest) -> list[str]:
    return [
        container["image"]
        for container in workload["spec"]["template"]["spec"]["containers"]
    ]


def _deployment(_: Manifest, __: Manifest, pulled: bool) -> Manifest:
    reason = "NewReplicaSetAvailable" if pulled else "ProgressDeadlineExceeded"
    return {
        "conditions": [
            {"type": "Progressing", "status": str(pulled), "reason": reason}
        ]
    }


def _stateful_set(
    manifest: Manifest, known: Manifest, pulled: bool
) -> Manifest:
    template = json.dumps(manifest["spec"]["template"], sort_keys=True).encode()
    revision = f"{manifest['metadata']['name']}-{hashlib.sha256(template).hexdigest()[:10]}"
    before = known.get("status", {}).get("currentRevision", "")
    held = before and _keeps_pods(manifest["spec"].get("updateStrategy", {}))
    return {
        "updateRevision": revision,
        "currentRevision": revision if pulled and not held else before,
    }


def _keeps_pods(strategy: Manifest) -> bool:
    """Return whether pods of a StatefulSet's earlier version stay: all or some, until somebody
    deletes them."""
    return strategy.get("type") == "OnDelete" or bool(
        strategy.get("rollingUpdate", {}).get("partition")
    )


def _daemon_set(_: Manifest, __: Manifest, pulled: bool) -> Manifest:
    return {"desiredNumberScheduled": 1, "updatedNumberScheduled": int(pulled)}


def _job(_: Manifest, __: Manifest, pulled: bool) -> Manifest:
    return {"conditions": [{"type": "Complete", "status": str(pulled)}]}


_STATUS: Mapping[str, Callable[[Manifest, Manifest, bool], Manifest]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
}
"""The status of a workload by its kind, computed from the object, its earlier version, and whether
its images can be pulled."""


def _copy(manifest: Manifest) -> Manifest:
    copy: Manifest = json.loads(json.dumps(manifest))
    return copy


class _Handler(JsonHandler):
    owner: Cluster

    def do_GET(self) -> None:
        """One object, or all of them."""
        if self.path == "/nodes":
            self.answer(200, {"nodes": self.owner.nodes})
            return
        if self.path == "/absent":
            self.answer(200, {"namespaces": sorted(self.owner.absent)})
            return
        query = self._query()
        if "name" not in query:
            self.answer(200, {"objects": self.owner.objects()})
            return
        manifest = (self.owner.shown if "managed" in query else self.owner.get)(
            _key(query)
        )
        self.answer(200, manifest) if manifest else self.answer(
            404, {"message": f"{_key(query)} not found"}
        )

    def do_POST(self) -> None:
        """Create."""
        self._write(self.owner.create)

    def do_PUT(self) -> None:
        """A plain update."""
        self._write(self.owner.put)

    def do_PATCH(self) -> None:
        """Apply."""
        query = self._query()
        self._write(
            lambda manifest: self.owner.apply(
                manifest, force="force" in query, dry_run="dryRun" in query
            )
        )

    def do_DELETE(self) -> None:
        """Remove."""
        key = _key(self._query())
        removed = self.owner.delete(key)
        self.answer(200, {}) if removed else self.answer(
            404, {"message": f"{key} not found"}
        )

    def _write(self, write: Callable[[Manifest], Manifest]) -> None:
        manifest = json.loads(self.body())
        try:
            written = write(manifest)
            if (
                manifest["kind"] == "Deployment"
                and "dryRun" not in self._query()
            ):
                time.sleep(self.owner.slow)
            self.answer(200, written)
        except (AlreadyExistsError, ConflictError) as error:
            self.answer(409, {"message": str(error)})
        except InvalidObjectError as error:
            self.answer(422, {"message": str(error)})
        except NamespaceNotFoundError as error:
            self.answer(404, {"message": str(error)})
        except DuplicateItemError as error:
            self.answer(500, {"message": str(error)})

    def _query(self) -> dict[str, str]:
        return dict(
            parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
        )


def _key(query: dict[str, str]) -> Key:
    return Key(
        query["apiVersion"],
        query["kind"],
        query.get("namespace", ""),
        query["name"],
    )
