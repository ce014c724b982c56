"""Reads a stack's configuration without the engine, for commands."""

from __future__ import annotations

from kong_oam.access.settings.project import stack_file
from kong_oam.engine.cli import SHORT, pulumi
from kong_oam.engine.configuration import Configuration


def of_stack(stack: str) -> Configuration:
    """The configuration for commands that do without the engine: the environment first, then the
    CLI, which is asked for one setting at a time, and only for what the stack's file has. Looking a
    setting up raises cli.CliError."""

    def value(key: str) -> str | None:
        file = stack_file(stack)
        if not file.is_file() or key not in file.read_text("utf-8"):
            return None
        return (
            pulumi("config", "get", key, stack=stack, timeout=SHORT).strip()
            or None
        )

    return Configuration(value, environment_first=True)
