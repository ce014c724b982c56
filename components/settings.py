"""The stack's configuration, read through Pulumi: settings that may be shown, and credentials that may not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pulumi

from access.stack import NAMESPACE, Settings, parse
from components.identity import describe

_KEYS = ("cloud", "asOf", "cluster", "domains", "gateway", "identityProviders")


@dataclass(frozen=True, slots=True)
class Kong:
    """How to reach Kong's Admin API. `token` is plain here and must leave only as a secret."""

    admin_url: str
    token: str | None


def load() -> Settings:
    """The settings of the current stack. Raises access.stack.StackError."""
    config = pulumi.Config(NAMESPACE)
    values: dict[str, Any] = {}
    for key in _KEYS:
        value = config.get(key) if key in ("cloud", "asOf") else config.get_object(key)
        if value is not None:
            values[key] = value
    return parse(pulumi.get_stack(), values, describe)


def kong(settings: Settings) -> Kong:
    """Kong's address and token: `gateway.adminUrl` and the secret `kong:kongAdminToken`, or the environment."""
    url = settings.gateway.admin_url or os.environ.get("KONG_ADMIN_ADDR")
    if not url:
        raise pulumi.RunError("no address of Kong's Admin API: set kong-oam:gateway.adminUrl, or KONG_ADMIN_ADDR")
    return Kong(url, setting("kong", "kongAdminToken", "KONG_ADMIN_TOKEN"))


def setting(namespace: str, key: str, variable: str) -> str | None:
    """A provider's own setting, from the stack's configuration or else from the environment."""
    return pulumi.Config(namespace).get(key) or os.environ.get(variable)
