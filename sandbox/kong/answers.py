"""Types and functions that the parts of the Admin API share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.kong.entities import UUID, Entity
from sandbox.kong.http import Header
from sandbox.kong.rules import sni, upstream_name, utf8_name

Query = list[tuple[str, str]]
Methods = dict[str, Callable[[Query, Entity], tuple[int, Any]]]
"""An endpoint: the status and body for a query and a body, by method."""

_NAMES = {
    "services": utf8_name,
    "routes": utf8_name,
    "plugins": utf8_name,
    "snis": sni,
    "upstreams": upstream_name,
}


class AnswerError(Exception):
    """An early answer."""

    def __init__(
        self, status: int, body: Any = None, headers: tuple[Header, ...] = ()
    ) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers


def check_key(kind: str, key: str, *, nested: bool = False) -> None:
    """Raises AnswerError if Kong would not even look for an entity of this name.

    A group of an ACL is a name only below its consumer (`nested`).
    """
    nameless = kind == "ca_certificates" or (kind == "acls" and not nested)
    if nameless and not UUID.match(key):
        wrong = {"id": "expected a valid UUID"}
        message = "invalid primary key: '{id=\"expected a valid UUID\"}'"
        raise AnswerError(
            400,
            {
                "code": 1,
                "name": "invalid primary key",
                "fields": wrong,
                "message": message,
            },
        )
    error = (
        _NAMES[kind](key) if kind in _NAMES and not UUID.match(key) else None
    )
    if error:
        raise AnswerError(
            400, {"code": 10, "name": "invalid unique name", "message": error}
        )
