"""A stand-in for GitHub's comments of pull requests, on loopback: it lists them by page, creates
them and changes them."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.support.json_object import JsonObject

BOT = "github-actions[bot]"
TOKEN = "a-token-of-the-comments-stand-in"
REPOSITORY = "acme/access"


class Comments:
    """Comments of pull request 7 of `acme/access`. `status`, where set, is the answer to every
    request."""

    def __init__(self) -> None:
        self.kept: list[JsonObject] = []
        self.requests: list[str] = []
        self.status: int | None = None
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = int(parse_qs(urlsplit(self.path).query)["page"][0])
                self.answer(200, stand_in.kept[(page - 1) * 100 : page * 100])

            def do_POST(self) -> None:
                self.answer(201, stand_in.add(self.body(), BOT))

            def do_PATCH(self) -> None:
                (comment,) = (
                    comment
                    for comment in stand_in.kept
                    if str(comment["id"]) == self.path.rsplit("/", 1)[1]
                )
                comment["body"] = self.body()
                self.answer(200, comment)

            def body(self) -> str:
                text: str = json.loads(
                    self.rfile.read(int(self.headers["Content-Length"]))
                )["body"]
                return text

            def answer(self, status: int, body: Any) -> None:
                stand_in.requests.append(
                    f"{self.command} {urlsplit(self.path).path}"
                )
                if self.headers["Authorization"] != f"Bearer {TOKEN}":
                    status = 401
                raw = json.dumps(body).encode()
                self.send_response(stand_in.status or status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def add(self, body: str, author: str) -> JsonObject:
        self.kept.append(
            {"id": len(self.kept) + 1, "user": {"login": author}, "body": body}
        )
        return self.kept[-1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, *_: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()
