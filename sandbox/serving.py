"""gRPC servers for the processes that the engine starts: the language host and provider plugins.

Such a process prints its port as its first line (pulumi: sdk/go/common/resource/plugin/plugin.go).
At its end the engine interrupts it, and then kills it. An engine that dies first would leave an
orphan, so each process also watches its parent.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent import futures

import grpc

_NO_LIMIT = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]
# The engine runs at most a few dozen operations at once; a waiting Sleep occupies a thread.
_THREADS = 64


def serve(
    register: Callable[[grpc.Server], None],
    stop: Callable[[], None] = lambda: None,
) -> None:
    """Serve the services that `register` adds, on a free loopback port, until the parent process
    ends.

    `stop` is called before the process ends, to end its child processes.
    """
    pool = futures.ThreadPoolExecutor(max_workers=_THREADS)
    server = grpc.server(pool, options=_NO_LIMIT)  # type: ignore[no-untyped-call]
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    def end(*_: object) -> None:
        stop()
        os._exit(0)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    threading.Thread(
        target=_end_with_parent, args=(os.getppid(), end), daemon=True
    ).start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


def _end_with_parent(parent: int, end: Callable[[], None]) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    end()
