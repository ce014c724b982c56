"""A real Kubernetes API server on loopback for one run: etcd, kube-apiserver and
kube-controller-manager.

    with Kubernetes(programs.folder()) as cluster:
        cluster.kubectl("get", "namespaces")

The API is real, with its admission, defaults, field managers and garbage collection. The
controllers of namespaces, workloads, autoscalers, claims of volumes, ServiceAccounts and Endpoints
are real too. There are no nodes, and no image ever runs. A stand-in for a node reports every pod as
ready (`slow` seconds after its creation), or a Job's pod as succeeded. There are no metrics, so an
autoscaler only keeps its least and most replicas.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from sandbox.local import RealCluster
from sandbox.server import Server, free_port
from tests.support.json_object import JsonObject
from tests.support.official import programs

Object = JsonObject
CONTEXT: Final = "official-tests"
_KEY, _TOKENS, _AUDIT = "service-accounts.key", "tokens.csv", "audit.yaml"
_READY: Final = 60.0  # seconds; 4 to 6 measured on two cores
_PATHS: Final = {
    "ConfigMap": "/api/v1/configmaps",
    "CronJob": "/apis/batch/v1/cronjobs",
    "DaemonSet": "/apis/apps/v1/daemonsets",
    "Deployment": "/apis/apps/v1/deployments",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/horizontalpodautoscalers",
    "Ingress": "/apis/networking.k8s.io/v1/ingresses",
    "Job": "/apis/batch/v1/jobs",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/networkpolicies",
    "PersistentVolumeClaim": "/api/v1/persistentvolumeclaims",
    "Pod": "/api/v1/pods",
    "PodDisruptionBudget": "/apis/policy/v1/poddisruptionbudgets",
    "ReplicaSet": "/apis/apps/v1/replicasets",
    "ReplicationController": "/api/v1/replicationcontrollers",
    "Role": "/apis/rbac.authorization.k8s.io/v1/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "Secret": "/api/v1/secrets",
    "Service": "/api/v1/services",
    "ServiceAccount": "/api/v1/serviceaccounts",
    "StatefulSet": "/apis/apps/v1/statefulsets",
}
_CONTROLLERS: Final = (
    "garbage-collector-controller",
    "namespace-controller",
    "deployment-controller",
    "replicaset-controller",
    "replicationcontroller-controller",
    "statefulset-controller",
    "daemonset-controller",
    "job-controller",
    "cronjob-controller",
    "horizontal-pod-autoscaler-controller",
    "disruption-controller",
    "persistentvolume-binder-controller",
    "persistentvolumeclaim-protection-controller",
    "persistentvolume-protection-controller",
    "serviceaccount-controller",
    "endpoints-controller",  # the plugin waits for a Service's endpoints
)
_POLICY: Final = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  verbs: [get, list, watch]
- level: Metadata
"""


@dataclass(frozen=True, slots=True)
class Written:
    """A write that the API server accepted, by its audit log: `resource` is "Kind namespace/name" in the API's plurals."""

    verb: str
    resource: str


