"""The plugins that write a record of each request: file-log, http-log and tcp-log, one record at a
time.

A record is sent at once, from the thread that answers; a failed record is lost. A real Kong sends
from a queue (http-log: batches of records, retried for a minute) or a timer (tcp-log), and logs
failures. Source: kong/plugins/{file,http,tcp}-log of Kong 3.10.
"""

from __future__ import annotations

import http.client
import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from kong_rules.entities import Entity
from sandbox.kong.entities import Config
from sandbox.kong.exchange import Exchange
from sandbox.kong.http import Response
from sandbox.kong.records import UnencodableRecordError, line

_SECONDS = 1.0


class Sink:
    """The common base of the three plugins: they do not change the answer."""

    priority = 0

    def access(self, _exchange: Exchange, _plugin: Entity) -> Response | None:
        return None

    def header_filter(self, _exchange: Exchange, _plugin: Entity) -> None:
        return None

    def log(self, exchange: Exchange, plugin: Entity) -> None:
        with suppress(
            UnencodableRecordError, OSError, http.client.HTTPException
        ):
            self.send(line(exchange), plugin["config"])

    def send(self, record: bytes, config: Config) -> None:
        raise NotImplementedError


class FileLog(Sink):
    priority = 9

    def send(self, record: bytes, config: Config) -> None:
        with Path(config["path"]).open("ab") as file:
            file.write(record + b"\n")


class HttpLog(Sink):
    priority = 12

    def send(self, record: bytes, config: Config) -> None:
        parts = urlsplit(config["http_endpoint"])
        kind = (
            http.client.HTTPSConnection
            if parts.scheme == "https"
            else http.client.HTTPConnection
        )
        connection = kind(parts.netloc, timeout=_SECONDS)
        try:
            headers = {
                "Content-Type": config["content_type"],
                **(config["headers"] or {}),
            }
            body = (
                record
                if config["queue"]["max_batch_size"] == 1
                else b"[" + record + b"]"
            )
            connection.request(
                config["method"], parts.path or "/", body, headers
            )
            connection.getresponse().read()
        finally:
            connection.close()


class TcpLog(Sink):
    priority = 7

    def send(self, record: bytes, config: Config) -> None:
        with socket.create_connection(
            (config["host"], config["port"]), _SECONDS
        ) as connection:
            connection.sendall(record + b"\n")
