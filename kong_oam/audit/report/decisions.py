"""Read a report's page and the decisions of its reviewer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from kong_oam.audit.report.lines import LineKey
from kong_oam.audit.report.page import (
    COMPONENT,
    HOLDER,
    KIND,
    OWNER,
    VERSION,
    digest_of,
)
from kong_oam.audit.report.review import Decision, Review, Verdict
from kong_oam.diagnostics import printable
from kong_oam.errors import InputError

_DATA = re.compile(
    rb'<script type="application/json" id="data">([^<]*)</script>'
)
_DIGEST = re.compile(rb'<meta name="snapshot" content="([0-9a-f]{64})">')
_VERDICTS: Mapping[str, Verdict] = {"keep": "keep", "revoke": "revoke"}


class DecisionsError(InputError):
    """A report or a file with decisions that cannot be read."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The data of a report's page. `owners` has the owner of each line's component.

    `digest` is the SHA-256 of the data, and `page` the SHA-256 of the file.
    """

    stack: str
    time: str
    digest: str
    page: str
    owners: Mapping[LineKey, str]


def read_snapshot(page: bytes) -> Snapshot:
    """Return the snapshot in a page. Raises DecisionsError."""
    data = _DATA.search(page)
    digest = _DIGEST.search(page)
    if not data or not digest:
        raise DecisionsError(
            "no report: name the page that `audit report -o` wrote"
        )
    text = data[1].decode()
    if digest_of(text) != digest[1].decode():
        raise DecisionsError(
            "the data of the report was changed: use the page as `audit report` wrote it"
        )
    fields = json.loads(text)
    if fields.get("version") != VERSION:
        raise DecisionsError(
            "another version of Kong-OAM wrote the report: use that version"
        )
    names = fields["names"]
    owners = {}
    for line in fields["lines"]:
        key = LineKey(
            names[line[COMPONENT]], names[line[KIND]], names[line[HOLDER]]
        )
        owners[key] = names[line[OWNER]]
    return Snapshot(
        fields["stack"],
        fields["time"],
        digest_of(text),
        sha256(page).hexdigest(),
        owners,
    )


def review_of(name: str, raw: bytes, snapshot: Snapshot) -> Review:
    """Return the review of a file with decisions. The record adds the time. Raises
    DecisionsError."""
    try:
        fields = json.loads(raw)
        if not isinstance(fields, dict):
            raise TypeError
        if fields["snapshot"] != snapshot.digest:
            raise DecisionsError(
                "the decisions are about another snapshot: name their report with --report"
            )
        team = str(fields.get("team") or "")
        decisions = tuple(_decisions(fields, team, snapshot))
    except (KeyError, TypeError, ValueError, RecursionError):
        raise DecisionsError(
            "no decisions: save them in the page, and name the saved file"
        ) from None
    if not decisions:
        raise DecisionsError("the file has no decision: nothing is recorded")
    return Review(
        printable(name),
        printable(team),
        "",
        snapshot.digest,
        snapshot.time,
        snapshot.page,
        len(snapshot.owners),
        decisions,
    )


def _decisions(
    fields: Mapping[str, Any], team: str, snapshot: Snapshot
) -> Iterator[Decision]:
    """Yield the decisions of a file. Raises DecisionsError, KeyError or TypeError."""
    found = set()
    for entry in fields["decisions"]:
        key = LineKey(entry["component"], entry["kind"], entry["holder"])
        line = printable(f"{key.component} {key.kind} {key.holder}")
        if key not in snapshot.owners:
            raise DecisionsError(f"the report has no line '{line}'")
        if key in found:
            raise DecisionsError(f"two decisions about the line '{line}'")
        found.add(key)
        verdict = _VERDICTS[entry["decision"]]
        reason = printable(str(entry["reason"]).strip())
        if not reason:
            raise DecisionsError(
                f"the decision about '{line}' has no reason: write it in the page"
            )
        is_own = bool(team) and snapshot.owners[key] == team
        yield Decision(key, verdict, reason, is_own)
