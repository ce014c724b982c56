"""Words of a command line that can only name files."""

from __future__ import annotations

from kong_oam.oam.files import DEFINITIONS, is_glob


def is_file_name(word: str) -> bool:
    """Whether only a file can be meant, or several by a pattern: of Applications, or of
    definitions."""
    return is_glob(word) or DEFINITIONS.takes(word)
