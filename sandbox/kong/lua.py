"""Serverless functions, run in LuaJIT: `pdk.lua` is their environment, and this module implements
it.

There is one runtime with one lock, as one worker of Kong has one Lua VM. Upvalues of a chunk stay
from request to request, as in Kong, until plugins change. `kong.ctx`, `ngx.ctx` and all else belong
to one request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from lupa.luajit21 import LuaRuntime

from kong_rules.entities import Entity
from sandbox.kong import records, uri
from sandbox.kong.errors import error_response
from sandbox.kong.exchange import Exchange, unescaped
from sandbox.kong.http import Response
from sandbox.kong.information import NODE
from sandbox.kong.jwt import lenient_base64
from sandbox.kong.wire import wire

_CUSTOM_FIELDS = "custom_fields_by_lua"
_SET_FIELD = (
    "return function() kong.log.set_serialize_value([==[{name}]==], "
    "(function()\n{script}\nend)()) end"
)
"""The log plugins' custom fields: each is the return value of a script, which runs for each
request."""


class Functions:
    """Compiled pre- and post-functions of one view of the plugins."""

    def __init__(self, version: str) -> None:
        self._lua: Any = LuaRuntime(
            encoding="latin-1",
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
        )
        self._lock = threading.Lock()
        self._compiled: dict[tuple[str, str], tuple[Entity, Any]] = {}
        self._exchange: Exchange | None = None
        self.messages: list[str] = []
        source = (Path(__file__).parent / "pdk.lua").read_text()
        load = self._lua.eval(
            "function(code) return assert(loadstring(code, '=pdk')) end"
        )
        self._phase, self._begin, self._run, self._read_header = load(source)(
            self._lua.table_from(self._host(version))
        )

    def run(
        self, exchange: Exchange, tables: Any, plugin: Entity, phase: str
    ) -> bool:
        """Run one plugin's phase; True if it answered the request. Raises RuntimeError for an error
        of the script.

        `tables` is `begin()`'s, one per request.
        """
        codes = plugin["config"][phase]
        return bool(codes) and self._ran(
            exchange, tables, plugin, phase, phase, codes
        )

    def set_custom_fields(
        self, exchange: Exchange, tables: Any, plugin: Entity
    ) -> None:
        """Set the fields of the record that a plugin makes itself. Raises RuntimeError for an error
        of a script."""
        fields: Mapping[str, str] = plugin["config"].get(_CUSTOM_FIELDS) or {}
        codes = [
            _SET_FIELD.format(name=name, script=script)
            for name, script in fields.items()
        ]
        if codes:
            self._ran(exchange, tables, plugin, "log", _CUSTOM_FIELDS, codes)

    def _ran(
        self,
        exchange: Exchange,
        tables: Any,
        plugin: Entity,
        phase: str,
        field: str,
        codes: list[str],
    ) -> bool:
        """Run the scripts in a field of a plugin's configuration; True if one of them answered the
        request."""
        with self._lock:
            self._exchange = exchange
            try:
                steps = self._steps(plugin, field, codes)
                outcome = self._run(
                    steps, tables, plugin["id"], phase, exchange.token
                )
            except Exception as error:
                if "Lua" not in type(error).__name__:
                    raise
                outcome = ("error", str(error))
            finally:
                self._exchange = None
        if isinstance(outcome, tuple) and outcome[0] == "error":
            self.messages.append(outcome[1])
            del self.messages[:-100]
            raise RuntimeError(outcome[1])
        return bool(outcome == "exit")

    def begin(self) -> Any:
        """Return the Lua tables of one request: kong.ctx.shared, kong.ctx.plugin, ngx.ctx."""
        with self._lock:
            return self._begin()

    def read_header(
        self, exchange: Exchange, name: str, tables: Any = None
    ) -> str | None:
        """Return the value of a request header as Kong itself reads it; from the copy in `tables`,
        if passed."""
        with self._lock:
            self._exchange = exchange
            try:
                value: str | None = self._read_header(name, tables)
            finally:
                self._exchange = None
        return value

    def forget(self) -> None:
        """Kong rebuilt its plugins: every chunk starts anew."""
        with self._lock:
            self._compiled.clear()

    def _steps(self, plugin: Entity, field: str, codes: list[str]) -> Any:
        key = plugin["id"], field
        known = self._compiled.get(key)
        if known is None or known[0] is not plugin:
            known = (
                plugin,
                self._phase(
                    self._lua.table_from([wire(code) for code in codes])
                ),
            )
            self._compiled[key] = known
        return known[1]

    @property
    def _x(self) -> Exchange:
        assert self._exchange is not None
        return self._exchange

    def _host(self, version: str) -> dict[str, Callable[..., Any] | str]:
        functions = {
            name.removeprefix("_on_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("_on_")
        }
        return {**functions, "node": NODE, "version": version}

    # Functions that pdk.lua calls, one method per function of `host`.

    def _on_headers(self, limit: float) -> Any:
        headers = self._x.headers
        truncated = bool(limit) and len(headers) > limit
        flat = chain.from_iterable(headers[: int(limit) or None])
        return self._lua.table_from(flat), truncated

    def _on_arguments(self, limit: float) -> Any:
        pairs = list(self._x.arguments())
        flat: list[Any] = []
        for name, value in pairs[: int(limit) or None]:
            flat += (name, True if value is None else value)
        return self._lua.table_from(flat)

    def _on_method(self) -> str:
        return self._x.method

    def _on_path(self) -> str:
        return self._x.path

    def _on_raw_path(self) -> str:
        return self._x.raw_path

    def _on_port(self) -> int:
        return self._x.port

    def _on_http_version(self) -> float:
        return 1.0 + self._x.request.minor / 10

    def _on_body(self) -> str | None:
        return self._x.body.decode("latin-1") or None

    def _on_discard_body(self) -> None:
        self._x.body = b""

    def _on_set_retries(self, count: float) -> None:
        self._x.retries = int(count)

    def _on_now(self) -> float:
        return self._x.now

    def _on_log(self, level: str, text: str) -> None:
        self.messages.append(f"{level}: {text}")
        del self.messages[:-100]

    def _on_var(self, name: str) -> Any:
        exchange = self._x
        if name in _VARIABLES:
            return _VARIABLES[name](exchange)
        kind, _, name_of = name.partition("_")
        if kind == "http":
            values = [
                value
                for own, value in exchange.headers
                if own.lower().replace("-", "_") == name_of.lower()
            ]
            return (
                ("; " if name_of == "cookie" else ", ").join(values)
                if values
                else None
            )
        return exchange.cookie(name_of) if kind == "cookie" else None

    def _on_set_var(self, name: str, value: str) -> None:
        if name == "upstream_uri":
            self._x.upstream_path = value
        elif name == "upstream_host":
            self._x.upstream_host = value
        else:
            raise ValueError(f'variable "{name}" not changeable')

    def _on_escaped(self, path: str) -> str:
        return uri.escaped(path)

    def _on_set_target(self, host: str, port: float) -> None:
        self._x.upstream_host = self._x.target_host = host
        self._x.target_port = int(port)

    def _on_set_header(self, name: str, *values: str) -> None:
        self._x.set_header(name, *values)

    def _on_set_upstream_header(self, name: str, *values: str) -> None:
        if name.lower() == "host":
            self._x.upstream_host = values[0]
        else:
            self._x.set_header(name, *values)

    def _on_add_header(self, name: str, *values: str) -> None:
        self._x.add_header(name, *values)

    def _on_clear_header(self, name: str) -> None:
        self._x.clear_header(name)

    def _on_consumer(self) -> Any:
        return self._table(self._x.consumer)

    def _on_credential(self) -> Any:
        return self._table(self._x.credential)

    def _on_route(self) -> Any:
        return self._table(self._x.match.route if self._x.match else None)

    def _on_service(self) -> Any:
        return self._table(self._x.match.service if self._x.match else None)

    def _table(self, value: Any) -> Any:
        """Return an entity as Lua: nulls are absent."""
        if isinstance(value, str):
            return wire(value)
        if isinstance(value, list):
            return self._lua.table_from([self._table(item) for item in value])
        if isinstance(value, dict):
            return self._lua.table_from(
                {
                    wire(k): self._table(v)
                    for k, v in value.items()
                    if v is not None
                }
            )
        return value

    def _on_response_header(self, name: str) -> str | None:
        return next(
            (
                value
                for own, value in self._x.response_headers
                if own.lower() == name.lower()
            ),
            None,
        )

    def _on_set_response_header(self, name: str, *values: str) -> None:
        self._x.set_response_header(name, *values)

    def _on_add_response_header(self, name: str, *values: str) -> None:
        self._x.response_headers.extend((name, value) for value in values)

    def _on_status(self) -> int:
        return self._x.status

    def _on_set_status(self, status: float) -> None:
        self._x.status = int(status)

    def _on_exit(self, status: float, body: Any) -> None:
        headers = list(self._x.response_headers)
        if body is not None and not isinstance(body, str):
            body = json.dumps(
                self._plain(body), separators=(",", ":"), ensure_ascii=False
            )
            if not any(name.lower() == "content-type" for name, _ in headers):
                headers.insert(
                    0, ("Content-Type", "application/json; charset=utf-8")
                )
        self._x.exit = Response(
            int(status), tuple(headers), (body or "").encode("latin-1")
        )

    def _on_error(self, status: float, message: str | None) -> None:
        self._x.exit = error_response(
            int(status),
            message,
            self._x.request.header("accept"),
            self._x.request_id,
            self._x.response_headers,
        )

    def _on_source(self) -> str:
        return self._x.source

    def _on_body_chunk(self) -> str:
        return self._x.answered.decode("latin-1")

    def _on_set_body_chunk(self, text: str | None) -> None:
        self._x.answered = (text or "").encode("latin-1")

    def _on_record(self) -> Any:
        return self._table(records.record(self._x))

    def _on_edit_record(self, key: str, value: Any, broken: bool) -> None:
        self._x.record_lost = self._x.record_lost or broken
        self._x.record_edits.append(
            (key, None if broken else self._plain(value))
        )

    def _on_hmac_sha1(self, key: str, text: str) -> str:
        return hmac.digest(
            key.encode("latin-1"), text.encode("latin-1"), "sha1"
        ).decode("latin-1")

    def _on_environment(self, name: str) -> str | None:
        value = os.environ.get(name)
        return None if value is None else wire(value)

    def _plain(self, value: Any) -> Any:
        """A Lua value as Kong's JSON encoder reads it: a table with 1..n is a list, an empty one an
        object."""
        if not hasattr(value, "items"):
            return (
                int(value)
                if isinstance(value, float) and value.is_integer()
                else value
            )
        items = dict(value.items())
        if items and set(items) == set(range(1, len(items) + 1)):
            return [
                self._plain(items[place]) for place in range(1, len(items) + 1)
            ]
        return {str(key): self._plain(item) for key, item in items.items()}

    def _on_decode_base64(self, text: str) -> str | None:
        raw = None if re.search("[-_]", text) else lenient_base64(text)
        return None if raw is None else raw.decode("latin-1")

    def _on_encode_base64(self, text: str) -> str:
        return base64.b64encode(text.encode("latin-1")).decode()

    def _on_md5(self, text: str) -> str:
        return hashlib.md5(
            text.encode("latin-1"), usedforsecurity=False
        ).hexdigest()


def _upstream_host(exchange: Exchange) -> str:
    """Return the Host header for the upstream; empty for the upstream's own name."""
    if exchange.upstream_host is not None:
        return exchange.upstream_host
    return (
        exchange.http_host
        if exchange.match and exchange.match.route["preserve_host"]
        else ""
    )


