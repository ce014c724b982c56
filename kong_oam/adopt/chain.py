"""The plugin instances that act on a request, in Kong's order."""

from __future__ import annotations

from kong_oam.adopt.entities import OldKong, OldPlugin, OldRoute


class Chains:
    """The plugins of a Kong, to be asked for each route and consumer."""

    def __init__(self, old: OldKong) -> None:
        raise NotImplementedError

    def acting(
        self, route: OldRoute, consumer: str = ""
    ) -> tuple[OldPlugin, ...]:
        """Return the instances that act on requests of a consumer (a name; empty for none), in the
        order of their priorities. Plugins with an unknown priority come first."""
        raise NotImplementedError
