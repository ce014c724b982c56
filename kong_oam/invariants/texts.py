"""Read the texts of invariants: callers, requests and roles. Each error is an InputError."""

from __future__ import annotations

import re

from kong_oam.access.methods import METHODS
from kong_oam.access.paths import AmbiguousPathError, declared
from kong_oam.diagnostics import nearest, printable
from kong_oam.errors import InputError
from kong_oam.invariants.model import ANY_HOST, Requests, RoleName, Who

ANYBODY = "anybody"
_GROUP = re.compile(r"group (\S(?:.*\S)?)\Z")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_CLIENT = re.compile(rf"{_NAME}/(?:{_NAME}|\*)\Z")
_ROLE = re.compile(rf"({_NAME}/{_NAME}) (\S(?:.*\S)?)\Z")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?\Z")


def read_caller(text: str) -> Who:
    """Return a list with the caller of a text."""
    if text == ANYBODY:
        return Who(anybody=True)
    if group := _GROUP.match(text):
        return Who(groups=frozenset({group.group(1)}))
    if _CLIENT.match(text):
        return Who(clients=frozenset({text}))
    hint = nearest(text, [ANYBODY], 1)
    raise InputError(f"'{printable(text)}' is no caller{hint or _CALLERS}")


_CALLERS = "; write anybody, group NAME, application/component or application/*"
_REQUESTS = "write METHODS HOST/PATH, such as GET,POST *.example.com/internal"


def read_requests(text: str) -> Requests:
    """Return the requests of a text such as `POST,PUT payments.example.com/payouts`."""
    words = text.split()
    if len(words) != 2:
        raise InputError(f"'{printable(text)}' is no request; {_REQUESTS}")
    listed, place = words
    host, slash, path = place.partition("/")
    if not slash:
        raise InputError(f"'{printable(place)}' has no path; {_REQUESTS}")
    if host != ANY_HOST and not _HOST.match(host):
        raise InputError(
            f"'{printable(host)}' is no host; write *, *.example.com or a name in small letters, "
            "without a port"
        )
    try:
        elements = declared(f"/{path}")
    except AmbiguousPathError as error:
        raise InputError(f"path '/{printable(path)}' {error}") from None
    return Requests(_methods(listed), host, elements)


def _methods(text: str) -> tuple[str, ...]:
    """Return the listed methods in the gateway's order. GET includes HEAD, as in a rule."""
    if text == "*":
        return METHODS
    listed = text.split(",")
    for method in listed:
        if method not in METHODS:
            hint = nearest(method, METHODS, 1) or "; write * for all methods"
            raise InputError(f"'{printable(method)}' is no method{hint}")
    if "GET" in listed:
        listed.append("HEAD")
    return tuple(method for method in METHODS if method in listed)


def read_role(text: str) -> RoleName:
    """Return the role of a text such as `orders/api editor`."""
    role = _ROLE.match(text)
    if role is None:
        raise InputError(
            f"'{printable(text)}' is no role; write application/component ROLE"
        )
    return RoleName(role.group(1), role.group(2))
