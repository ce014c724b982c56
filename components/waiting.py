"""Prints the resources that a run waits for. Plugins print progress only on terminals, and CI has
none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pulumi import Output, Resource, log
from pulumi.runtime import is_dry_run

# Seconds before the first message, and between messages. A shorter wait prints nothing.
_PATIENCE = 30.0


class Waiting:
    """The resources that the run waits for at the moment. It ends with the program; a preview waits
    for nothing."""

    def __init__(self) -> None:
        self._now: dict[Resource, str] = {}
        self._is_used = not is_dry_run()
        if self._is_used:
            self._later()

    def watch(
        self, resource: Resource, after: Iterable[Resource], message: str
    ) -> None:
        """Print the resource's message once all resources in `after` exist, until the resource
        exists."""
        if not self._is_used:
            return

        def begun(_: object) -> None:
            self._now[resource] = message

        def ended(_: object) -> None:
            self._now.pop(resource, None)

        Output.all(*(previous.urn for previous in after)).apply(begun)
        resource.urn.apply(ended)

    def _later(self) -> None:
        asyncio.get_running_loop().call_later(_PATIENCE, self._say)

    def _say(self) -> None:
        for resource, message in self._now.items():
            log.info(f"waiting: {message}", resource)
        self._later()
