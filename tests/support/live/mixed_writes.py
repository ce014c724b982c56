"""Writes in any order to a Kong without a database: each entity is the old, the new, or missing.

A test runs this module as a process, and kills it. It opens the nodes as `kong-oam dbless` does.

    python -m tests.support.live.mixed_writes STACK DOCUMENT SEED NODE...

Standard input: `{"old": {PATH: BODY}, "new": {PATH: BODY}}`, in the order in which a run makes the
entities.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping

import httpx

from kong_oam.access.settings.dbless import DblessSettings
from kong_oam.kong.account import Account
from kong_oam.kong.dbless.session import session
from tests.support.json_object import JsonObject

Bodies = Mapping[str, JsonObject]
_WHOLE = 0.1
"""How often all entities of one side are written in turn, so that calls are allowed at times."""


def main() -> None:
    stack, document, seed, *nodes = sys.argv[1:]
    sides = json.load(sys.stdin)
    choose = random.Random(int(seed))
    settings = DblessSettings(tuple(nodes), document)
    with (
        session(stack, settings, Account(""), "mixed writes", 0) as address,
        httpx.Client(base_url=address, timeout=60) as admin,
    ):
        while True:
            if choose.random() < _WHOLE:
                _write_all(admin, choose.choice((sides["old"], sides["new"])))
            _write_one(admin, choose, sides["old"], sides["new"])


def _write_all(admin: httpx.Client, bodies: Bodies) -> None:
    for path, body in bodies.items():
        admin.put(path, json=body)


def _write_one(
    admin: httpx.Client, choose: random.Random, old: Bodies, new: Bodies
) -> None:
    """Write or delete an entity. Kong refuses an entity whose service is missing."""
    path = choose.choice(sorted({*old, *new}))
    bodies = [side[path] for side in (old, new) if path in side]
    if choose.random() < 1 / 8:
        admin.delete(path)
    else:
        admin.put(path, json=choose.choice(bodies))


if __name__ == "__main__":
    main()
