"""Parse paths in Applications into elements."""

from __future__ import annotations

from kong_oam.access.data import PathSegments
from kong_oam.access.paths import AmbiguousPathError, declared
from kong_oam.diagnostics import Diagnostic, Report
from kong_oam.oam.position import SourcePosition


def elements_of(
    path: str, position: SourcePosition, out: Report
) -> PathSegments | None:
    """Parse a path of an Application. Return None and add a finding if it is ambiguous."""
    try:
        return declared(path)
    except AmbiguousPathError as why:
        out.append(Diagnostic("ACC213", f"path '{path}' {why}", position))
        return None
