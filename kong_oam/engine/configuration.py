"""The stack's configuration for provider plugins: product addresses and credentials."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration of one stack.

    `value` returns the value of a key such as `okta:orgName`, secrets in plain text: a caller may
    pass them on only as secrets. `project` is the name of the Pulumi project. With
    `environment_first`, an environment variable replaces the configured value, which is not read
    then.
    """

    value: Callable[[str], str | None]
    project: str = "kong-oam"
    environment_first: bool = False

    def setting(self, key: str, variable: str) -> str | None:
        """Return a plugin's setting from the stack's configuration, or else from an environment
        variable. With `environment_first`, the variable comes first. Passes on errors of
        `value`."""
        if self.environment_first and variable in os.environ:
            return os.environ[variable]
        return self.value(key) or os.environ.get(variable)
