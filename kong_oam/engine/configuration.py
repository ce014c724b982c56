"""What a stack's configuration says to the providers' plugins: where the products are, and with which credentials."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration of one stack. `value` gives what stands under a key such as `okta:orgName`, secrets in plain
    text: what it gives leaves only as a secret. `project` is the name of the Pulumi project.
    """

    value: Callable[[str], str | None]
    project: str = "kong-oam"

    def setting(self, key: str, variable: str) -> str | None:
        """A plugin's own setting: from the stack's configuration, or else from a variable of the environment."""
        return self.value(key) or os.environ.get(variable)
