"""Creates missing stacks of an estate, with their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from kong_oam.access.settings.partitions import ESTATE
from kong_oam.access.settings.project import (
    NAMESPACE,
    config_in,
    stack_file,
    yaml_in,
)
from kong_oam.access.settings.values import Settings
from kong_oam.engine.cli import SHORT, pulumi
from kong_oam.stacks.records import NAME_TAG


def create(settings: Settings, stack: str) -> None:
    """Create a stack of the estate. Raises engine.cli.PulumiCliError.

    A partition's stack without a file gets the base's plugin configuration, secrets included. The
    file has all plain settings before any secret, so that an interruption never leaves a stack that
    runs against other products.
    """
    estate = settings.stack.name
    base = stack_file(estate)
    file = stack_file(stack)
    begun = {f"{NAMESPACE}:{ESTATE}": estate}
    secrets = []
    for key, value in config_in(base).items():
        if str(key).startswith(f"{NAMESPACE}:"):
            continue
        if _is_secret(value):
            secrets.append(key)
        else:
            begun[key] = value
    if stack != estate and not file.exists():
        file.write_text(yaml.safe_dump({"config": begun}), "utf-8")
    # Without a provider, the backend or a passphrase encrypts the secrets.
    written = yaml_in(base) or {}
    provider = written.get("secretsprovider")
    encrypted = (
        ("--secrets-provider", provider) if isinstance(provider, str) else ()
    )
    pulumi("stack", "init", stack, "--no-select", *encrypted, timeout=SHORT)
    if config_in(file) == begun:
        for key in secrets:
            pulumi(
                "config",
                "cp",
                key,
                "--dest",
                stack,
                stack=estate,
                timeout=SHORT,
            )
    pulumi("stack", "tag", "set", NAME_TAG, stack, stack=stack, timeout=SHORT)


def missing_file_message(settings: Settings, stack: str) -> str | None:
    """Return what to do about an existing stack whose file is missing; None if the file exists."""
    file = stack_file(stack)
    if file.is_file():
        return None
    return (
        f"stack '{stack}' exists, but {file} is missing: restore the file. If the stack belongs to "
        f"this estate, you can write a new file with {NAMESPACE}:{ESTATE}: {settings.stack.name}"
    )


def _is_secret(value: Any) -> bool:
    """Return whether a value in a stack's file is or contains an encrypted secret."""
    if isinstance(value, Mapping):
        return [*value] == ["secure"] or any(map(_is_secret, value.values()))
    return isinstance(value, list) and any(map(_is_secret, value))
