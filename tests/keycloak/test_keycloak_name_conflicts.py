"""A real realm that already has our names, made by hand or by a killed run."""

from __future__ import annotations

import http.client
import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox import caller
from sandbox.keycloak import ACCOUNT, Keycloak
from sandbox.local import STACK, Local
from tests.support.engine.calls import call
from tests.support.engine.deployment import (
    AT_ONCE,
    Deployment,
    project,
    remove_applications,
    start,
)
from tests.support.engine.realm import on
from tests.support.faults.blackout import lost, recover
from tests.support.faults.stacks import Stack
from tests.support.faults.tiny import HOST, PROTECTED, TINY

pytestmark = pytest.mark.timeout(300)

_NUMBERS = itertools.count(1)
JOB, SCOPE = "kong-oam.local.tiny.job", "things.read"


class Realm:
    """A realm with an empty stack, and manual requests to its Admin API."""

    def __init__(
        self, server: Keycloak, deployment: Deployment, name: str
    ) -> None:
        self.server, self.deployment, self.name = server, deployment, name

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.server.admin(method, f"/{self.name}{path}", body)
        location = {
            key.lower(): value for key, value in answer.headers.items()
        }.get("location", "")
        return answer.body if method == "GET" else location.rpartition("/")[2]

    def refused(self, verb: str = "up") -> str:
        """Return the output of a run that stops because of an existing object. It creates none."""
        flags = ("--yes", "--skip-preview") if verb == "up" else ()
        done = self.deployment.pulumi(verb, "-s", STACK, *flags, check=False)
        assert done.returncode != 0 and "ENV403" in done.stdout, done.stdout
        assert self.deployment.local.kong.entities("services") == []
        return done.stdout

    def status(self) -> int:
        """Return the status of the service client's own call."""
        local = self.deployment.local
        token = caller.token(
            caller.environment(local.cluster.url, "default", "job")
        )[0]
        return call(local, "GET", HOST, PROTECTED, token).status

    @property
    def stack(self) -> Stack:
        return Stack(self.deployment.local, self.deployment.folder)


@pytest.fixture
def realm(server: Keycloak, tmp_path: Path) -> Iterator[Realm]:
    """A separate realm of the test with the groups of the sandbox."""
    name = f"takeover-{next(_NUMBERS)}"
    with Local(lags=AT_ONCE) as local:
        deployment = on(server, start(local, project(tmp_path)), name)
        remove_applications(tmp_path)
        (tmp_path / "applications/tiny.yaml").write_text(TINY, "utf-8")
        yield Realm(server, deployment, name)


@pytest.mark.deep
def test_nothing_is_made_beside_a_role_a_scope_and_a_client_of_our_names(
    realm: Realm,
) -> None:
    """A preview and an up reject them alike. After their deletion the run creates all objects."""
    realm.admin("POST", "/roles", {"name": "sales"})
    scope = realm.admin(
        "POST", "/client-scopes", {"name": SCOPE, "protocol": "openid-connect"}
    )
    made = realm.admin(
        "POST", "/clients", {"clientId": JOB, "serviceAccountsEnabled": True}
    )
    for verb in ("preview", "up"):
        output = realm.refused(verb)
        assert f"openid.Client '{JOB}', {made}" in output
        assert (
            f"openid.ClientScope '{SCOPE}', {scope}" in output
            and "Role 'sales', " in output
        )
        assert realm.server.account_secret not in output
    for path in (f"/clients/{made}", f"/client-scopes/{scope}", "/roles/sales"):
        realm.admin("DELETE", path)
    realm.deployment.run("up")
    assert realm.deployment.changes("up", "--refresh") == {}
    assert realm.status() == 200


_OF_ONE_HOP = ("host", "connection", "transfer-encoding", "content-length")


class Cut:
    """A proxy before the server that cuts off one run: the request that `begins` is carried out
    without an answer.

    `mend` lets all requests through afterwards.
    """

    def __init__(
        self,
        url: str,
        begins: Callable[[str, str], bool],
        then: Callable[[], None],
    ) -> None:
        target = urlsplit(url)
        dark, mended = threading.Event(), threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                data = self._body()
                if dark.is_set():
                    self.close_connection = True
                    return
                ends = not mended.is_set() and begins(self.command, self.path)
                connection = http.client.HTTPConnection(
                    target.hostname or "", target.port, timeout=60
                )
                headers = {
                    key: value
                    for key, value in self.headers.items()
                    if key.lower() not in _OF_ONE_HOP
                }
                connection.request(
                    self.command,
                    self.path,
                    data or None,
                    {**headers, "Host": target.netloc},
                )
                answer = connection.getresponse()
                body = answer.read()
                connection.close()
                if ends:
                    then()  # before any denial: the engine would record it, and forget the pending operation
                    dark.set()
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for key, value in answer.getheaders():
                    if key.lower() not in (
                        "transfer-encoding",
                        "content-length",
                        "connection",
                        "date",
                        "server",
                    ):
                        self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _body(self) -> bytes:
                """Read a body with a length (the stand-in for the plugin) or in chunks (the
                official plugin)."""
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(
                        int(self.headers.get("Content-Length") or 0)
                    )
                chunks = []
                while size := int(self.rfile.readline(), 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(chunks)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
                pass

            do_GET = do_POST = do_PUT = do_DELETE = _serve

        self.dark, self._mended = dark, mended
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Cut:
        threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        ).start()
        return self

    def mend(self) -> None:
        self._mended.set()
        self.dark.clear()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.deep
@pytest.mark.parametrize(
    ("last", "name"),
    [
        ("/clients", f"Client {JOB}"),
        ("/client-scopes", "ClientScope "),
        ("/roles", "Role sales"),
        ("/protocol-mappers/models", "ProtocolMapper "),
    ],
    ids=["client", "scope", "role", "mapper"],
)
def test_objects_of_a_killed_run_are_found_and_removed(
    realm: Realm, last: str, name: str
) -> None:
    """The engine got no answer. `recover` lists the object first; after its removal, the next run
    creates all objects."""
    local = realm.deployment.local

    def begins(method: str, path: str) -> bool:
        return (
            method == "POST"
            and path.startswith("/admin/")
            and path.endswith(last)
        )

    with Cut(realm.server.url, begins, local.kill) as cut:
        local.env["KEYCLOAK_URL"] = cut.url
        realm.deployment.run("up", check=False)
        assert cut.dark.wait(10)
        time.sleep(
            1.0
        )  # a plugin looks for its parent every half second; later requests have no effect
        cut.mend()
        realm.deployment.pulumi("cancel", "-s", STACK, "--yes")
        listed = lost(realm.stack, status=1).stdout
        where = f"Keycloak, {realm.server.issuer(realm.name)}: "
        (found,) = (
            int(line.split()[2])
            for line in listed.splitlines()
            if line.startswith(where)
        )
        assert name in listed and "kept:" not in listed
        removed = recover(realm.stack)
        assert found and re.search(
            r"^(\d+) of \1 removed$", removed, re.MULTILINE
        )
        assert realm.server.account_secret not in listed + removed
        assert realm.deployment.changes("up") == {}
        assert realm.status() == 200
        assert ACCOUNT in {
            client["clientId"] for client in realm.admin("GET", "/clients")
        }