def _content_length(exchange: Exchange) -> str | None:
    """Return the value of the header, or the size of a body in chunks (seen on a Kong 3.10, for a
    body that was read)."""
    chunks = exchange.values("transfer-encoding")
    return (
        str(len(exchange.request.body))
        if chunks
        else next(iter(exchange.values("content-length")), None)
    )


_VARIABLES: Mapping[str, Callable[[Exchange], str | None]] = {
    "request_uri": lambda x: x.request.target,
    "request": lambda x: x.request.line,
    "uri": lambda x: unescaped(x.path.replace("+", "%2B")),
    "upstream_uri": lambda x: x.upstream_path,
    "upstream_host": _upstream_host,
    "host": lambda x: x.request.host,
    "http_host": lambda x: x.http_host,
    "request_method": lambda x: x.method,
    "scheme": lambda x: x.scheme,
    "is_args": lambda x: "" if x.query is None else "?",
    "args": lambda x: x.query,
    "query_string": lambda x: x.query,
    "remote_addr": lambda x: x.address,
    "realip_remote_addr": lambda x: x.request.peer,
    "server_port": lambda x: str(x.port),
    "server_protocol": lambda x: f"HTTP/1.{x.request.minor}",
    "request_id": lambda x: x.request_id,
    "kong_request_id": lambda x: x.request_id,
    "content_length": _content_length,
}
