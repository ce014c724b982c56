"""Reasons for a failed preview, safe to print in a public comment.

Only the program's own errors are printed in full (components/refusal.py): they are our texts, or
quote answers of products without secrets. Other errors may contain secrets: a resource's inputs, a
program's memory, or a backend's address. For these, the comment prints only which resource or which
known problem it was. The command that the comment names prints the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kong_oam.diagnostics import some
from kong_oam.engine.error_prefix import ERROR_PREFIX
from kong_oam.engine.state import logical_name

# An edge: a JSON object as a command or GitHub prints it.
JsonObject = Mapping[str, Any]
# Names in order.
Names = tuple[str, ...]

_STACK = "pulumi:pulumi:Stack"
# Frequent errors of the engine and the CLI: a part of the original text, and the text for the
# comment.
_KNOWN = {
    "no stack named '": "the backend has no stack of this name",
    "passphrase must be set": "this run has no PULUMI_CONFIG_PASSPHRASE",
    "incorrect passphrase": "the PULUMI_CONFIG_PASSPHRASE of this "
    "run is not the stack's passphrase",
    "PULUMI_ACCESS_TOKEN must be set": "this run has no backend: PULUMI_BACKEND_URL is not set, or "
    "is not an address",
    "unable to open state directory": "the folder in PULUMI_BACKEND_URL is missing",
    "unable to open state database": "the database in PULUMI_BACKEND_URL does not answer, or "
    "rejects this run",
    "unable to open bucket": "the backend in PULUMI_BACKEND_URL cannot be opened",
    "is currently locked by": "another run has locked the stack",
    "Program failed with an unhandled exception": "the program ended with an exception",
}
UNKNOWN = "the engine or one of its plugins failed"


def reasons(errors: Iterable[JsonObject], complaint: str = "") -> Names:
    """Return the reasons for a failed preview, the program's own errors first; at least one.

    `errors` are the engine's `diagnosticEvent`s, and `complaint` is the CLI's standard error.
    """
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
        # The program's own error; any other message could contain a secret.
        elif message.startswith(ERROR_PREFIX):
            own.append(message.removeprefix(ERROR_PREFIX).strip())
        else:
            known += _known(message)
    if resources:
        own.append(f"failed: {some(dict.fromkeys(resources))}")
    return tuple(dict.fromkeys([*own, *known])) or (UNKNOWN,)


def _known(message: str) -> list[str]:
    return [words for part, words in _KNOWN.items() if part in message]
