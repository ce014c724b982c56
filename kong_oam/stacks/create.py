"""Makes stacks of an estate that are not there yet, with the files that they are run by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from kong_oam.access.settings.partitions import ESTATE
from kong_oam.access.settings.project import NAMESPACE, config_in, stack_file
from kong_oam.access.settings.values import Settings
from kong_oam.engine.cli import SHORT, pulumi
from kong_oam.stacks.records import NAMED


def create(settings: Settings, stack: str) -> None:
    """Make a stack of the estate. One of a partition is configured for plugins as the base is,
    secrets included, where it has no file yet. That has all but the secrets from the beginning:
    what is cut off here leaves none by which runs would go to other products than the base's.
    Raises engine.cli.PulumiCliError."""
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
    # Without a provider the backend encrypts the secrets, or a passphrase does.
    written = yaml.load(base.read_text("utf-8"), Loader=yaml.CSafeLoader) or {}
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
    pulumi("stack", "tag", "set", NAMED, stack, stack=stack, timeout=SHORT)


def without_file(settings: Settings, stack: str) -> str | None:
    """Say of a stack that the backend has what to do where its file is not there; None where it
    is."""
    file = stack_file(stack)
    if file.is_file():
        return None
    return (
        f"the backend has a stack '{stack}', and {file} is not there: put it back, or write it "
        f"with {NAMESPACE}:{ESTATE}: {settings.stack.name}, if that stack is this estate's"
    )


def _is_secret(value: Any) -> bool:
    """Tell whether the value, as a stack's file has it, is encrypted, or something in it is."""
    if isinstance(value, Mapping):
        return [*value] == ["secure"] or any(map(_is_secret, value.values()))
    return isinstance(value, list) and any(map(_is_secret, value))
