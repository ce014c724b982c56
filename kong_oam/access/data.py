"""What many modules share: types without a module of their own, and lists."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Literal, TypeVar

# An edge: an object in JSON that was just read, or is about to be written.
JsonObject = Mapping[str, Any]

# The same while it is written.
JsonFields = dict[str, Any]

# An edge: an object in YAML as a schema has checked it, of a stack's file or an Application.
YamlObject = Mapping[str, Any]

# Several names, in order: of scopes, groups, roles, methods or components.
Names = tuple[str, ...]

# Sets of names by name.
NameSets = dict[str, set[str]]

# Names by name.
NamesByName = Mapping[str, Names]

# What a caller holds, or has to.
Scopes = frozenset[str]

# Names by name, in order.
NameLists = dict[str, list[str]]

# Texts by name.
Texts = Mapping[str, str]

# A path, element by element, decoded: `/orders/7` is ("orders", "7"), and `/` has none.
PathSegments = tuple[str, ...]

Network = IPv4Network | IPv6Network
# The fewest networks that hold the same addresses, in order; empty for anywhere.
Networks = tuple[Network, ...]

# What is spoken to a workload: clear text, https whose certificate is verified, and the same with
# one of our own.
TLS = Literal["", "tls", "mtls"]

T = TypeVar("T")


def without(items: Iterable[T], others: Container[T]) -> list[T]:
    """The items that are not among the others, in order."""
    return [item for item in items if item not in others]
