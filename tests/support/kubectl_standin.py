"""A stand-in for `kubectl` and a cluster that has one Secret and some pods.

It keeps objects in files of a folder. `replace` compares `resourceVersion` as an API server does,
and `port-forward` leads to the address in the pod's annotation ADDRESS.

It knows the commands that `kong_oam.kong.dbless` runs: get secrets, get pods, create, replace, and
port-forward.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # The program itself starts faster without it.
    import pytest

FOLDER = "KUBECTL_STANDIN"
ADDRESS = "address"
_CONFLICT = (
    'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on '
    'secrets "{}": the object has been modified; please apply your changes to the latest version '
    "and try again"
)


@dataclass(frozen=True, slots=True)
class ClusterStandIn:
    """The objects in a folder, for tests."""

    folder: Path

    @property
    def secret(self) -> Any:
        """The Secret, or None."""
        file = self.folder / "secret"
        return json.loads(file.read_text("utf-8")) if file.exists() else None

    def write(self, secret: Any) -> None:
        """Replace the Secret, as somebody does by hand."""
        before = self.secret or {"metadata": {"resourceVersion": "0"}}
        version = int(before["metadata"]["resourceVersion"]) + 1
        secret["metadata"]["resourceVersion"] = str(version)
        (self.folder / "secret").write_text(json.dumps(secret), "utf-8")

    def put(self, pods: Sequence[Any]) -> None:
        """Replace all pods."""
        (self.folder / "pods").write_text(json.dumps(pods), "utf-8")

    def pods(self) -> list[Any]:
        """Return all pods."""
        file = self.folder / "pods"
        return [*json.loads(file.read_text("utf-8"))] if file.exists() else []

    def forwards(self) -> list[int]:
        """Return the process ids of all forwards, also of those that ended."""
        file = self.folder / "forwards"
        return [*map(int, file.read_text().split())] if file.exists() else []

    def calls(self) -> list[list[str]]:
        """Return the arguments of each call."""
        file = self.folder / "calls"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]


def pod(name: str, url: str = "", phase: str = "Running", **about: str) -> Any:
    """Return a pod of Kong. `url`: its Admin API. `about`: further metadata."""
    return {
        "metadata": {
            "name": name,
            "namespace": "kong",
            "labels": {"app": "kong", "pod": name},
            "annotations": {ADDRESS: url.removeprefix("http://")},
            **about,
        },
        "spec": {"nodeName": "machine"},
        "status": {"phase": phase},
    }


def installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ClusterStandIn:
    """Return an empty cluster, with this `kubectl` on PATH."""
    folder, program = tmp_path / "cluster", tmp_path / "bin" / "kubectl"
    folder.mkdir()
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} -IS {__file__} "$@"\n', "utf-8"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv(FOLDER, str(folder))
    return ClusterStandIn(folder)


def main(arguments: Sequence[str]) -> int:
    """Run the command."""
    cluster = ClusterStandIn(Path(os.environ[FOLDER]))
    with (cluster.folder / "calls").open("a") as calls:
        calls.write(json.dumps(arguments) + "\n")
    words = [word for word in arguments if not word.startswith("--")]
    options = dict(
        word.removeprefix("--").partition("=")[::2]
        for word in arguments
        if word.startswith("--")
    )
    match words:
        case ["get", "secrets", name]:
            secret = cluster.secret
            if secret and secret["metadata"]["name"] == name:
                print(json.dumps(secret))
        case ["get", "pods"]:
            wanted = dict(
                label.split("=") for label in options["selector"].split(",")
            )
            items = [
                pod
                for pod in cluster.pods()
                if pod["metadata"]["namespace"] == options["namespace"]
                and wanted.items() <= pod["metadata"]["labels"].items()
            ]
            print(json.dumps({"kind": "List", "items": items}))
        case ["create" | "replace" as verb]:
            return _write(cluster, verb, json.load(sys.stdin))
        case ["port-forward", pod, _]:
            return _forward(cluster, pod.removeprefix("pod/"))
        case _:
            print(f"error: unknown command {words}", file=sys.stderr)
            return 1
    return 0


def _write(cluster: ClusterStandIn, verb: str, secret: Any) -> int:
    before, name = cluster.secret, secret["metadata"]["name"]
    error = ""
    if verb == "create" and before:
        error = (
            'Error from server (AlreadyExists): error when creating "STDIN": '
            f'secrets "{name}" already exists'
        )
    elif verb == "replace" and not before:
        error = (
            'Error from server (NotFound): error when replacing "STDIN": '
            f'secrets "{name}" not found'
        )
    elif verb == "replace":
        version = secret["metadata"]["resourceVersion"]
        if version != before["metadata"]["resourceVersion"]:
            error = _CONFLICT.format(name)
    if error:
        print(error, file=sys.stderr)
        return 1
    cluster.write(secret)
    print(json.dumps(cluster.secret))
    return 0


def _forward(cluster: ClusterStandIn, name: str) -> int:
    for pod in cluster.pods():
        if pod["metadata"]["name"] == name:
            address = pod["metadata"]["annotations"][ADDRESS]
            break
    else:
        print(
            f'Error from server (NotFound): pods "{name}" not found',
            file=sys.stderr,
        )
        return 1
    host, _, port = address.partition(":")
    with (cluster.folder / "forwards").open("a") as forwards:
        forwards.write(f"{os.getpid()}\n")
    listener = socket.create_server(("127.0.0.1", 0))
    local = listener.getsockname()[1]
    print(f"Forwarding from 127.0.0.1:{local} -> 8001", flush=True)
    while True:
        client, _ = listener.accept()
        # As many lines as thousands of connections: a full pipe stops kubectl.
        print(f"Handling connection for {local}\n" * 3000, end="", flush=True)
        try:
            pod_end = socket.create_connection((host, int(port)))
        except OSError:
            print("error: lost connection to pod", file=sys.stderr)
            return 1
        for source, sink in ((client, pod_end), (pod_end, client)):
            threading.Thread(
                target=_pump, args=(source, sink), daemon=True
            ).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
