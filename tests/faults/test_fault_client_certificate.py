"""A Kong whose Admin API requires a client certificate: the forwarder presents it while one command
runs."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from kong_oam.kong import forward
from sandbox.kong import Kong
from sandbox.kong.http import TlsConnection
from sandbox.server import free_port
from tests.support.faults.stacks import Empty, object_counts
from tests.support.faults.tiny import TINY
from tests.support.streams import Capsys
from tests.support.workload_tls import authority, signed


class Authority:
    """A CA that signs certificates into `folder`: `NAME.pem` and `NAME.key`; its own is `ca.pem`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._own = authority(folder.name)
        self.ca.write_text(self._own.certificate)

    def issue(self, name: str) -> tuple[str, str]:
        """Return the paths of a new certificate for 127.0.0.1 and of its key."""
        pair = signed(self._own, "127.0.0.1")
        certificate, key = (
            self.folder / f"{name}.pem",
            self.folder / f"{name}.key",
        )
        certificate.write_text(pair.certificate)
        key.write_text(pair.key)
        return str(certificate), str(key)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A Kong that accepts certificates of `ours`, and another CA."""

    kong: Kong
    ours: Authority
    others: Authority

    def arguments(
        self,
        client: tuple[str, str],
        ca: Path | None = None,
        url: str | None = None,
    ) -> list[str]:
        """Return the forwarder's own arguments, without the command."""
        certificate, key = client
        return [
            "--to",
            url or self.kong.admin_url,
            "--certificate",
            certificate,
            "--key",
            key,
            "--ca",
            str(ca or self.ours.ca),
        ]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    """Yield the Admin API behind mutual TLS."""
    ours, others = Authority(tmp_path / "ours"), Authority(tmp_path / "others")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = TlsConnection
    context.load_cert_chain(*ours.issue("kong"))
    context.load_verify_locations(ours.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    with Kong(admin_token="sandbox-admin-token", admin_tls=context) as kong:
        yield Guarded(kong, ours, others)


def _forward(
    *arguments: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kong_oam", "forward", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=100
    )


@pytest.mark.engine
def test_a_stack_goes_up_and_down_through_the_forwarder_and_not_without(
    empty: Empty, guarded: Guarded
) -> None:
    """`up` creates all entities in the Kong behind mutual TLS, a second `up` none, and `destroy`
    deletes all.

    `destroy` runs without the program: it finds the address in the state.
    """
    stack = empty(applications=[TINY])
    own = [
        *guarded.arguments(guarded.ours.issue("client")),
        "--port",
        str(free_port()),
        "--",
    ]
    flags = [
        "--yes",
        "--skip-preview",
        "--non-interactive",
        "--stack",
        stack.name,
    ]

    def pulumi(*arguments: str) -> str:
        done = _forward(
            *own,
            "pulumi",
            *arguments,
            *flags,
            cwd=stack.folder,
            env=stack.local.env,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pulumi("up")
    kinds = ("services", "routes", "plugins", "consumers", "jwt_secrets")
    assert [len(guarded.kong.entities(kind)) for kind in kinds] == [
        1,
        1,
        3,
        2,
        4,
    ]
    assert "created" not in pulumi("up").partition("Resources:")[2]
    stack.local.env["KONG_ADMIN_ADDR"] = guarded.kong.admin_url
    without = stack.run("up", check=False)
    assert (
        without.returncode != 0
        and "Kong's Admin API at https://127.0.0.1" in without.stdout
    )
    pulumi("destroy")
    assert [guarded.kong.entities(kind) for kind in kinds] == [
        [],
        [],
        [],
        [],
        [],
    ]
    assert object_counts(stack.local) == {}


@pytest.mark.deep
def test_an_error_is_reported_once_and_the_command_does_not_run(
    tmp_path: Path, guarded: Guarded
) -> None:
    """A certificate that Kong does not accept, a Kong that is not trusted or does not answer, files
    that cannot be used."""
    ran = tmp_path / "ran"
    client, foreign = (
        guarded.ours.issue("client"),
        guarded.others.issue("client"),
    )
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM,
            PrivateFormat.PKCS8,
            BestAvailableEncryption(b"secret"),
        )
    )
    kong, unused = guarded.kong.admin_url, f"https://127.0.0.1:{free_port()}"
    cases = {
        f"error: {kong} rejects the client certificate (": guarded.arguments(
            foreign
        ),
        f"error: the certificate of {kong} is not trusted (": guarded.arguments(
            client, guarded.others.ca
        ),
        f"error: {unused} does not answer (": guarded.arguments(
            client, url=unused
        ),
        "error: --certificate, --key or --ca cannot be read ([X509: KEY_VALUES_MISMATCH]": guarded.arguments(
            (client[0], foreign[1])
        ),
        "error: --certificate, --key or --ca cannot be read ([Errno 2]": guarded.arguments(
            ("nowhere", client[1])
        ),
        "error: --certificate, --key or --ca cannot be read ([SSL]": guarded.arguments(
            (client[0], str(locked))
        ),
        "error: --to http://127.0.0.1": guarded.arguments(
            client, url="http://127.0.0.1"
        ),
    }
    for message, arguments in cases.items():
        done = _forward(*arguments, "--", "touch", str(ran))
        assert done.returncode == 2 and done.stderr.startswith(message), (
            done.stderr
        )
        assert done.stderr.count("\n") == 1
    assert not ran.exists()


