"""Finds the reasons in an old configuration for which the first run beside it would stop."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.adopt.entities import OldKong, OldPlugin
from kong_oam.adopt.sync import missing_tags
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.kong.effects import is_acting
from kong_oam.oam.position import FilePlace


def stops(old: OldKong, replaced: frozenset[str] = frozenset()) -> Findings:
    """Yield a warning for each global plugin that would act on services of a stack.

    `replaced`: kinds of plugins that all services of the stack have themselves.
    Yield a warning for each decK file whose sync would delete entities of a stack, too. A run has
    the same codes.
    """
    for plugin in _global_plugins(old):
        if plugin.name in replaced:
            continue
        message = (
            f"a run stops: the global plugin '{plugin.name}' would act on its services; put it on "
            "each service that needs it, and delete the global plugin"
        )
        yield Diagnostic("ENV427", message, plugin.position, "warning")
    mistake = "" if old.is_running else missing_tags(old.select_tags)
    for source in old.sources if mistake else ():
        message = (
            f"{mistake}, so a run stops: a sync would delete its entities; tag the entities of the "
            "file, sync, and select that tag"
        )
        yield Diagnostic("ENV428", message, FilePlace(source, 1, 1), "warning")


def _global_plugins(old: OldKong) -> Iterator[OldPlugin]:
    for plugin in old.plugins:
        if not (plugin.is_global and plugin.enabled and plugin.is_http):
            continue
        # The values of other settings are unknown, so such a plugin may run code.
        may_run_code = "custom_fields_by_lua" in plugin.other_config
        known = {"name": plugin.name, "config": plugin.config}
        if may_run_code or is_acting(known):
            yield plugin
