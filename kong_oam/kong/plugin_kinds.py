"""The effect of plugins of others on calls that ours judge, by kind (`plugin_kinds.json`).

harmless       it can change no method, path or host, and no header that the gate owns, and it neither answers nor
               authenticates: it looks at calls, or marks requests and answers
lets pages read  it tells browsers whose pages may read answers, and answers preflights itself, which ask for nothing of
               the workload's; who may call stays as it is
limits         it refuses some calls, and is harmless to all others
closes         it answers every call itself, with nothing of the workload's
answers        it answers from somewhere else: a cache, a function, another service
authenticates  it says who calls, beside the one plugin of ours that does
runs code      it is made to run what somebody wrote
rewrites       it changes the path or the method
depends        its configuration says: `response-transformer-advanced` marks answers, or puts others in their place, or
               runs functions in Lua on them

A kind that is not there may be any of these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Doing = Literal[
    "harmless",
    "lets pages read",
    "limits",
    "closes",
    "answers",
    "authenticates",
    "runs code",
    "rewrites",
    "depends",
]

PLUGIN_KINDS: Mapping[str, Doing] = json.loads(
    Path(__file__).with_suffix(".json").read_text("utf-8")
)
