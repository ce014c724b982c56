"""Cost of the gateway's own work on a real Kong: CPU of its workers per request, by kind of call.

    KONG_ADMIN_URL=http://127.0.0.1:8001 KONG_PROXY_URL=http://127.0.0.1:8000 \
        python -m benchmarks.gateway

Kong must run on this machine without other load: the CPU time of its workers is read from /proc.
Each case is a separate stack. All cases are deployed at once, and rounds alternate between them.

Prints medians, and their ratios to `guards`: admission, jwt and the gate alone. The workload and
the sinks run here and are not included. `public` are calls without a token, which `jwt` does not
verify. Exits 1 if all traits with one sink, a file or HTTP, cost more than LIMIT times `guards` for
a call with a token. Its entities are deleted at the end.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import secrets
import socket
import socketserver
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import Settings
from kong_oam.identity.common.discovery import SigningKey
from kong_oam.identity.kinds import describe
from kong_oam.kong import names
from kong_oam.kong.intended import Deployed, intended
from kong_oam.kong.key_slots import Slot
from kong_oam.oam.application import read_bytes
from kong_oam.oam.schema import EDGE_TRAITS

LIMIT = 1.5
HOST = "case-{}.benchmark.example.com"
ISSUER = "https://issuer.benchmark.example.com"
AUDIENCE = "api://benchmark"
TRAITS: Mapping[str, Mapping[str, Any]] = {
    "cors": {"origins": ["https://app.benchmark.example.com"], "maxAge": 600},
    "headers": {"preset": "secure"},
    "ip-allow": {"from": ["127.0.0.0/8", "10.0.0.0/8"]},
    "limits": {"body": "1Mi"},
    "rate-limit": {
        "per": "client",
        "requests": {"second": 1_000_000, "hour": 1_000_000_000},
    },
}
"""A realistic configuration of each trait; traits that this version lacks are left out."""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    traits: tuple[str, ...] = ()
    sink: str = ""
    metrics: bool = False


def cases() -> list[Case]:
    known = tuple(name for name in TRAITS if name in EDGE_TRAITS)
    return [
        Case("guards"),
        *(Case(name, (name,)) for name in known),
        Case("records to file", sink="file"),
        Case("records to tcp", sink="tcp"),
        Case("records to http", sink="http"),
        Case("metrics", metrics=True),
        Case("all, file", known, "file"),
        Case("all, http", known, "http"),
        Case("all, http and metrics", known, "http", True),
    ]


def application(host: str, traits: tuple[str, ...]) -> bytes:
    """Return an API with ten rules and the traits, and its client, which has every second scope."""
    scopes = [f"scope.{number}" for number in range(10)]
    access = {
        "owner": "team",
        "scopes": dict.fromkeys(scopes, "s"),
        "rules": [
            {
                "paths": [f"/items/{number}"],
                "methods": ["GET", "POST"],
                "scopes": [scope],
            }
            for number, scope in enumerate(scopes)
        ]
        + [
            {
                "paths": ["/items/public"],
                "methods": ["GET"],
                "public": {"reason": "benchmark"},
            }
        ],
        "roles": {
            "reader": {"scopes": scopes[::2], "components": ["bench/caller"]}
        },
    }
    gateway = {
        "type": "gateway",
        "properties": {"domain": host, "http": {"/items": 80}},
    }
    asked = [gateway, {"type": "access", "properties": access}]
    asked += [{"type": name, "properties": TRAITS[name]} for name in traits]
    client = {
        "kind": "service",
        "calls": [{"component": "bench/api", "scopes": scopes[::2]}],
    }
    api = {
        "name": "api",
        "type": "webservice",
        "properties": {"image": "x", "ports": [{"port": 80}]},
        "traits": asked,
    }
    caller = {
        "name": "caller",
        "type": "worker",
        "properties": {"image": "x"},
        "traits": [{"type": "client", "properties": client}],
    }
    head = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "Application",
        "metadata": {"name": "bench"},
    }
    return json.dumps({**head, "spec": {"components": [api, caller]}}).encode()


def stack(
    case: Case, number: int, sinks: Mapping[str, Any]
) -> tuple[Settings, Estate]:
    """Return the settings of a case and its estate."""
    tokens = {
        "user": "uid",
        "client": "client_id",
        "accessToken": {"claim": "typ", "value": "access"},
    }
    gateway: dict[str, Any] = {
        "scheme": "http",
        "cidrs": ["127.0.0.1/32"],
        "reach": "loadBalancer",
    }
    gateway |= {"logs": {case.sink: sinks[case.sink]}} if case.sink else {}
    gateway |= {"metrics": True} if case.metrics else {}
    provider = {
        "name": "main",
        "type": "oidc",
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "tokens": tokens,
    }
    provider["clients"] = {
        "bench/caller": {"id": "caller", "secret": {"name": "s", "key": "k"}}
    }
    data = {
        "cloud": "local",
        "asOf": "2026-01-01",
        "gateway": gateway,
        "identityProviders": [provider],
    }
    settings = parse(f"benchmark-{number}", data, describe)
    reading = read_bytes(
        "bench.yaml", application(HOST.format(number), case.traits)
    )
    compiled = compile_estate(reading, settings.stack)
    assert compiled.estate is not None, "\n".join(
        map(str, compiled.diagnostics)
    )
    return settings, compiled.estate


def pem_of(key: rsa.RSAPrivateKey) -> str:
    """Return the public half."""
    return (
        key.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


class Deployment:
    """The entities of all cases in one Kong. `clean` deletes them, newest first."""

    def __init__(
        self, admin_url: str, workload: str, key: rsa.RSAPrivateKey
    ) -> None:
        self.admin = httpx.Client(
            base_url=admin_url, timeout=60, trust_env=False
        )
        self._workload = workload
        self._made = list[str]()
        self._pem = pem_of(key)
        self._has_code = False

    def workers(self) -> list[int]:
        """Return the process ids of the workers on this machine."""
        processes: list[int] = (
            self.admin.get("/").raise_for_status().json()["pids"]["workers"]
        )
        return processes

    def add(self, settings: Settings, estate: Estate) -> None:
        name = settings.stack.name
        component = estate.components["bench/api"]
        slot = Slot(SigningKey(f"{name}-key", "RS256", self._pem))
        upstreams = {
            names.service(name, component, port): self._workload
            for port in component.backends
        }
        clients = {
            "main": {
                client.component: client.component.partition("/")[2]
                for client in estate.clients
            }
        }
        ids = {
            "main": f"{ISSUER}/{name}"
        }  # of the key ring, whose issuer the table names
        entities = intended(
            settings,
            estate,
            Deployed(ids, {"main": (slot,)}, upstreams, clients=clients),
        )
        for upstream in entities.upstreams:
            self._make("/upstreams", upstream)
        consumers = {
            entity["id"]: self._make("/consumers", entity)
            for entity in entities.consumers
        }
        for credential in entities.credentials:
            self._make(
                f"/consumers/{consumers[credential['consumer']['id']]}/jwt",
                credential,
            )
        services = {
            entity["id"]: self._make("/services", {"port": 1, **entity})
            for entity in entities.services
        }
        for plugin in entities.plugins:
            if plugin["service"]:
                consumer = plugin["consumer"] and {
                    "id": consumers[plugin["consumer"]["id"]]
                }
                scope = {
                    "service": {"id": services[plugin["service"]["id"]]},
                    "consumer": consumer,
                }
                self._make("/plugins", {**plugin, **scope})
            elif (
                not self._has_code
            ):  # the code of all ports, the same in every case
                self._make("/plugins", plugin)
                self._has_code = True
        for route in entities.routes:
            self._make(
                "/routes",
                {**route, "service": {"id": services[route["service"]["id"]]}},
            )

    def _make(self, path: str, entity: Mapping[str, Any]) -> str:
        body = {
            name: value
            for name, value in entity.items()
            if name != "id" and not path.endswith(f"/{name}s")
        }
        answer = self.admin.post(path, json=body)
        if answer.status_code != 201:
            raise RuntimeError(f"{path}: {answer.text}")
        made: str = answer.json()["id"]
        self._made.append(f"{path}/{made}")
        return made

    def clean(self) -> None:
        for path in reversed(self._made):
            self.admin.delete(path)
        self.admin.close()


def token(key: rsa.RSAPrivateKey, number: int) -> str:
    """Return an access token of the case's client."""
    now = int(time.time())
    scopes = " ".join(f"scope.{number}" for number in range(0, 10, 2))
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "caller", "client_id": "caller", "typ": "access",
        "iat": now, "exp": now + 3600, "jti": secrets.token_hex(8), "scope": scopes,
    }  # fmt: skip
    head = {"alg": "RS256", "kid": f"benchmark-{number}-key", "typ": "at+jwt"}
    text = ".".join(
        map(_encoded, (json.dumps(head).encode(), json.dumps(claims).encode()))
    )
    return f"{text}.{_encoded(key.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


