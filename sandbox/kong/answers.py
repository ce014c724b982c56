"""What the parts of the Admin API have in common."""

from __future__ import annotations

from typing import Any

from sandbox.kong.http import Header

Query = list[tuple[str, str]]


class AnswerError(Exception):
    """An early answer."""

    def __init__(self, status: int, body: Any = None, headers: tuple[Header, ...] = ()) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers
