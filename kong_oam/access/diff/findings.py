"""Changes of access as findings with a code and a place, for lists of findings (SARIF)."""

from __future__ import annotations

from collections.abc import Iterable

from kong_oam.access.diff.change import Difference
from kong_oam.access.diff.wording import headline
from kong_oam.diagnostics import Code, Codes, Diagnostic, Findings

# A code for each kind of change that needs an approval.
CODES: Codes = {
    "newly-public": Code(
        "a request no longer needs a token (warning)",
        "ask the owner of the component to approve it",
    ),
    "granted": Code(
        "a client gets access to further requests, or a caller to a port of pods (warning)",
        "ask the owner of the component to approve it",
    ),
    "widened": Code(
        "more users or addresses may call (warning)",
        "ask the owner of the component to approve it",
    ),
    "answered-by": Code(
        "another component, port or set of pods answers (warning)",
        "ask both owners to approve it",
    ),
    "may-widen": Code(
        "a changed setting may give access to further callers (warning)",
        "ask the platform team to approve it",
    ),
    "owner": Code(
        "a component has another owner (warning)",
        "ask both owners to approve it",
    ),
}


def findings(changes: Iterable[Difference], scheme: str) -> Findings:
    """Yield a finding for each change that may open access, at the rule that gives it, and for each
    new owner, at the component. Closing changes are no findings."""
    for change in changes:
        code = change.kind.replace(" ", "-")
        if code in CODES:
            yield Diagnostic(
                code,
                headline([change], scheme),
                change.position,
                "warning",
            )
