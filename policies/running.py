"""The rule about what runs in Kong's serverless functions: the scripts of this version, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .deployed import Deployment, Resource
from .rule import PolicyFinding, Settings
from .scripts import behind, beside, is_admission, is_gate, is_hsts, nameless, table_of

PLUGIN = "kong:index/plugin:Plugin"

SCRIPTS = {"pre-function": "admission", "post-function": "the gate"}

_PHASES = ("access", "header_filter", "body_filter", "log")
"""Those in which a script of ours may run beside admission."""


def current_scripts(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that admission and gate run the scripts of this version, and no other script in any phase."""
    for plugin in deployment.of(PLUGIN):
        kind, config = plugin.text("name"), plugin.config
        if kind not in SCRIPTS or config is None:
            continue
        yield from _scripts_of_port(plugin, kind, config)


def _scripts_of_port(plugin: Resource, kind: str, config: Mapping[str, Any]) -> Iterator[PolicyFinding]:
    first, *more = config.get("access") or [""]
    table = table_of(config) or {}
    wanted = beside if kind == "pre-function" else behind
    meant = {phase: wanted(table, phase) for phase in _PHASES}
    if kind == "pre-function" and is_hsts((config.get("header_filter") or [""])[0]):
        meant["header_filter"].insert(0, config["header_filter"][0])
    is_ours = is_gate(first) if kind == "post-function" else is_admission(first)
    lacking = any(scripts and not config.get(phase) for phase, scripts in meant.items() if phase != "access")
    if not is_ours or [*map(nameless, more)] != meant["access"] or lacking:
        yield PolicyFinding(f"{plugin.name} does not run {SCRIPTS[kind]} of this version", plugin)
    foreign = sorted(
        phase
        for phase, scripts in config.items()
        if scripts and phase != "access" and [*map(nameless, scripts)] != [*map(nameless, meant.get(phase, ()))]
    )
    if foreign:
        yield PolicyFinding(f"{plugin.name} runs a script of somebody's in phase {', '.join(foreign)}", plugin)
