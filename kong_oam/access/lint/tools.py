"""The lint rule about paths of MCP servers where the gate reads no message."""

from __future__ import annotations

from kong_oam.access.lint.finding import LintFinding, LintFindings
from kong_oam.access.lint.subject import LintSubject
from kong_oam.access.paths import written
from kong_oam.diagnostics import some


def unread_paths(subject: LintSubject) -> LintFindings:
    """Find rules of an MCP server on other paths than its endpoints (LINT321)."""
    component = subject.component
    endpoints = component.mcp_endpoints
    if not endpoints:
        return
    named = some(map(written, endpoints))
    for rule in component.exposure.rules:
        if rule.path not in endpoints:
            message = (
                f"the gate reads no message on {written(rule.path)}, so callers may call every "
                f"tool there; rules name tools on {named}"
            )
            yield LintFinding("LINT321", subject.key, message, rule.position)
