"""Texts as bytes of the wire."""

from __future__ import annotations


def wire(text: str) -> str:
    """Return the UTF-8 bytes of a text as latin-1 characters: how requests and Lua strings look in
    this package."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
