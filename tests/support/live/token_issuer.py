"""An authorization server, a stand-in: it issues tokens with the scopes that a client asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Thread
from typing import Self
from urllib.parse import parse_qs

from sandbox.answering import JsonHandler, JsonServer

Issue = Callable[[Sequence[str]], str]


class TokenIssuer:
    """`asked` are the scopes of each request for a token; `resources` the URLs it was for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.resources: list[str] = []
        self.issue: Issue | None = None
        self._server = JsonServer(_Handler, self)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The issuer."""
        return self._server.url

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(JsonHandler):
    owner: TokenIssuer

    def do_GET(self) -> None:
        if self.path != "/.well-known/oauth-authorization-server":
            self.answer(404, {})
            return
        url = self.owner.url
        document = {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "response_types_supported": ["code"],
            "grant_types_supported": ["client_credentials"],
        }
        self.answer(200, document)

    def do_POST(self) -> None:
        form = parse_qs(self.body().decode())
        (scope,) = form["scope"]
        self.owner.asked.append(scope)
        self.owner.resources += form.get("resource", [])
        assert self.owner.issue is not None
        token = self.owner.issue(scope.split())
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": scope}  # fmt: skip
        self.answer(200, answer)
