"""Distinguish new findings from earlier findings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from kong_oam.diagnostics import Diagnostic


class KnownFindings:
    """The findings before a change."""

    def __init__(self, before: Iterable[Diagnostic]) -> None:
        self._counts = Counter(map(_key, before))

    def is_new(self, finding: Diagnostic) -> bool:
        """Return whether the finding is new. Call it once for each finding: of two equal findings,
        the second may be new."""
        self._counts[_key(finding)] -= 1
        return self._counts[_key(finding)] < 0


def _key(finding: Diagnostic) -> tuple[str, str, str]:
    """Return a key that stays the same if the finding moves to another line."""
    position = finding.position.file if finding.position else ""
    return (
        finding.code,
        position,
        re.sub(r":\d+:\d+|line \d+", "", finding.message),
    )
