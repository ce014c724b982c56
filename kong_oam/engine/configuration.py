"""The configuration of a stack for the providers' plugins: where the products are, and with which
credentials."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration of one stack. `value` gives what stands under a key such as `okta:orgName`,
    secrets in plain text: what it gives leaves only as a secret. `project` is the name of the
    Pulumi project. `environment_first`: a variable of the environment counts before what is
    configured, which is then not even asked for.
    """

    value: Callable[[str], str | None]
    project: str = "kong-oam"
    environment_first: bool = False

    def setting(self, key: str, variable: str) -> str | None:
        """Return a plugin's own setting: from the stack's configuration, or else from a variable of
        the environment; the other way round where the environment comes first. What `value` raises
        is passed on."""
        if self.environment_first and variable in os.environ:
            return os.environ[variable]
        return self.value(key) or os.environ.get(variable)
