"""The command that holds a document, as its lock names it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime

Holder = Mapping[str, object]


def holder_of(command: str) -> Holder:
    """Return this process as a holder. `command`: its words, for messages."""
    return {
        "command": command,
        "host": socket.gethostname(),
        "process": os.getpid(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def in_words(holder: Holder) -> str:
    """Return a holder as messages show it."""
    if not holder:
        return "an unknown command"
    return (
        f"'{holder.get('command')}' (process {holder.get('process')} on "
        f"{holder.get('host')}, since {holder.get('since')})"
    )


def may_live(holder: Holder) -> bool:
    """Return whether the command may still run. Only a process of this host can be seen."""
    if holder.get("host") != socket.gethostname():
        return True
    process = holder.get("process")
    if not isinstance(process, int):
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
