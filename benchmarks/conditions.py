"""The conditions of a run that users have, and that tests change to save time."""

from __future__ import annotations

import gc
import os

from kong_oam.__main__ import GC_THRESHOLDS

# Go's default (`go doc runtime`). The sandbox's engine collects garbage less often.
_GOGC = "100"


def as_users_run() -> None:
    """Start each program anew instead of forking it, with the engine's own garbage collection."""
    os.environ["KONG_OAM_FORK"] = "0"
    os.environ["GOGC"] = _GOGC


def as_commands_run() -> None:
    """Collect Python's garbage as the commands do."""
    gc.set_threshold(*GC_THRESHOLDS)
