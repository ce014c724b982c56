"""Shared types without a module of their own, and a function for lists."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Literal, TypeVar

# An edge: a JSON object that was just read, or will be written.
JsonObject = Mapping[str, Any]

# The same object while it is built.
JsonFields = dict[str, Any]

# An edge: a YAML object of a stack's file or an Application, after a schema checked it.
YamlObject = Mapping[str, Any]

# Names in order: scopes, groups, roles, methods or components.
Names = tuple[str, ...]

# Sets of names by name.
NameSets = dict[str, set[str]]

# Names by name.
NamesByName = Mapping[str, Names]

# Scopes that a caller has or needs.
Scopes = frozenset[str]

# Lists of names by name, in order.
NameLists = dict[str, list[str]]

# A list of texts in YAML.
TextList = list[str]

# Texts by name.
Texts = Mapping[str, str]

# A decoded path by elements: `/orders/7` is ("orders", "7"), and `/` is empty.
PathSegments = tuple[str, ...]

Network = IPv4Network | IPv6Network
# The fewest networks with the same addresses, in order; empty means anywhere.
Networks = tuple[Network, ...]

# The protocol to a workload: clear text, https with a verified certificate, or https with a client
# certificate besides.
TLS = Literal["", "tls", "mtls"]

T = TypeVar("T")


def without(items: Iterable[T], others: Container[T]) -> list[T]:
    """Return the items that are not among the others, in order."""
    return [item for item in items if item not in others]
