"""The stack's configuration for commands, which do not run the engine."""

from __future__ import annotations

from kong_oam.access.settings.project import stack_file
from kong_oam.engine.cli import SHORT, pulumi
from kong_oam.engine.configuration import Configuration


def stack_configuration(stack: str) -> Configuration:
    """Return the configuration of a stack for commands. Environment variables come first.

    The CLI then reads single settings, and only settings in the stack's file. Looking up a setting
    raises cli.PulumiCliError.
    """

    def value(key: str) -> str | None:
        file = stack_file(stack)
        if not file.is_file() or key not in file.read_text("utf-8"):
            return None
        return (
            pulumi("config", "get", key, stack=stack, timeout=SHORT).strip()
            or None
        )

    return Configuration(value, environment_first=True)