def test_the_command_has_the_address_and_its_status_is_the_answer(
    guarded: Guarded,
) -> None:
    """The forwarder ends with the command's exit status; a used port or an unknown command gives
    status 2."""
    port = free_port()
    own = [
        *guarded.arguments(guarded.ours.issue("client")),
        "--port",
        str(port),
        "--",
    ]
    done = _forward(*own, "sh", "-c", "echo $KONG_ADMIN_ADDR; exit 7")
    assert (done.returncode, done.stdout) == (7, f"http://127.0.0.1:{port}\n")
    assert (
        "nosuchcommand cannot be run: No such file or directory"
        in _forward(*own, "nosuchcommand").stderr
    )
    with socket.create_server(("127.0.0.1", port)):
        taken = _forward(*own, "true")
    assert (
        taken.returncode == 2
        and f"error: port {port} is not available" in taken.stderr
    )


ASK = """import encodings.idna, os, socket, sys  # all that is needed: another user may read no more
os.setuid(int(sys.argv[1]))
with socket.create_connection(("127.0.0.1", int(os.environ["KONG_ADMIN_ADDR"].rpartition(":")[2])), 10) as asked:
    try:
        asked.sendall(b"GET / HTTP/1.1\\r\\nHost: kong\\r\\n\\r\\n")
        print(asked.recv(12))
    except ConnectionError:
        print(b"")
"""


def _status_line(guarded: Guarded, capfd: Capsys, user: int) -> str:
    """Return the answer that a command gets for `/` through the forwarder as `user`."""
    certificate, key = guarded.ours.issue("client")
    kong = forward.target(
        guarded.kong.admin_url, certificate, key, str(guarded.ours.ca)
    )
    # Not `asyncio.run`, which removes the thread's event loop: other tests share the SDK's loop
    # with it.
    loop = asyncio.new_event_loop()
    try:
        status = loop.run_until_complete(
            forward.run(
                kong, free_port(), [sys.executable, "-c", ASK, str(user)]
            )
        )
        # Like `asyncio.run`: an open connection would be a warning in another test.
        if left := asyncio.all_tasks(loop):
            loop.run_until_complete(asyncio.wait(left, timeout=10))
    finally:
        loop.close()
    assert status == 0
    return capfd.readouterr().out.strip()


def test_only_processes_of_the_same_user_are_served(
    guarded: Guarded,
    capfd: Capsys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Own processes get Kong's answer (401: no token was sent); for others the connection ends
    without an answer."""
    own = os.getuid()
    assert _status_line(guarded, capfd, own) == "b'HTTP/1.1 401'"
    monkeypatch.setattr("kong_oam.kong.forward.os.getuid", lambda: own + 1)
    assert _status_line(guarded, capfd, own) == "b''"


@pytest.mark.skipif(
    os.geteuid() != 0,
    reason="only root can become another user; the test above takes its place",
)
def test_a_process_of_another_user_is_turned_away(
    guarded: Guarded, capfd: Capsys
) -> None:
    """The same with a real process of another user."""
    assert _status_line(guarded, capfd, 65534) == "b''"
