"""Paths as Applications write them, element by element."""

from __future__ import annotations

from kong_oam.access.data import PathSegments
from kong_oam.access.paths import AmbiguousPathError, declared
from kong_oam.diagnostics import Diagnostic, Report
from kong_oam.oam.position import SourcePosition


def elements_of(
    path: str, position: SourcePosition, out: Report
) -> PathSegments | None:
    """Parse a path as an Application writes it; None, and a finding, where it could be read in two
    ways."""
    try:
        return declared(path)
    except AmbiguousPathError as why:
        out.append(Diagnostic("ACC213", f"path '{path}': {why}", position))
        return None
