"""The rule about scripts in Kong's serverless functions: only this version's scripts run there."""

from __future__ import annotations

from collections.abc import Container, Iterator

from .deployed import Deployment, Resource
from .rule import Findings, Settings, about
from .scripts import expected_scripts

PLUGIN = "kong:index/plugin:Plugin"

SCRIPTS = {"pre-function": "admission", "post-function": "the gate"}


def plugins_named(
    deployment: Deployment, names: Container[str]
) -> Iterator[Resource]:
    for plugin in deployment.of(PLUGIN):
        if plugin.text("name") in names:
            yield plugin


def current_scripts(deployment: Deployment, _: Settings) -> Findings:
    """Check that admission and gate run the scripts of this version, and no other script in any
    phase."""
    for plugin in plugins_named(deployment, SCRIPTS):
        kind = plugin.text("name")
        config = plugin.config
        if config is None:
            continue
        ours = expected_scripts(kind, config)
        has_access = bool(ours) and config.get("access") == ours["access"]
        if not has_access or not all(map(config.get, ours)):
            yield about(plugin, f"does not run {SCRIPTS[kind]} of this version")
        foreign = []
        for phase, scripts in sorted(config.items()):
            if scripts and phase != "access" and scripts != ours.get(phase):
                foreign.append(phase)
        if foreign:
            yield about(
                plugin, f"runs a foreign script in phase {', '.join(foreign)}"
            )