class Workload(socketserver.StreamRequestHandler):
    """Answers every request with 200, and keeps connections open."""

    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def handle(self) -> None:
        while line := self.rfile.readline():
            length = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                if line[:15].lower() == b"content-length:":
                    length = int(line[15:])
            self.rfile.read(length)
            self.wfile.write(self.answer)


class _Drain(socketserver.BaseRequestHandler):
    """Accepts and ignores all data."""

    def handle(self) -> None:
        while self.request.recv(1 << 16):
            pass


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def listening(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    """Start a server on loopback, and yield its port."""
    with _Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(
            target=server.serve_forever,
            kwargs={"poll_interval": 0.1},
            daemon=True,
        ).start()
        yield int(server.server_address[1])
        server.shutdown()


class Load:
    """Connections to a proxy that send one request after the other. Each `send` opens new
    connections, because nginx closes them after 10,000 requests."""

    def __init__(self, proxy: tuple[str, int], connections: int = 4) -> None:
        self._proxy = proxy
        self._connections = connections

    def send(self, request: bytes, count: int) -> int:
        """Return the number of answers with 200."""
        with ThreadPoolExecutor(self._connections) as pool:
            counts = [count // self._connections] * self._connections
            return sum(pool.map(self._send, repeat(request), counts))

    def _send(self, request: bytes, count: int) -> int:
        with socket.create_connection(self._proxy, timeout=30) as connection:
            answered = 0
            for _ in range(count):
                connection.sendall(request)
                answered += _answered(connection)
            return answered


def _answered(connection: socket.socket) -> bool:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *([0-9]+)", head)
    assert length, "an answer without a length"
    while len(body) < int(length[1]):
        body += _received(connection)
    return head.split(b" ", 2)[1] == b"200"


def _received(connection: socket.socket) -> bytes:
    if data := connection.recv(1 << 16):
        return data
    raise ConnectionError("the gateway has ended the connection")


def cpu(workers: list[int]) -> float:
    """Return the CPU seconds of the processes (/proc/PID/schedstat, nanoseconds)."""
    nanoseconds = 0
    for pid in workers:
        nanoseconds += int(
            Path(f"/proc/{pid}/schedstat").read_text().split()[0]
        )
    return nanoseconds / 1e9


Seconds = dict[tuple[str, str], float]
"""Measures by case and kind of call: token or public."""


@contextmanager
def deployed(
    admin_url: str,
) -> Iterator[tuple[Deployment, dict[tuple[str, str], bytes]]]:
    """Deploy all cases in the Kong, start the workload and the sinks here, and yield the request of
    each case."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with ExitStack() as opened, tempfile.TemporaryDirectory() as folder:
        workload = opened.enter_context(listening(Workload))
        Path(folder).chmod(0o777)  # the workers are another user
        sinks = {
            "file": f"{folder}/records",
            "http": {
                "url": f"http://127.0.0.1:{opened.enter_context(listening(Workload))}/"
            },
            "tcp": {
                "host": "127.0.0.1",
                "port": opened.enter_context(listening(_Drain)),
            },
        }
        deployment = Deployment(admin_url, f"127.0.0.1:{workload}", key)
        opened.callback(deployment.clean)
        for number, case in enumerate(cases()):
            deployment.add(*stack(case, number, sinks))
        requests = {}
        for number, case in enumerate(cases()):
            requests[case.name, "token"] = _request(number, token(key, number))
            requests[case.name, "public"] = _request(number, "")
        yield deployment, requests


def measure(
    admin_url: str, proxy: tuple[str, int], rounds: int, requests: int
) -> Seconds:
    """Return the CPU seconds of the workers per request: medians."""
    with deployed(admin_url) as (deployment, asked):
        load = Load(proxy)
        _await(load, asked)
        workers = deployment.workers()
        times: dict[tuple[str, str], list[float]] = {name: [] for name in asked}
        for _ in range(rounds):
            for name, request in asked.items():
                before = cpu(workers)
                passed = load.send(request, requests)
                time.sleep(0.3)  # records are sent a moment later
                times[name].append((cpu(workers) - before) / passed)
        return {name: statistics.median(each) for name, each in times.items()}


def _request(number: int, bearer: str) -> bytes:
    """Return a call of a guarded rule with a token, or of a public rule without."""
    lines = (
        f"GET /items/{'4/7' if bearer else 'public'} HTTP/1.1", f"Host: {HOST.format(number)}",
        *([f"Authorization: Bearer {bearer}"] if bearer else []),
        "Origin: https://app.benchmark.example.com", "User-Agent: benchmark",
        "Accept: application/json", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


def _await(load: Load, asked: Mapping[tuple[str, str], bytes]) -> None:
    """Wait until every worker answers each case with 200."""
    until = time.monotonic() + 60
    for name, request in asked.items():
        while load.send(request, 40) < 40:
            if time.monotonic() > until:
                raise RuntimeError(f"{name}: not every answer is 200")
            time.sleep(1)


def lines(seconds: Seconds) -> list[str]:
    return [
        f"{name:>21}, {of:6}: {value * 1e6:5.0f} \u00b5s a request, "
        f"{value / seconds['guards', of]:5.2f} times guards"
        for (name, of), value in seconds.items()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=500)
    options = parser.parse_args()
    if not (
        os.environ.get("KONG_ADMIN_URL") and os.environ.get("KONG_PROXY_URL")
    ):
        parser.error(
            "set the URLs of a Kong on this machine: KONG_ADMIN_URL, KONG_PROXY_URL"
        )
    proxy = urlsplit(os.environ["KONG_PROXY_URL"])
    where = (proxy.hostname or "", proxy.port or 80)
    seconds = measure(
        os.environ["KONG_ADMIN_URL"], where, options.rounds, options.requests
    )
    print(*lines(seconds), sep="\n")
    slowest = max(seconds["all, file", "token"], seconds["all, http", "token"])
    return int(slowest > LIMIT * seconds["guards", "token"])


if __name__ == "__main__":
    sys.exit(main())
