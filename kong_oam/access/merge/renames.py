"""The new names of an estate's parts, and their choice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

from kong_oam.access.data import Texts

# The longest prefix leaves most of a name of 20 characters.
PREFIX = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
LONGEST_PREFIX = 12
_DEFAULT_PREFIX = "b"
# The most characters of a name, by the kind of its collision. Source: the schemas.
_LIMITS = {"identity provider": 32, "partition": 20, "group": 255, "scope": 64}
_USUAL_LIMIT = 63


@dataclass(frozen=True, slots=True)
class Renames:
    """New names by old name, for the parts of `B`.

    `scopes`: by the component that declares them. `group_names`: for a provider's old name, the
    provider's names of renamed groups. `provider`: the identity provider to write into each access
    trait without it. `hosts`: by component, the host to write into gateway traits without a domain.
    `new_hosts`: new default hosts by old host.
    """

    applications: Texts = field(default_factory=dict)
    namespaces: Texts = field(default_factory=dict)
    groups: Texts = field(default_factory=dict)
    providers: Texts = field(default_factory=dict)
    peers: Texts = field(default_factory=dict)
    partitions: Texts = field(default_factory=dict)
    scopes: Mapping[str, Texts] = field(default_factory=dict)
    group_names: Mapping[str, Texts] = field(default_factory=dict)
    provider: str = ""
    hosts: Texts = field(default_factory=dict)
    new_hosts: Texts = field(default_factory=dict)

    def component(self, key: str) -> str:
        """Return the new key of a component (application/component)."""
        application, slash, name = key.partition("/")
        return f"{self.applications.get(application, application)}{slash}{name}"


def default_prefix(folder: str) -> str:
    """Return a prefix for new names from the name of a folder."""
    words = re.findall("[a-z0-9]+", folder.lower())
    prefix = "-".join(words).lstrip("0123456789-")
    return prefix[:LONGEST_PREFIX].rstrip("-") or _DEFAULT_PREFIX


def new_name(kind: str, name: str, prefix: str, taken: set[str]) -> str:
    """Return a name that is not taken, and add it to `taken`."""
    separator = "." if kind == "scope" else "-"
    limit = _LIMITS.get(kind, _USUAL_LIMIT)
    for number in count(1):
        ending = f"-{number}" if number > 1 else ""
        start = f"{prefix}{separator}{name}"[: limit - len(ending)]
        candidate = start.rstrip("-.") + ending
        if candidate not in taken:
            break
    taken.add(candidate)
    return candidate
