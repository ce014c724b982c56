"""Changes of access as findings with a code and a place, for what lists findings (SARIF)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kong_oam.access.diff.change import Difference
from kong_oam.access.diff.kind import Kind
from kong_oam.access.diff.wording import headline
from kong_oam.diagnostics import Code, Codes, Diagnostic, Findings

_MEANINGS: Mapping[Kind, tuple[str, str]] = {
    "newly public": (
        "a request needs no token any more (warning)",
        "have the owner of the component approve it",
    ),
    "granted": (
        "a client may call what it could not call (warning)",
        "have the owner of the component approve it",
    ),
    "widened": (
        "more users or addresses may call (warning)",
        "have the owner of the component approve it",
    ),
    "answered by": (
        "another component, port or set of pods answers (warning)",
        "have both owners approve it",
    ),
    "may widen": (
        "a setting is another, and somebody may get in by it (warning)",
        "have the platform approve it",
    ),
    "owner": (
        "another team answers for a component (warning)",
        "have both owners approve it",
    ),
}


def _code(kind: Kind) -> str:
    return kind.replace(" ", "-")


# A code for each kind of change that somebody has to approve: `newly-public`, `answered-by`.
CODES: Codes = {
    _code(kind): Code(title, remedy)
    for kind, (title, remedy) in _MEANINGS.items()
}


def findings(changes: Iterable[Difference], scheme: str) -> Findings:
    """Yield the changes that may open, each at the rule that lets callers in, and other owners, at
    the component. What only closes is no finding."""
    for change in changes:
        if change.kind in _MEANINGS:
            yield Diagnostic(
                _code(change.kind),
                headline([change], scheme),
                change.position,
                "warning",
            )
