"""Findings that were there before, so that only the others count as new."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from kong_oam.diagnostics import Diagnostic


class Known:
    """Tells findings that are new from those that were there before."""

    def __init__(self, before: Iterable[Diagnostic]) -> None:
        self._left = Counter(map(_key, before))

    def is_new(self, finding: Diagnostic) -> bool:
        """Whether the finding was not there before. Ask once about each finding: of two that are
        alike one may be new."""
        self._left[_key(finding)] -= 1
        return self._left[_key(finding)] < 0


def _key(finding: Diagnostic) -> tuple[str, str, str]:
    """What makes two findings one, wherever their lines have moved to."""
    position = finding.position.file if finding.position else ""
    return (
        finding.code,
        position,
        re.sub(r":\d+:\d+|line \d+", "", finding.message),
    )
