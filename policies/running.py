"""The rule about what runs in Kong's serverless functions: the scripts of this version, and nobody
else's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .deployed import Deployment
from .rule import PolicyFinding, Settings
from .scripts import meant

PLUGIN = "kong:index/plugin:Plugin"

SCRIPTS = {"pre-function": "admission", "post-function": "the gate"}


def current_scripts(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Check that admission and gate run the scripts of this version, and no other script in any
    phase."""
    for plugin in deployment.of(PLUGIN):
        kind, config = plugin.text("name"), plugin.config
        if kind not in SCRIPTS or config is None:
            continue
        ours = meant(kind, config)
        if not _has_all(config, ours):
            yield PolicyFinding(
                f"{plugin.name} does not run {SCRIPTS[kind]} of this version", plugin
            )
        foreign = []
        for phase, scripts in sorted(config.items()):
            if scripts and phase != "access" and scripts != ours.get(phase):
                foreign.append(phase)
        if foreign:
            yield PolicyFinding(
                f"{plugin.name} runs a script of somebody's in phase {', '.join(foreign)}",
                plugin,
            )


def _has_all(config: Mapping[str, Any], ours: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether a configuration has the script of this version, and one in each phase in which
    this version has one."""
    if not ours or config.get("access") != ours["access"]:
        return False
    return all(map(config.get, ours))
