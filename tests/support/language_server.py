"""A client of yaml-language-server: the Language Server Protocol, JSON-RPC over its standard input and output."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

_CAPABILITIES = {
    "workspace": {"configuration": True},
    "textDocument": {
        "completion": {"completionItem": {"documentationFormat": ["markdown"], "snippetSupport": True}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {},
    },
}


class LanguageServer:
    """A running server, with the setting `yaml.schemas`: globs of files of the folder `root`, by their schema. Ends with
    the `with` block."""

    def __init__(self, command: str, root: str, schemas: Mapping[str, Any]) -> None:
        self._process = subprocess.Popen(
            [command, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        about = {"completion": True, "hover": True, "validate": True, "schemaStore": {"enable": False}}
        self._settings = {"yaml": {"schemas": schemas, **about}}
        self._number = 0
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        self._request("initialize", {"processId": None, "rootUri": root, "capabilities": _CAPABILITIES})
        self._send({"method": "initialized", "params": {}})
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": self._settings}})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def open(self, text: str, folder: str) -> str:
        """Opens a new document of the folder, and returns its URI. None is read from the disk."""
        self._number += 1
        uri = f"{folder}/{self._number}.yaml"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return uri

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        """Waits for what the server finds in a document: `message`, `range`, `severity`."""
        while uri not in self._diagnostics:
            self._receive()
        return self._diagnostics.pop(uri)

    def completions(self, uri: str, line: int, character: int) -> list[dict[str, Any]]:
        """What may stand there; line and character count from 0."""
        found = self._request("textDocument/completion", _position(uri, line, character))
        items: list[dict[str, Any]] = found["items"] if isinstance(found, dict) else found
        return items

    def hover(self, uri: str, line: int, character: int) -> str:
        """The text that is shown over what stands there, as Markdown; empty where there is none."""
        found = self._request("textDocument/hover", _position(uri, line, character))
        return str(found["contents"]["value"]) if found else ""

    def _request(self, method: str, params: Any) -> Any:
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        """The next message; questions of the server are answered, and findings kept."""
        assert self._process.stdout
        length = 0
        while header := self._process.stdout.readline().strip():
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the language server has ended"
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            items = message["params"]["items"]
            self._send({"id": message["id"], "result": [self._settings.get(item.get("section")) for item in items]})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})
        return message


def _position(uri: str, line: int, character: int) -> dict[str, Any]:
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
