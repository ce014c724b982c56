"""Reads the stack's configuration through Pulumi: public settings, and secret credentials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from kong_oam.access.settings.project import NAMESPACE, stack_file
from kong_oam.access.settings.stack import parse, values_in
from kong_oam.access.settings.values import Describe, Settings, StackError
from kong_oam.diagnostics import some
from kong_oam.engine.configuration import Configuration
from kong_oam.errors import SettingsError
from kong_oam.kong.account import Account, account
from kong_oam.oam.position import Fields

from .refusal import refuse

_CERTIFICATES = "certificates"


def load(describe: Describe) -> Settings:
    """Read the settings of the current stack; `describe` describes its providers.

    Raises kong_oam.access.settings.values.StackError, also if the settings differ from the stack's
    file.
    """
    prefix = f"{NAMESPACE}:"
    configured = {**get_config_env(), **CONFIG.get()}
    names = (
        key.removeprefix(prefix) for key in configured if key.startswith(prefix)
    )
    # Check every key, so that a misspelt key is an error and not a default.
    values = {
        name: _value(pulumi.Config(NAMESPACE).require(name))
        for name in names
        if name != _CERTIFICATES
    }
    _require_as_written(pulumi.get_stack(), values)
    return parse(pulumi.get_stack(), values, describe)


def _require_as_written(stack: str, values: Fields) -> None:
    """Raise StackError if the engine took a setting from another place than the commands do.

    The review of a change and the policy pack would then read other Applications than the run
    deploys.
    """
    file = stack_file(stack)
    written = values_in(file) if file.is_file() else {}
    names = {*values, *written} - {_CERTIFICATES}
    others = [name for name in names if values.get(name) != written.get(name)]
    if others:
        keys = some(f"{NAMESPACE}:{name}" for name in sorted(others))
        raise StackError(
            f"stack '{stack}': {keys}: differs from {file}, which check, diff, review and "
            "policies read. Keep settings only there, not in Pulumi.yaml's config, in another "
            "stackConfigDir, or in a --config-file"
        )


def _value(text: str) -> Any:
    return json.loads(text) if text[:1] in ("{", "[") else text


def certificates() -> Mapping[str, tuple[str, str]]:
    """Read the stack's own certificates, by the name that gateway traits use: PEM certificate and
    private key.

    From the secret `kong-oam:certificates`. Raises kong_oam.access.settings.values.StackError.
    """
    entries = pulumi.Config(NAMESPACE).get_object(_CERTIFICATES) or {}
    try:
        return {
            name: (entry["certificate"], entry["privateKey"])
            for name, entry in entries.items()
        }
    except (AttributeError, KeyError, TypeError):
        raise StackError(
            f"{NAMESPACE}:{_CERTIFICATES}: each certificate needs a `certificate` and a "
            "`privateKey`, in PEM"
        ) from None


def kong(settings: Settings) -> Account:
    """Read Kong's address and credentials from the stack's configuration, or else from the
    environment."""
    try:
        return account(settings, configuration())
    except SettingsError as error:
        refuse(error)


def configuration() -> Configuration:
    """Return the settings of the providers' plugins in the current stack's configuration."""
    return Configuration(_configured, pulumi.get_project())


def _configured(key: str) -> str | None:
    namespace, _, name = key.partition(":")
    return pulumi.Config(namespace).get(name)
