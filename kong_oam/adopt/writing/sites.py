"""The common settings of all routes to an address, since they become one component.

A component has one Host header, one kind of old credential, and its plugins act on all its paths.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kong_oam.access.before import KIND_WORDS
from kong_oam.access.data import Names
from kong_oam.adopt.answers import only_replaces_path
from kong_oam.adopt.chain import Chains
from kong_oam.adopt.entities import OldConsumer, OldPlugin, OldRoute
from kong_oam.adopt.writing.addresses import Address
from kong_oam.adopt.writing.outcomes import Outcome

T = TypeVar("T")

# Kinds of credentials that a client may keep until a date.
KEPT = tuple(KIND_WORDS)
_KEY_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_CONSUMER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._~@:+/-]{0,127}\Z")
# Plugins that change requests or answers, and have no trait that says exactly the same.
_CHANGING = frozenset(
    {
        *("request-transformer", "response-transformer", "exit-transformer"),
        *("request-transformer-advanced", "response-transformer-advanced"),
        *("pre-function", "post-function", "session", "acme"),
    }
)
# Plugins that deny some requests, and that the trait `kong-plugin` accepts without a waiver.
_CARRIED = frozenset({"bot-detection"})


@dataclass(frozen=True, slots=True)
class Credential:
    """How callers send a credential: its kind, and names and places of a key."""

    kind: str
    names: Names = ()
    places: Names = ()


@dataclass(frozen=True, slots=True)
class Site:
    """The common settings of an address."""

    address: Address
    host_header: str | None = None
    credential: Credential | None = None
    conditions: tuple[OldPlugin, ...] = ()


def credential_of(
    chains: Chains, route: OldRoute, kind: str
) -> Credential | str:
    """Return how callers of a route send a credential, or why no Application can accept it."""
    if kind not in KEPT:
        return f"its callers use {kind}, which a client cannot keep"
    if kind == "basic-auth":
        return Credential(kind)
    plugin = chains.instance(kind, route)
    config = plugin.config if plugin else {}
    names = tuple(map(str, config.get("key_names") or ("apikey",)))
    places = [
        place
        for place in ("header", "query")
        if config.get(f"key_in_{place}", True)
    ]
    for name in names:
        if not _KEY_NAME.match(name.lower()):
            return f"its key name '{name}' is no plain name"
        # Headers have no capitals of their own, but query parameters do.
        if name != name.lower() and "query" in places:
            places.remove("query")
    if not places:
        return "its keys are in the body alone"
    lowered = tuple(dict.fromkeys(map(str.lower, names)))
    return Credential(kind, lowered, tuple(places))


def consumer_problem(consumer: OldConsumer) -> str:
    """Return why a client cannot name a consumer; empty if it can."""
    if not consumer.username:
        return f"consumer '{consumer.name}' has no username"
    if not _CONSUMER.match(consumer.username):
        return f"consumer '{consumer.name}' has an unusual username"
    return ""


def changing(also: Iterable[OldPlugin]) -> OldPlugin | None:
    """Return the first plugin without which requests or answers are different. Kong keeps global
    plugins, and they act on our routes, too."""
    for plugin in also:
        is_known = plugin.is_global or only_replaces_path(plugin)
        if plugin.name in _CHANGING and not is_known:
            return plugin
    return None


def conditions_of(outcome: Outcome) -> tuple[OldPlugin, ...]:
    """Return the conditions that a component has to have itself. A run stops at a global plugin."""
    return outcome.conditions


def unknown_condition(outcome: Outcome) -> OldPlugin | None:
    """Return the first condition that no trait can express."""
    for plugin in conditions_of(outcome):
        if plugin.name not in _CARRIED:
            return plugin
    return None


@dataclass(slots=True)
class Votes(Generic[T]):
    """Counts values. The most frequent value wins, then the first value."""

    counts: Counter[T] = field(default_factory=Counter)

    def add(self, value: T, weight: int = 1) -> None:
        self.counts[value] += weight

    def winner(self, default: T) -> T:
        """Return the value with the most votes, or `default` without votes."""
        if not self.counts:
            return default
        return max(self.counts, key=lambda value: self.counts[value])


class Sites:
    """Finds the common settings of each address by the majority of requests."""

    def __init__(self, chains: Chains) -> None:
        self.chains = chains
        self._headers: dict[Address, Votes[str | None]] = {}
        self._credentials: dict[Address, Votes[Credential | None]] = {}
        self._conditions: dict[Address, Votes[tuple[OldPlugin, ...]]] = {}
        self._known: dict[Address, Site] = {}
        self._accepted: dict[tuple[OldRoute, str], Credential | str] = {}

    def add(self, outcome: Outcome) -> None:
        """Count an outcome that an Application may express."""
        way = outcome.way
        if way is None or outcome.reasons or outcome.route is None:
            return
        address = way.address
        self._headers.setdefault(address, Votes()).add(way.host_header)
        carried = conditions_of(outcome)
        self._conditions.setdefault(address, Votes()).add(carried)
        for kind in outcome.kinds:
            credential = self.credential(outcome.route, kind)
            if isinstance(credential, Credential):
                votes = self._credentials.setdefault(address, Votes())
                votes.add(credential)

    def credential(self, route: OldRoute, kind: str) -> Credential | str:
        """Return how callers of a route send a credential, or why it cannot be accepted."""
        key = route, kind
        if key not in self._accepted:
            self._accepted[key] = credential_of(self.chains, route, kind)
        return self._accepted[key]

    def site(self, address: Address) -> Site:
        """Return the common settings of an address, after all outcomes were counted."""
        if address not in self._known:
            credentials = self._credentials.get(address, Votes())
            self._known[address] = Site(
                address,
                self._headers[address].winner(None),
                credentials.winner(None),
                self._conditions[address].winner(()),
            )
        return self._known[address]
