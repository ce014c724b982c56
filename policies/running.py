"""The rule about what runs in Kong's serverless functions: the scripts of this version, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .deployed import Deployment, Resource
from .rule import PolicyFinding, Settings
from .scripts import admission_in, behind, beside, is_code, is_gate, is_hsts, nameless, table_of

PLUGIN = "kong:index/plugin:Plugin"

SCRIPTS = {"pre-function": "admission", "post-function": "the gate"}

_PHASES = ("access", "header_filter", "body_filter", "log")
"""Those in which a script of ours may run beside admission."""


def current_scripts(deployment: Deployment, _: Settings) -> Iterator[PolicyFinding]:
    """Checks that admission and gate run the scripts of this version, and none of somebody's in any phase; and that
    what has the code of admissions has that of this version, and of versions before at the most."""
    for plugin in deployment.of(PLUGIN):
        kind, config = plugin.text("name"), plugin.config
        if kind not in SCRIPTS or config is None:
            continue
        if has_code(plugin):
            scripts = config.get("rewrite") or []
            if not any(is_code(script, current=True) for script in scripts):
                yield PolicyFinding(f"{plugin.name} does not have the code of this version", plugin)
            continue
        yield from _scripts_of_port(plugin, kind, config)


def _scripts_of_port(plugin: Resource, kind: str, config: Mapping[str, Any]) -> Iterator[PolicyFinding]:
    first, *more = config.get("access") or [""]
    table = table_of(config) or {}
    wanted = beside if kind == "pre-function" else behind
    meant = {phase: wanted(table, phase) for phase in _PHASES}
    if kind == "pre-function" and is_hsts((config.get("header_filter") or [""])[0]):
        meant["header_filter"].insert(0, config["header_filter"][0])
    is_ours = is_gate(first) if kind == "post-function" else admission_in(first) is not None
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


def has_code(plugin: Resource) -> bool:
    """Whether the plugin meets everything, and leaves the code of versions that there were, and nothing else."""
    config = plugin.config or {}
    scripts = config.get("rewrite") or []
    scoped = any(plugin.properties.get(scope) for scope in ("serviceId", "routeId", "consumerId"))
    nothing_else = not any(code for phase, code in config.items() if phase != "rewrite")
    return (
        plugin.text("name") == "pre-function"
        and not scoped
        and nothing_else
        and bool(scripts)
        and all(map(is_code, scripts))
    )


def calls_code(plugin: Resource) -> bool:
    """Whether it is an admission of this version whose code the global plugin has."""
    first = ((plugin.config or {}).get("access") or [""])[0]
    return plugin.text("name") == "pre-function" and admission_in(first) == "everywhere"


def code_is_there(deployment: Deployment) -> bool:
    """Whether a plugin of the stack has the code that admissions call; of a partition's estate the base has it."""
    estate = deployment.model.estate
    return (estate is not None and estate.role == "partition") or any(
        plugin.properties.get("enabled") and any(is_code(one, current=True) for one in plugin.config["rewrite"])
        for plugin in deployment.of(PLUGIN)
        if has_code(plugin) and plugin.config
    )
