"""`metrics`: serve counts of the gateway's decisions; print alert rules and a dashboard."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from kong_oam.cli.command import OK, Command, UsageError, quoted
from kong_oam.cli.console import Console

_DETAILS = """\
Reads request records (`gateway.logs` in the stack), and serves counts of allowed and denied
requests for Prometheus, by component and reason, at /metrics. It follows a file from its end, also
across log rotation; `-` reads standard input. It runs until Ctrl-C.

  python -m kong_oam metrics --logs /var/log/kong/records.jsonl
  tail -F records.jsonl | python -m kong_oam metrics --logs - --listen 0.0.0.0:9542

With --outputs, it also serves the dates on which clients' keys are due. These commands print alert
rules and a dashboard for these metrics and for Kong's own metrics (`gateway.metrics` in the stack):

  python -m kong_oam metrics --alerts > kong-oam-alerts.yaml
  python -m kong_oam metrics --dashboard > kong-oam-dashboard.json
"""

LISTEN = "127.0.0.1:9542"


def _arguments(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--logs",
        metavar="FILE",
        help="the file of records, a record per line; -: standard input",
    )
    source.add_argument(
        "--alerts", action="store_true", help="print alert rules for Prometheus"
    )
    source.add_argument(
        "--dashboard", action="store_true", help="print a dashboard for Grafana"
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        default=LISTEN,
        help=f"the address to serve at (default: {LISTEN})",
    )
    parser.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE",
        help="the stack's outputs as JSON, read at each scrape",
    )


def _run(options: Namespace, console: Console) -> int:
    from kong_oam import metrics

    if options.logs is not None:
        return _serve(options, console)
    name = "alerts.yaml" if options.alerts else "dashboard.json"
    text = Path(metrics.__file__).with_name(name).read_text("utf-8")
    console.print_exactly(text.removesuffix("\n"))
    return OK


def _serve(options: Namespace, console: Console) -> int:
    from kong_oam.metrics.counters import Counters

    host, port = _address(options.listen)
    counters = Counters()
    lines = _lines(options.logs)
    keys = _KeyMetrics(options.outputs)
    try:
        server = _Server(
            (host, port),
            lambda: "".join(
                f"{line}\n" for line in (*counters.lines(), *keys.lines())
            ),
        )
    except OSError as error:
        raise UsageError(
            f"cannot listen at {quoted(options.listen)}: {error.strerror}"
        ) from None
    with server:
        # A daemon thread, so that Ctrl-C ends the command during a scrape.
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        console.print(
            f"serving http://{host}:{server.server_port}/metrics; Ctrl-C stops"
        )
        console.out.flush()
        try:
            for line in lines:
                counters.add(line)
            thread.join()  # at the end of standard input, keep serving the counts
        except KeyboardInterrupt:
            console.print("", "stopped")
        finally:
            server.shutdown()
    return OK


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise UsageError(
            f"invalid address {quoted(text)}: write HOST:PORT, such as {LISTEN}"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def _lines(logs: str) -> Iterator[bytes]:
    if logs == "-":
        return iter(sys.stdin.buffer.readline, b"")
    from kong_oam.metrics.follow import follow

    Path(logs).open("rb").close()  # fail early if the file cannot be read
    return follow(Path(logs))


class _KeyMetrics:
    """Metrics with the due dates of keys, from a file of outputs. The file is read at each scrape;
    if it cannot be read, the last metrics stay valid."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._last_lines: tuple[str, ...] = ()
        if file:
            try:
                self._last_lines = self._read(file)
            except ValueError as error:
                raise UsageError(
                    f"{quoted(str(file))} has no stack outputs: {error}; save the output of "
                    "`pulumi stack output --json`"
                ) from None

    def lines(self) -> Iterable[str]:
        if self._file:
            with suppress(OSError, ValueError):  # another process is writing it
                self._last_lines = self._read(self._file)
        return self._last_lines

    def _read(self, file: Path) -> tuple[str, ...]:
        from kong_oam.metrics.counters import due_date_lines

        outputs = json.loads(file.read_text("utf-8"))
        if not isinstance(outputs, dict):
            raise ValueError("no JSON object")
        return tuple(due_date_lines(outputs))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], text: Any) -> None:
        self.text = text
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        is_known = self.path.partition("?")[0] == "/metrics"
        body = (
            self.server.text().encode()
            if is_known
            else b"only /metrics exists\n"
        )
        self.send_response(200 if is_known else 404)
        self.send_header(
            "Content-Type",
            "text/plain; version=0.0.4; charset=utf-8"
            if is_known
            else "text/plain",
        )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


COMMAND = Command(
    "metrics",
    "count decisions by reason for Prometheus",
    _DETAILS,
    _arguments,
    _run,
)
