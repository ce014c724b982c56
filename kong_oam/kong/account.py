"""The account by which the program and commands alike reach Kong's Admin API."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kong_oam.access.settings.values import Settings
from kong_oam.engine.configuration import Configuration
from kong_oam.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Account:
    """An account at the Admin API of one workspace of Kong: `token` as Kong Enterprise's RBAC wants
    it, `api_key` as a proxy before it does. Both are plain here and must leave only as secrets;
    without `workspace` it is Kong's default.
    """

    admin_url: str
    token: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    workspace: str | None = None


class AccountError(SettingsError):
    """A setting that is needed to reach Kong is missing. The message says what to do."""


def account(settings: Settings, configuration: Configuration) -> Account:
    """The account of a stack: `gateway.adminUrl` and the secrets `kong:kongAdminToken` (Kong
    Enterprise's RBAC) and `kong:kongApiKey` (an Admin API behind key-auth), or the environment.
    Raises AccountError, and what `configuration` does."""
    url = settings.gateway.admin_url or os.environ.get("KONG_ADMIN_ADDR")
    if not url:
        raise AccountError(
            "no address of Kong's Admin API: set kong-oam:gateway.adminUrl, or KONG_ADMIN_ADDR"
        )
    if not _is_plain(url):  # not quoted: it may hold a password
        raise AccountError(
            "kong-oam:gateway.adminUrl, or KONG_ADMIN_ADDR, is not http(s)://HOST[:PORT][/PATH]; "
            "credentials go into the secrets kong:kongAdminToken and kong:kongApiKey, or "
            "KONG_ADMIN_TOKEN and KONG_API_KEY"
        )
    return Account(
        url,
        token=configuration.setting("kong:kongAdminToken", "KONG_ADMIN_TOKEN"),
        api_key=configuration.setting("kong:kongApiKey", "KONG_API_KEY"),
        workspace=settings.gateway.workspace,
    )


def _is_plain(url: str) -> bool:
    """Whether it is an address and nothing else: no user, no password, no query."""
    try:
        parts = urlsplit(url)
        return (
            re.fullmatch(r"https?://[^\s?#@]+", url) is not None
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:
        return False
