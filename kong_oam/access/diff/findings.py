"""Changes of access as findings with a code and a place, for lists of findings (SARIF)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kong_oam.access.diff.change import Difference
from kong_oam.access.diff.kind import Kind
from kong_oam.access.diff.wording import headline
from kong_oam.diagnostics import Code, Codes, Diagnostic, Findings

_MEANINGS: Mapping[Kind, tuple[str, str]] = {
    "newly public": (
        "a request no longer needs a token (warning)",
        "ask the owner of the component to approve it",
    ),
    "granted": (
        "a client gets access to further requests (warning)",
        "ask the owner of the component to approve it",
    ),
    "widened": (
        "more users or addresses may call (warning)",
        "ask the owner of the component to approve it",
    ),
    "answered by": (
        "another component, port or set of pods answers (warning)",
        "ask both owners to approve it",
    ),
    "may widen": (
        "a changed setting may give access to further callers (warning)",
        "ask the platform team to approve it",
    ),
    "owner": (
        "a component has another owner (warning)",
        "ask both owners to approve it",
    ),
}


def _code(kind: Kind) -> str:
    return kind.replace(" ", "-")


# A code for each kind of change that needs an approval: `newly-public`, `answered-by`.
CODES: Codes = {
    _code(kind): Code(title, remedy)
    for kind, (title, remedy) in _MEANINGS.items()
}


def findings(changes: Iterable[Difference], scheme: str) -> Findings:
    """Yield a finding for each change that may open access, at the rule that gives it, and for each
    new owner, at the component. Closing changes are no findings."""
    for change in changes:
        if change.kind in _MEANINGS:
            yield Diagnostic(
                _code(change.kind),
                headline([change], scheme),
                change.position,
                "warning",
            )
