"""Makes stacks of an estate that are not there yet, with the files that they are run by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from kong_oam.access.settings.partitions import ESTATE
from kong_oam.access.settings.project import config_in
from kong_oam.access.settings.stack import NAMESPACE, Settings, stack_file
from kong_oam.engine.cli import SHORT, pulumi
from kong_oam.stacks.records import NAMED


def create(settings: Settings, stack: str) -> None:
    """Makes a stack of the estate. One of a partition is configured for plugins as the base is,
    secrets included, where it has no file yet. That has all but the secrets from the beginning:
    what is cut off here leaves none by which runs would go to other products than the base's.
    Raises engine.cli.PulumiCliError."""
    estate = settings.stack.name
    base, file = stack_file(estate), stack_file(stack)
    of_plugins = {
        key: one
        for key, one in config_in(base).items()
        if not str(key).startswith(f"{NAMESPACE}:")
    }
    secrets = [key for key, one in of_plugins.items() if _is_secret(one)]
    begun = {f"{NAMESPACE}:{ESTATE}": estate} | {
        key: one for key, one in of_plugins.items() if key not in secrets
    }
    if stack != estate and not file.exists():
        file.write_text(yaml.safe_dump({"config": begun}), "utf-8")
    provider = _secrets_provider(base)
    pulumi(
        "stack",
        "init",
        stack,
        "--no-select",
        *(("--secrets-provider", provider) if provider else ()),
        timeout=SHORT,
    )
    for key in secrets if config_in(file) == begun else ():
        pulumi("config", "cp", key, "--dest", stack, stack=estate, timeout=SHORT)
    pulumi("stack", "tag", "set", NAMED, stack, stack=stack, timeout=SHORT)


def without_file(settings: Settings, stack: str) -> str | None:
    """Says of a stack that the backend has what to do where its file is not there; None where it
    is."""
    if (file := stack_file(stack)).is_file():
        return None
    return (
        f"the backend has a stack '{stack}', and {file} is not there: put it back, or write it "
        f"with {NAMESPACE}:{ESTATE}: {settings.stack.name}, if that stack is this estate's"
    )


def _secrets_provider(file: Path) -> str | None:
    """Who encrypts the secrets of the estate's base, by its stack's file; None: the backend, or a
    passphrase."""
    provider = (yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader) or {}).get(
        "secretsprovider"
    )
    return provider if isinstance(provider, str) else None


def _is_secret(value: Any) -> bool:
    """Whether the value, as a stack's file has it, is encrypted, or something in it is."""
    inner = (
        value.values()
        if isinstance(value, Mapping)
        else value
        if isinstance(value, list)
        else ()
    )
    return (isinstance(value, Mapping) and [*value] == ["secure"]) or any(
        map(_is_secret, inner)
    )
