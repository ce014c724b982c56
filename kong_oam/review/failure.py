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

# An edge: an object in JSON as a command or GitHub prints it.
JsonObject = Mapping[str, Any]

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
    errors: Iterable[JsonObject], complaint: str = ""
) -> tuple[str, ...]:
    """Return words why a preview failed: of the engine's errors (`diagnosticEvent` of its events),
    and of what the CLI wrote to standard error. The program's come first; at least one."""
    own = []
    resources = []
    known = _known(complaint)
    for error in errors:
        urn = str(error.get("urn") or "")
        message = str(error.get("message", ""))
        # A URN is urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME.
        kind = "".join(urn.split("::")[2:3]).rpartition("$")[2]
        if urn and kind != _STACK:
            resources.append(f"{logical_name(urn)} ({kind})")
        # What the program itself says; anything else could hold a secret.
        elif message.startswith(OURS):
            own.append(message.removeprefix(OURS).strip())
        else:
            known += _known(message)
    if resources:
        own.append(f"failed: {some(dict.fromkeys(resources))}")
    return tuple(dict.fromkeys([*own, *known])) or (UNKNOWN,)


def _known(message: str) -> list[str]:
    return [words for part, words in _KNOWN.items() if part in message]
