"""Compile rotateEvery: how often a client gets a new key."""

from __future__ import annotations

from kong_oam.access.client import ClientYaml, has_key
from kong_oam.access.rotation import days
from kong_oam.diagnostics import Diagnostic, Report
from kong_oam.oam.position import SourcePosition


def rotate_every(
    client: ClientYaml, position: SourcePosition, overlap: int, out: Report
) -> int | None:
    """Return the days until a client's key is replaced; None: the stack's default.

    `overlap`: the days for which the stack keeps a previous key. Findings are added to `out`.
    """
    every = client.get("rotateEvery")
    if every is None:
        return None
    kind = client["kind"]
    if not has_key(kind):
        message = f"'rotateEvery' has no effect: a client of kind '{kind}' has no key; remove it"
        where = position.key("rotateEvery")
        out.append(Diagnostic("OAM109", message, where, "warning"))
    elif days(every) <= overlap:
        message = (
            f"rotateEvery: {every} must be longer "
            f"than the stack's rotation.overlap of {overlap}d"
        )
        out.append(Diagnostic("OAM103", message, position.at("rotateEvery")))
    return days(every)
