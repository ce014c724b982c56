"""The methods that rules list: HTTP methods, and calls of MCP tools.

A tool is one more method of its path: `call search`. No HTTP method has a space, so no request can
claim to be such a call. The gate reads the body of the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from kong_oam.access.data import Names, T

# Requests with any other HTTP method are denied.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# Only these names mean the same to every reader of a message.
TOOL_NAME = re.compile(r"[A-Za-z0-9_./-]{1,128}")

_CALL = "call "

# Represents calls of all tools that no rule names. `*` is in no name of a tool.
OTHER_TOOL = f"{_CALL}*"


def call_of(tool: str) -> str:
    """Return the method of calls of a tool: `call search`."""
    return _CALL + tool


def is_call(method: str) -> bool:
    """Return whether the method is the call of a tool, or of other tools."""
    return method.startswith(_CALL)


def tool_of(method: str) -> str:
    """Return the tool that the method calls."""
    return method.removeprefix(_CALL)


def is_known(method: str) -> bool:
    """Return whether the gateway decides on requests with the method."""
    if is_call(method):
        tool = tool_of(method)
        return method == OTHER_TOOL or bool(TOOL_NAME.fullmatch(tool))
    return method in METHODS


def http_method(method: str) -> str:
    """Return the HTTP method of a request: each call of a tool is a POST."""
    return "POST" if is_call(method) else method


def method_rank(method: str) -> tuple[int, str]:
    """Return a key that sorts HTTP methods as METHODS does, tools by name, and other tools last."""
    if not is_call(method):
        return METHODS.index(method), ""
    return len(METHODS) + (method == OTHER_TOOL), method


def in_order(methods: Iterable[str]) -> Names:
    """Return the methods in the order of `method_rank`, each once."""
    return tuple(sorted(set(methods), key=method_rank))


def value_of(by_method: Mapping[str, T], method: str) -> T:
    """Return the value of a method.

    At an MCP endpoint, a tool without a value has the value of other tools. Elsewhere nobody reads
    messages, so the call of a tool is a POST.
    """
    if method in by_method or not is_call(method):
        return by_method[method]
    return by_method[OTHER_TOOL if OTHER_TOOL in by_method else "POST"]
