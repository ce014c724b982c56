"""The effect of each kind of plugin on calls that the gate judges (`plugin_kinds.json`).

    `harmless`        It observes calls, or marks requests and answers. It changes no method, path
                      or host, and no header that the gate owns. It neither answers nor
                      authenticates.
    `lets pages read` It tells browsers whose pages may read answers, and answers preflights itself.
                      The callers of the workload stay the same.
    `limits`          It denies some calls, and is harmless to all others.
    `closes`          It answers every call itself, with nothing from the workload.
    `answers`         It answers from another source: a cache, a function, another service.
    `authenticates`   It identifies the caller, beside our own plugin.
    `runs code`       It runs somebody's code.
    `rewrites`        It changes the path or the method.
    `depends`         Its configuration decides. `response-transformer-advanced` marks answers,
                      replaces them, or runs Lua functions on them.

A kind that the file does not list may have any of these effects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

PluginEffect = Literal[
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

PLUGIN_KINDS: Mapping[str, PluginEffect] = json.loads(
    Path(__file__).with_suffix(".json").read_text("utf-8")
)
