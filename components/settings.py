"""The stack's configuration, read through Pulumi: settings that may be shown, and credentials that may not."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from kong_oam.access.settings.stack import NAMESPACE, Settings, StackError, parse
from kong_oam.engine.configuration import Configuration
from kong_oam.identity.kinds import describe
from kong_oam.kong.account import Kong

_CERTIFICATES = "certificates"


def load() -> Settings:
    """The settings of the current stack. Raises kong_oam.access.settings.stack.StackError."""
    prefix = f"{NAMESPACE}:"
    given = {**get_config_env(), **CONFIG.get()}
    names = (key.removeprefix(prefix) for key in given if key.startswith(prefix))
    # Every key that is there is checked, so that a misspelt one is an error and not a default.
    values = {name: _value(pulumi.Config(NAMESPACE).require(name)) for name in names if name != _CERTIFICATES}
    return parse(pulumi.get_stack(), values, describe)


def _value(text: str) -> Any:
    return json.loads(text) if text[:1] in ("{", "[") else text


def certificates() -> Mapping[str, tuple[str, str]]:
    """Certificates that the stack keeps itself, by the name that gateway traits use: PEM certificate and private key.

    From the secret `kong-oam:certificates`. Raises kong_oam.access.settings.stack.StackError.
    """
    found = pulumi.Config(NAMESPACE).get_object(_CERTIFICATES) or {}
    try:
        return {name: (entry["certificate"], entry["privateKey"]) for name, entry in found.items()}
    except (AttributeError, KeyError, TypeError):
        raise StackError(f"{NAMESPACE}:{_CERTIFICATES}: each has a `certificate` and a `privateKey`, in PEM") from None


def kong(settings: Settings) -> Kong:
    """Kong's address and credentials: `gateway.adminUrl` and the secrets `kong:kongAdminToken` (Kong Enterprise's RBAC)
    and `kong:kongApiKey` (an Admin API behind key-auth), or the environment."""
    url = settings.gateway.admin_url or os.environ.get("KONG_ADMIN_ADDR")
    if not url:
        raise pulumi.RunError("no address of Kong's Admin API: set kong-oam:gateway.adminUrl, or KONG_ADMIN_ADDR")
    return Kong(
        url,
        token=configuration().setting("kong:kongAdminToken", "KONG_ADMIN_TOKEN"),
        api_key=configuration().setting("kong:kongApiKey", "KONG_API_KEY"),
    )


def configuration() -> Configuration:
    """What the current stack's configuration says to the providers' plugins."""
    return Configuration(_configured, pulumi.get_project())


def _configured(key: str) -> str | None:
    namespace, _, name = key.partition(":")
    return pulumi.Config(namespace).get(name)