class Kubernetes:
    """One API server. A context manager. `url` is its address, `kubeconfig` the file with access to
    it.

    `folder` is the folder of `tests.support.official.programs`. Raises RuntimeError where a program
    does not start.
    """

    def __init__(self, folder: Path) -> None:
        self._programs = folder
        self._folder = Path()
        self._started: list[Server] = []
        self._token = secrets.token_urlsafe(24)
        self._tls = ssl.create_default_context()
        self._ended = threading.Event()
        self._nodes = threading.Thread(target=self._ready_pods, daemon=True)
        self.slow = 0.0
        self.node_address = "192.0.2.77"
        self.url = ""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="kong-oam-kubernetes-"))
        try:
            self._start()
            self._nodes.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    @property
    def kubeconfig(self) -> Path:
        return self._folder / "kubeconfig"

    def as_cluster(self) -> RealCluster:
        """Return this server as a cluster for `sandbox.local.Local`."""
        return RealCluster(
            self._programs, {"KUBECONFIG": str(self.kubeconfig)}, self.objects
        )

    def objects(self, kind: str) -> list[Object]:
        """Return all objects of a kind, except the server's own objects."""
        items: list[Object] = self.ask("GET", _PATHS[kind])["items"]
        return [
            {"kind": kind, **item}
            for item in items
            if not item["metadata"]["namespace"].startswith("kube-")
            and item["metadata"]["name"] not in _SERVERS
        ]

    def kubectl(self, *arguments: str) -> str:
        """Return the output of the real kubectl. Raises CalledProcessError, with its errors as a
        note."""
        command = [
            str(self._programs / "kubectl"),
            f"--kubeconfig={self.kubeconfig}",
            *arguments,
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            failed = subprocess.CalledProcessError(
                done.returncode, command, done.stdout, done.stderr
            )
            failed.add_note(done.stderr)
            raise failed
        return done.stdout

    def written(self) -> list[Written]:
        """Return every accepted write, without controllers' and the stand-in nodes'."""
        found = []
        for line in (
            (self._folder / "audit.log").read_text("utf-8").splitlines()
        ):
            with contextlib.suppress(
                json.JSONDecodeError
            ):  # the last line may be incomplete
                event = json.loads(line)
                agent = event.get("userAgent", "")
                if event["responseStatus"][
                    "code"
                ] < 300 and not agent.startswith(("kube-", _NODES)):
                    about = event["objectRef"]
                    where = (
                        f"{about.get('namespace', '')}/{about.get('name', '')}"
                    )
                    if "dryRun" not in event["requestURI"]:
                        found.append(
                            Written(
                                event["verb"], f"{about['resource']} {where}"
                            )
                        )
        return found

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request, and return the JSON of its answer. Raises urllib.error.HTTPError for an
        error status."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "User-Agent": _NODES,
        }
        if body is not None:
            headers["Content-Type"] = (
                "application/merge-patch+json"
                if method == "PATCH"
                else "application/json"
            )
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}{path}", data, headers, method=method
        )
        with urllib.request.urlopen(
            request, timeout=20, context=self._tls
        ) as answer:
            return json.loads(answer.read())

    def _start(self) -> None:
        data, peers, port = (free_port() for _ in range(3))
        self.url = f"https://127.0.0.1:{port}"
        (self._folder / _KEY).write_bytes(programs.private_key())
        (self._folder / _TOKENS).write_text(
            f'{self._token},admin,admin,"system:masters"\n'
        )
        (self._folder / _AUDIT).write_text(_POLICY)
        store = f"http://127.0.0.1:{data}"
        self._run(
            "etcd", _store(self._folder, store, f"http://127.0.0.1:{peers}")
        )
        self._run("kube-apiserver", _api(self._folder, store, port))
        self._await(
            lambda: (self._folder / "tls" / "apiserver.crt").exists(),
            "has no certificate",
        )
        authority = self._folder / "tls" / "apiserver.crt"
        self._tls = ssl.create_default_context(cafile=str(authority))
        self._tls.check_hostname = False
        self.kubeconfig.write_text(
            json.dumps(
                _kubeconfig(self.url, authority.read_bytes(), self._token)
            )
        )
        self._await(self._is_ready, "is not ready")
        self.ask("POST", "/api/v1/nodes", {"metadata": {"name": _NODES}})
        addresses = [{"type": "InternalIP", "address": self.node_address}]
        ready = [{"type": "Ready", "status": "True"}]
        self.ask(
            "PATCH",
            f"/api/v1/nodes/{_NODES}/status",
            {"status": {"addresses": addresses, "conditions": ready}},
        )
        self.ask(
            "PATCH", f"/api/v1/nodes/{_NODES}", {"spec": {"taints": None}}
        )  # Every new node has this taint.
        self._run("kube-controller-manager", _controllers(self._folder))
        self._await(self._has_default_account, "has no controllers")

    def _run(self, program: str, flags: Mapping[str, object]) -> None:
        command = [
            str(self._programs / program),
            *(f"--{name}={value}" for name, value in flags.items()),
        ]
        self._started.append(
            Server(command, self._folder, self._folder / f"{program}.log")
        )

    def _await(self, there: Callable[[], bool], problem: str) -> None:
        until = time.monotonic() + _READY
        while time.monotonic() < until and all(
            server.status is None for server in self._started
        ):
            with contextlib.suppress(OSError, urllib.error.URLError):
                if there():
                    return
            time.sleep(0.1)
        logs = "\n".join(server.log[-1500:] for server in self._started)
        raise RuntimeError(f"the API server {problem}:\n{logs}")

    def _is_ready(self) -> bool:
        self.ask("GET", "/api/v1/namespaces/default")
        return True

    def _has_default_account(self) -> bool:
        return bool(
            self.ask("GET", "/api/v1/namespaces/default/serviceaccounts")[
                "items"
            ]
        )

    def passes(self, connections: Iterable[tuple[str, str, int]]) -> list[bool]:
        """Return whether NetworkPolicies allow each connection, from an address to an address and
        port. kube-network-policies judges the objects of this server."""
        lines = "".join(
            f"{source} {destination} {port}\n"
            for source, destination, port in connections
        )
        command = [str(self._programs / programs.JUDGE), str(self.kubeconfig)]
        done = subprocess.run(
            command,
            input=lines,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return [
            {"true": True, "false": False}[line] for line in done.stdout.split()
        ]

    def _ready_pods(self) -> None:
        """Stand in for nodes: take every pod, report it as ready, and let it go."""
        seen: dict[str, tuple[int, float]] = {}
        while not self._ended.wait(0.1):
            with contextlib.suppress(OSError, urllib.error.URLError):
                for pod in self.ask("GET", _PATHS["Pod"])["items"]:
                    number, first = seen.setdefault(
                        pod["metadata"]["uid"], (len(seen), time.monotonic())
                    )
                    self._run_pod(
                        pod, time.monotonic() - first >= self.slow, number
                    )

    def _run_pod(self, pod: Object, ready: bool, number: int) -> None:
        about = pod["metadata"]
        path = f"/api/v1/namespaces/{about['namespace']}/pods/{about['name']}"
        if "deletionTimestamp" in about:
            self.ask("DELETE", path, {"gracePeriodSeconds": 0})
            return
        if "nodeName" not in pod["spec"]:
            self.ask(
                "POST",
                f"{path}/binding",
                {
                    "metadata": {"name": about["name"]},
                    "target": {"name": _NODES},
                },
            )
        if ready and "podIP" not in pod["status"]:
            ends = pod["spec"]["restartPolicy"] != "Always"
            self.ask(
                "PATCH", f"{path}/status", {"status": _status(number, ends)}
            )

    def _end(self) -> None:
        self._ended.set()
        if self._nodes.ident is not None:
            self._nodes.join()
        for server in reversed(self._started):
            server.end()
        if self._folder != Path():
            shutil.rmtree(self._folder, ignore_errors=True)


_NODES: Final = "stand-in-nodes"
_SERVERS: Final = frozenset({"kubernetes", "default"})
"""Objects of the server itself: its own Service, and the ServiceAccount of each
namespace."""


_BEGUN: Final = ("PodScheduled", "Initialized")
"""Conditions of a pod, also after its end."""


def _store(folder: Path, clients: str, peers: str) -> Mapping[str, object]:
    return {
        "data-dir": folder / "etcd",
        "unsafe-no-fsync": "true",
        "log-level": "error",
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"default={peers}",
    }


def _api(folder: Path, store: str, port: int) -> Mapping[str, object]:
    return {
        "etcd-servers": store,
        "bind-address": "127.0.0.1",
        "secure-port": port,
        "cert-dir": folder / "tls",
        "token-auth-file": folder / _TOKENS,
        "authorization-mode": "AlwaysAllow",
        "endpoint-reconciler-type": "none",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": folder / _KEY,
        "service-account-signing-key-file": folder / _KEY,
        "service-cluster-ip-range": "10.0.0.0/16",
        "audit-log-path": folder / "audit.log",
        "audit-policy-file": folder / _AUDIT,
    }


def _controllers(folder: Path) -> Mapping[str, object]:
    return {
        "kubeconfig": folder / "kubeconfig",
        "controllers": ",".join(_CONTROLLERS),
        "leader-elect": "false",
        "secure-port": 0,
        "service-account-private-key-file": folder / _KEY,
    }


def _status(number: int, ends: bool) -> Object:
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    conditions = [
        {
            "type": kind,
            "status": str(kind in _BEGUN or not ends),
            "lastTransitionTime": then,
        }
        for kind in (*_BEGUN, "ContainersReady", "Ready")
    ]
    address = f"10.1.{number // 250}.{number % 250 + 1}"
    phase = "Succeeded" if ends else "Running"
    return {
        "phase": phase,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": conditions,
    }


def _kubeconfig(url: str, authority: bytes, token: str) -> Object:
    cluster = {
        "server": url,
        "certificate-authority-data": base64.b64encode(authority).decode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXT,
        "contexts": [
            {"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}
        ],
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": CONTEXT, "user": {"token": token}}],
    }
