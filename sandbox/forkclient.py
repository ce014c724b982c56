# ruff: noqa: PTH109 - importing pathlib takes as long as all the rest
"""`python -P FILE ARGUMENT...`, forked: `python -I -S forkclient.py SOCKET FILE ARGUMENT...`.

This process represents the fork. The fork takes over its folder, environment and standard streams,
and ends when this process ends. This process returns the fork's exit status. If no fork server
answers at SOCKET, this process becomes an ordinary Python. It imports almost nothing, because it
starts for every plugin of every run.
"""

import json
import os
import select
import signal
import socket
import sys

_LOOK = 0.5  # seconds between checks that the engine still runs


def main() -> int:
    address = sys.argv[1]
    command = sys.argv[2:]
    parent = os.getppid()
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(address)
    except OSError:
        os.execv(sys.executable, [sys.executable, "-P", *command])
    wanted = {
        "command": command,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
    }
    socket.send_fds(server, [b"\0"], [0, 1, 2])
    server.sendall(json.dumps(wanted).encode() + b"\n")
    for stream in (0, 1, 2):
        os.close(stream)  # readers must notice when the fork closes them
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.shutdown(socket.SHUT_WR))
    while not select.select([server], [], [], _LOOK)[0]:
        if os.getppid() != parent:
            return 1
    status = server.recv(1)
    return status[0] if status else 1


if __name__ == "__main__":
    sys.exit(main())
