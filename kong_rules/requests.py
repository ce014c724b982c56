"""Requests to the Admin API: paths, queries, bodies and methods."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

from kong_rules.entities import Entity
from kong_rules.errors import AnswerError

Query = list[tuple[str, str]]
Methods = dict[str, Callable[[Query, Entity], tuple[int, Any]]]
"""An endpoint: the status and body for a query and a body, by method."""

NOT_FOUND = {"message": "Not found"}
_NOT_ALLOWED = {"message": "Method not allowed"}
_UNEXPECTED = {"message": "An unexpected error occurred"}
_WRITES = ("POST", "PUT", "PATCH")


def answer(
    methods: Methods,
    method: str,
    query: Query,
    content_type: str | None,
    body: bytes,
) -> tuple[int, Any]:
    """Return the status and body of an endpoint's answer. Raises AnswerError and ViolationError."""
    if method == "HEAD":
        method = "GET"
    if method == "OPTIONS":
        more = ["HEAD"] if "GET" in methods else []
        allowed = ", ".join(sorted({*methods, "OPTIONS", *more}))
        raise AnswerError(
            204,
            None,
            (("Allow", allowed), ("Access-Control-Allow-Methods", allowed)),
        )
    if method not in methods:
        raise AnswerError(405, _NOT_ALLOWED)
    fields = read_body(content_type, body) if method in _WRITES else {}
    return methods[method](query, fields)


def split(target: str) -> tuple[list[str], Query]:
    """Return the elements of a target's path, and its query. Raises AnswerError."""
    path, _, query = target.partition("?")
    segments = path[1:].removesuffix("/").split("/")
    if segments == [""]:
        segments = []
    if any(segment in ("", ".", "..") for segment in segments):
        raise AnswerError(404, NOT_FOUND)
    wire = [segment.encode("latin-1") for segment in segments]
    return [
        unquote(element.decode("utf-8", "surrogateescape")) for element in wire
    ], parse_qsl(query, keep_blank_values=True)


def read_body(content_type: str | None, body: bytes) -> Entity:
    """Return the fields of a body. Forms are not read. Raises AnswerError."""
    if not body and content_type is None:
        return {}
    kind = (content_type or "").partition(";")[0].strip()
    if kind == "application/x-www-form-urlencoded" and not body:
        return {}
    if kind != "application/json":
        raise AnswerError(415)
    try:
        value = json.JSONDecoder(strict=False).decode(
            body.decode("utf-8", "surrogateescape")
        )
    except ValueError:
        raise AnswerError(400, {"message": "Cannot parse JSON body"}) from None
    if isinstance(value, dict):
        return value
    if value == []:
        return {}
    # Kong indexes any decoded value: null, numbers, texts and non-empty lists end in its error
    # handler.
    raise AnswerError(500, _UNEXPECTED)
