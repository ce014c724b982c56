"""The codes of what a run finds in Kong, of the ENV4xx that identity providers and Kubernetes share."""

from __future__ import annotations

from collections.abc import Mapping

from kong_oam.diagnostics import Code

CODES: Mapping[str, Code] = {
    "ENV405": Code(
        "a name that is needed in Kong, or a certificate's host, is somebody else's",
        "have it renamed or removed by whoever made it: what this stack did not make is never touched",
    ),
    "ENV406": Code(
        "something in Kong has this stack's tags, and its state does not know it",
        "look first whether this is the right backend; `python -m kong_oam recover -s STACK --remove` removes it",
    ),
}
