"""Makes stacks of an estate that are not there yet, with the files that they are run by."""

from __future__ import annotations

from pathlib import Path

import yaml

from kong_oam.access.settings.partitions import ESTATE
from kong_oam.access.settings.project import config_in
from kong_oam.access.settings.stack import NAMESPACE, Settings, stack_file
from kong_oam.engine.cli import SHORT, pulumi
from kong_oam.stacks.records import NAMED


def create(settings: Settings, stack: str) -> None:
    """Makes a stack of the estate. One of a partition is configured for plugins as the base is, secrets included, where
    it has no file yet. Raises engine.cli.CliError."""
    estate = settings.stack.name
    base, file = stack_file(estate), stack_file(stack)
    new = not file.exists()
    if new:
        file.write_text(yaml.safe_dump({"config": {f"{NAMESPACE}:{ESTATE}": estate}}), "utf-8")
    provider = _secrets_provider(base)
    pulumi(
        "stack", "init", stack, "--no-select", *(("--secrets-provider", provider) if provider else ()), timeout=SHORT
    )
    pulumi("stack", "tag", "set", NAMED, stack, stack=stack, timeout=SHORT)
    for key in config_in(base) if new else ():
        if not key.startswith(f"{NAMESPACE}:"):
            pulumi("config", "cp", key, "--dest", stack, stack=estate, timeout=SHORT)


def _secrets_provider(file: Path) -> str | None:
    """Who encrypts the secrets of the estate's base, by its stack's file; None: the backend, or a passphrase."""
    provider = (yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader) or {}).get("secretsprovider")
    return provider if isinstance(provider, str) else None
