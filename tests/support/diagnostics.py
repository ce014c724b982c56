"""The findings of a reading, as lines."""

from __future__ import annotations

from kong_oam.oam.application import Reading


def messages(found: Reading) -> list[str]:
    """Return position, severity, code and text of each finding."""
    return [
        f"{diagnostic.position}: {diagnostic.severity} {diagnostic.code}: {diagnostic.message}"
        for diagnostic in found.diagnostics
    ]


def said(found: Reading) -> list[str]:
    """Return position, code and text of each finding."""
    return [
        f"{diagnostic.position}: {diagnostic.code} {diagnostic.message}"
        for diagnostic in found.diagnostics
    ]
