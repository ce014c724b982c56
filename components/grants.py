"""Orders what clients are granted and what their pods ask for.

A provider refuses a request for tokens as a whole that asks for a scope too many (RFC 6749, 5.2:
invalid_scope). So pods ask for more once it is granted, and no less is granted than they ask for.
Of a change that does both at once the grant comes first. Over partitions such a change is refused
(kong_oam.stacks.grant_changes).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import pulumi

from kong_oam.access.model import Client

from .graph import once_made

Make = Callable[[Sequence[pulumi.Input[pulumi.Resource]]], pulumi.Resource]
"""Makes what a client is granted, after these."""


class Grants:
    """`before`: the names of the scopes that clients are granted by the state, by the client's
    name."""

    def __init__(self, before: Mapping[str, Collection[str]]) -> None:
        self._before = before
        self._made: dict[str, list[pulumi.Resource]] = {}
        self._later: list[tuple[str, Make]] = []

    def add(self, client: Client, scopes: Collection[str], make: Make) -> None:
        """Makes what a client is granted; where these scopes are fewer than before, once `finish`
        is called."""
        if {*scopes} < {*self._before.get(client.name, ())}:
            self._later.append((client.component, make))
        else:
            self._made.setdefault(client.name, []).append(make(()))

    def of(self, client: Client) -> Sequence[pulumi.Resource]:
        """Gives what a client's pods are to come after."""
        return self._made.get(client.name, ())

    def finish(self, running: Mapping[str, Sequence[pulumi.Resource]]) -> None:
        """Makes what was left, each after its pods. `running`: what these are, by component."""
        for component, make in self._later:
            make([once_made(running[component])])
