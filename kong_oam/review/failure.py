"""Why a preview failed, in words that may stand in a comment.

What is shown of the engine's errors is what the program itself says when it ends a run
(components/refusal.py): those words are ours, or quote what a product answered when it was only
asked, and hold no secret. A resource's error may hold what its plugin was given, an exception
whatever was in memory, the CLI's own message the backend's address: of those only which it was is
told. Each stands whole in what the command prints that is named below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kong_oam.diagnostics import some
from kong_oam.engine.refusals import OURS
from kong_oam.engine.state import logical_name

_STACK = "pulumi:pulumi:Stack"
_KNOWN = {
    "no stack named '": "the backend has no stack of this name",
    "passphrase must be set": "this run has no PULUMI_CONFIG_PASSPHRASE",
    "incorrect passphrase": "the PULUMI_CONFIG_PASSPHRASE of this run is not that of the stack",
    "PULUMI_ACCESS_TOKEN must be set": "this run has no backend: PULUMI_BACKEND_URL is not set, or "
    "is no address",
    "unable to open state directory": "the folder that PULUMI_BACKEND_URL names is not there",
    "unable to open state database": "the database that PULUMI_BACKEND_URL names does not answer, "
    "or refuses this run",
    "unable to open bucket": "the backend that PULUMI_BACKEND_URL names cannot be opened",
    "is currently locked by": "another run has the stack's lock",
    "Program failed with an unhandled exception": "the program ended with an exception",
}
"""Of what the engine and the CLI say, what people meet: how it is known, and what is said in place
of it."""
UNKNOWN = "the engine or one of its plugins failed"


def reasons(
    errors: Iterable[Mapping[str, Any]], complaint: str = ""
) -> tuple[str, ...]:
    """Words why a preview failed: of the engine's errors (`diagnosticEvent` of its events), and of
    what the CLI wrote to standard error. The program's come first; at least one."""
    own, named, known = (
        [],
        [],
        [words for part, words in _KNOWN.items() if part in complaint],
    )
    for error in errors:
        urn, message = str(error.get("urn") or ""), str(error.get("message", ""))
        kind = "".join(urn.split("::")[2:3]).rpartition("$")[2]
        if not urn or kind == _STACK:
            if message.startswith(OURS):
                own.append(message.removeprefix(OURS).strip())
            else:
                known += [words for part, words in _KNOWN.items() if part in message]
        else:
            named.append(f"{logical_name(urn)} ({kind})")
    failed = [f"failed: {some(dict.fromkeys(named))}"] if named else []
    return tuple(dict.fromkeys([*own, *failed, *known])) or (UNKNOWN,)
