"""Start Python programs by forking a process that has imported the libraries: `python -P
forkserver.py SOCKET`.

Every run of the CLI starts a language host, a program, and a plugin for each provider. Importing
the same libraries takes half the time of a small run. `forkclient.py` asks this server for each of
these programs instead. A fork has the libraries but no code of this project: it reads the sources
from disk. It runs in a new session, with the folder, environment and standard streams of the
client.

The server and its forks end when its standard input is closed, that is when its parent ends.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import traceback
from typing import Any

# Imports of the program and the plugins, and late imports of the SDKs. None starts a thread or
# opens a file.
LIBRARIES = (
    "asyncio",
    "concurrent.futures.thread",
    "cryptography.hazmat.primitives.asymmetric.padding",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "cryptography.hazmat.primitives.serialization",
    "cryptography.x509",
    "grpc",
    "google.protobuf.json_format",
    "httpx",
    "jsonschema_rs",
    "pulumi",
    "pulumi.runtime.proto.language_pb2_grpc",
    "pulumi.runtime.proto.provider_pb2_grpc",
    "pulumi_azuread",
    "pulumi_keycloak",
    "pulumi_kong",
    "pulumi_kubernetes.apps.v1",
    "pulumi_kubernetes.core.v1",
    "pulumi_kubernetes.networking.v1",
    "pulumi_okta.app",
    "pulumi_okta.auth",
    "pulumi_okta.group",
    "pulumi_policy",
    "pulumi_tls",
    "pulumiverse_time",
    "yaml",
)


def main(address: str) -> None:
    """Serve until standard input ends."""
    for library in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    gc.collect()
    gc.freeze()  # a collection in a fork would copy every page of these objects

    # Ctrl-C is for the parent process, and arrives here as the end of input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The forks are not waited for: they report their status themselves.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(128)
        print("ready", flush=True)
        while True:
            readable, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in readable:
                return
            client, _ = listener.accept()
            with client:
                if os.fork() == 0:
                    listener.close()
                    os._exit(_forked(client))


def _forked(client: socket.socket) -> int:
    """Run the client's program in the fork, on the client's streams, and return its status."""
    status = 1
    try:
        _, streams, _, _ = socket.recv_fds(client, 1, 3)
        with client.makefile("rb") as request:
            wanted = json.loads(request.readline())
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(wanted["environment"])
        os.chdir(wanted["folder"])
        for number in (signal.SIGINT, signal.SIGCHLD):
            signal.signal(
                number,
                signal.default_int_handler
                if number == signal.SIGINT
                else signal.SIG_DFL,
            )
        if os.environ.get("PYTHONUNBUFFERED"):
            # This interpreter has started already, so the variable alone changes nothing.
            raw: Any = io.FileIO(1, "w", closefd=False)
            sys.stdout = io.TextIOWrapper(raw, write_through=True)
        threading.Thread(target=_end_with, args=(client,), daemon=True).start()
        status = _run(wanted["command"])
    finally:
        with contextlib.suppress(OSError):
            client.send(bytes([status & 0xFF]))
    return status


def _run(command: list[str]) -> int:
    """Run FILE as `python -P FILE ARGUMENT...` does, and return the exit status."""
    sys.argv = command
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        return _status(end.code)
    except BaseException:  # noqa: BLE001 - as an interpreter does: shown, then status 1
        traceback.print_exc()
        return 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    return 0


def _status(code: Any) -> int:
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1


def _end_with(client: socket.socket) -> None:
    """End this process when the client ends."""
    with contextlib.suppress(OSError):
        client.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1])
