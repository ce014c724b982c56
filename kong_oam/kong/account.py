"""The account with which the program and commands reach Kong's Admin API."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from kong_oam.access.settings.values import Settings
from kong_oam.engine.configuration import Configuration
from kong_oam.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Account:
    """An account at the Admin API of one Kong workspace.

    `token`: for Kong Enterprise's RBAC. `api_key`: for a proxy in front of the Admin API. Both are
    plain text here and must leave only as secrets. `workspace` None: Kong's default.
    """

    admin_url: str
    token: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    workspace: str | None = None


class AccountError(SettingsError):
    """A setting for access to Kong is missing or wrong. The message names the setting."""


def account(settings: Settings, configuration: Configuration) -> Account:
    """Return the account of a stack.

    Its sources are `gateway.adminUrl` and the secrets `kong:kongAdminToken` (Kong Enterprise's
    RBAC) and `kong:kongApiKey` (an Admin API behind key-auth), or the environment. Raises
    AccountError and the errors of `configuration`.
    """
    url = settings.gateway.admin_url or os.environ.get("KONG_ADMIN_ADDR")
    if is_read_only(settings):
        raise AccountError(
            "this Kong has no database; run the command with `kong-oam dbless -s "
            f"{settings.stack.name} -- COMMAND`"
        )
    if not url:
        raise AccountError(
            "the address of Kong's Admin API is missing; set kong-oam:gateway.adminUrl, or "
            "KONG_ADMIN_ADDR"
        )
    if not is_plain(url):  # not quoted: it may hold a password
        raise AccountError(
            "kong-oam:gateway.adminUrl, or KONG_ADMIN_ADDR, is not http(s)://HOST[:PORT][/PATH]; "
            "put credentials into the secrets kong:kongAdminToken and kong:kongApiKey, or into "
            "KONG_ADMIN_TOKEN and KONG_API_KEY"
        )
    plain = node_account(configuration, url)
    return replace(plain, workspace=settings.gateway.workspace)


def is_read_only(settings: Settings) -> bool:
    """Return whether the stack has nodes without a database, and no `dbless` runs around this
    command."""
    has_nodes = settings.gateway.dbless is not None
    return has_nodes and not os.environ.get("KONG_ADMIN_ADDR")


def command_prefix(settings: Settings) -> str:
    """Return the words before a command that writes to the gateway, for remedies."""
    if settings.gateway.dbless is None:
        return ""
    return f"python -m kong_oam dbless -s {settings.stack.name} -- "


def node_account(configuration: Configuration, url: str = "") -> Account:
    """Return the account of a node without a database. Raises the errors of `configuration`."""
    return Account(
        url,
        token=configuration.setting("kong:kongAdminToken", "KONG_ADMIN_TOKEN"),
        api_key=configuration.setting("kong:kongApiKey", "KONG_API_KEY"),
    )


def is_plain(url: str) -> bool:
    """Return whether the URL is only an address: no user, no password, no query."""
    try:
        parts = urlsplit(url)
        return (
            re.fullmatch(r"https?://[^\s?#@]+", url) is not None
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:
        return False
