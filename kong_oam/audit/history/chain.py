"""Facts in a chain of records: about a stack, and about clients."""

from __future__ import annotations

from collections.abc import Iterable

from kong_oam.audit.history.run import Run, Update


def recorded_updates(
    runs: Iterable[Run], stack: str
) -> dict[tuple[str, str], Update]:
    """Return the recorded updates of a stack, by their keys."""
    found = {}
    for run in runs:
        if part := run.stacks.get(stack):
            found.update({update.key: update for update in part.updates})
    return found


def state_at_end(runs: Iterable[Run], stack: str) -> str:
    """Return the digest of the last recorded state of a stack; empty without a record."""
    digest = ""
    for run in runs:
        if part := run.stacks.get(stack):
            digest = part.state
    return digest


def callers_by_id(runs: Iterable[Run]) -> dict[str, str]:
    """Return the component of each recorded client id; the last record counts."""
    found = {}
    for run in runs:
        clients = run.data.get("clients") or {}
        for component, ids in clients.items():
            found.update(dict.fromkeys(ids, component))
    return found
