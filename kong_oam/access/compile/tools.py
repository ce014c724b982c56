"""Check rules that name MCP tools: whether callers can use the tools, and get no tokens of others.

Source: docs/how-to/serve-mcp-tools.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from kong_oam.access.callers import Callers
from kong_oam.access.data import PathSegments
from kong_oam.access.discovery import documents
from kong_oam.access.methods import tool_of
from kong_oam.access.model import (
    Component,
    Estate,
    Rule,
    Rules,
    by_path,
    listing,
)
from kong_oam.access.paths import written
from kong_oam.access.principals import Access, suffices
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.position import SourcePosition


def closed_endpoints(rules: Rules) -> Findings:
    """Find MCP endpoints that nobody may connect to: no rule of the path lists POST (ACC290)."""
    for path, owned in by_path(rules).items():
        naming = [rule for rule in owned if rule.calls]
        if naming and not listing(owned, "POST"):
            message = (
                f"nobody may connect to the tools of {written(path)}: no rule of this path lists "
                "POST; add a rule with `methods: [POST, GET, DELETE]`"
            )
            yield Diagnostic("ACC290", message, naming[0].position.at("tools"))


def forwarded_tokens(
    rules: Iterable[Rule], position: SourcePosition
) -> Findings:
    """Find `forwardToken` beside rules that name tools (ACC292)."""
    if any(rule.calls for rule in rules):
        message = (
            "an MCP server gets no token of its callers; remove `forwardToken`, "
            "or move the tools to another component"
        )
        yield Diagnostic("ACC292", message, position)


def unreached_endpoints(estate: Estate) -> Findings:
    """Find MCP endpoints whose calls on a host reach another component (ACC293).

    Both components could have a route of the same document there.
    """
    for component in estate.exposed:
        for endpoint, path in documents(component):
            reached = estate.endpoint_on(endpoint.host, path)
            if reached is None or reached[1] is component:
                continue
            other_endpoint, other = reached
            naming = next(rule for rule in component.owned[path] if rule.calls)
            message = (
                f"calls of {endpoint.host}{written(path)} reach '{other.key}' "
                f"({other_endpoint.position}), so nobody may call these tools; use another path, "
                "or remove the rules with tools"
            )
            yield Diagnostic("ACC293", message, naming.position.at("tools"))


def unconnected_callers(estate: Estate) -> Findings:
    """Find tools with callers that may not connect to the endpoint (ACC291)."""
    callers = Callers(estate)
    for component in estate.own.values():
        for path in component.mcp_endpoints:
            yield from _unconnected(component, path, callers)


def _unconnected(
    component: Component, path: PathSegments, callers: Callers
) -> Findings:
    access = callers.at(component, path)
    for rule in component.owned[path]:
        for number, call in enumerate(rule.calls):
            caller = _stranded(access[call], access["POST"])
            if caller:
                message = (
                    f"{caller} may call tool '{tool_of(call)}', but may not connect to "
                    f"{written(path)}; give {caller} a scope of a rule that lists POST"
                )
                position = rule.position.at("tools", number)
                yield Diagnostic("ACC291", message, position)


def _stranded(calling: Access, connecting: Access) -> str | None:
    """Return a caller that may call but not connect, in words; None without any."""
    if connecting.everybody:
        return None
    if calling.everybody:
        return "everybody"
    for principal, condition in sorted(calling.principals.items()):
        met = connecting.principals.get(principal, frozenset())
        for groups in sorted(condition, key=sorted):
            if not suffices(groups, met):
                users = " and ".join(sorted(groups))
                whose = f" for users in {users}" if users else ""
                return f"{principal.client}{whose}"
    return None
