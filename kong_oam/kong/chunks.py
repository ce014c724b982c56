"""The scripts that run in `pre-function` beside admission, by the key of the table that asks for
them.

So the table alone says which scripts there are, and a change of an Application is a change of its
table. A chunk is a script of its own: what several would carry admission has once, and leaves
(`kong.ctx.shared.kong_oam_readers`, with `left_table`, which gives the table); what else is known
of the request stands beside that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from kong_oam.access.data import Data
from kong_oam.kong.at_kong import Parts, Scripts
from kong_oam.traits.at_kong import AT_KONG

# {phase of `pre-function`: parts} of the scripts that are there whatever the table
# says; they run first.
ALWAYS: Mapping[str, Parts] = {
    "header_filter": ("problem",),
    "body_filter": ("problem_body",),
}

# {key of the table: {phase of `pre-function`: parts}}, in the order in which they run
# in a phase.
CHUNKS: dict[str, Mapping[str, Parts]] = {}

# {key of the table: {phase of `post-function`: parts}} of the scripts behind the gate,
# in the order in which they run: in `access` on what it let pass, in another phase on
# every request.
BEHIND: dict[str, Mapping[str, Parts]] = {}

for _trait in AT_KONG:
    CHUNKS |= _trait.scripts
    BEHIND |= _trait.behind

# Records are of what all others did.
CHUNKS["log"] = {"log": ("queries", "record")}
BEHIND["log"] = {"header_filter": ("queries", "traces")}


def behind(table: str) -> Iterator[tuple[str, Parts]]:
    """Yield phase and parts of each script behind the gate of a table, in order."""
    return _asked_for(table, BEHIND)


def chunks_of(table: str) -> Iterator[tuple[str, Parts]]:
    """Yield phase and parts of each chunk beside a table, in order: those always there, and what
    it asks for."""
    yield from ALWAYS.items()
    yield from _asked_for(table, CHUNKS)


def _asked_for(table: str, scripts: Scripts) -> Iterator[tuple[str, Parts]]:
    keys = _read(table)
    for key, phases in scripts.items():
        if key in keys:
            yield from phases.items()


def _read(table: str) -> Data:
    """Return the table; empty where it is none, as one that somebody wrote by hand may be."""
    try:
        value = json.loads(table)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
