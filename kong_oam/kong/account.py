"""How a command that is not run by Pulumi reaches what the stack's runs reach: Kong's Admin API, and the CLI itself."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kong_oam.access.settings.stack import Settings
from kong_oam.errors import SettingsError

_PATIENCE = 60.0  # seconds for the CLI to read a setting or the outputs
_CREDENTIALS = (("kong:kongAdminToken", "KONG_ADMIN_TOKEN"), ("kong:kongApiKey", "KONG_API_KEY"))


@dataclass(frozen=True, slots=True)
class Kong:
    """How to reach Kong's Admin API. `token` and `api_key` are plain here and must leave only as secrets."""

    admin_url: str
    token: str | None
    api_key: str | None


class AccountError(SettingsError):
    """What is needed is not there, or the CLI does not give it. The message says what to do."""


def account(settings: Settings) -> Kong:
    """Where the Admin API is, and the credentials for it: from the environment, or the stack's file and its secrets.

    The CLI is only asked for what the environment lacks and the file has. Raises AccountError.
    """
    url = settings.gateway.admin_url or os.environ.get("KONG_ADMIN_ADDR")
    if not url:
        raise AccountError("no address of Kong's Admin API: set kong-oam:gateway.adminUrl, or KONG_ADMIN_ADDR")
    token, key = (_credential(settings.stack.name, *where) for where in _CREDENTIALS)
    return Kong(url, token, key)


def _credential(stack: str, setting: str, variable: str) -> str | None:
    if variable in os.environ:
        return os.environ[variable]
    file = Path("stacks") / f"Pulumi.{stack}.yaml"
    if not file.is_file() or setting not in file.read_text("utf-8"):
        return None
    return cli("config", "get", setting, "--stack", stack).strip() or None


def cli(*arguments: str) -> str:
    """What the CLI prints. Raises AccountError; its message never holds what the CLI printed on standard output."""
    command = ("pulumi", *arguments, "--non-interactive")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AccountError(f"`{' '.join(command[:3])}` cannot be run ({type(error).__name__})") from None
    if done.returncode:
        raise AccountError(f"`{' '.join(command[:3])}` failed: {' '.join(done.stderr.split())[:300]}")
    return done.stdout
