"""Read the entities of a running Kong by GET requests to its Admin API."""

from __future__ import annotations

from kong_oam.adopt.entities import OldKong
from kong_oam.diagnostics import Diagnostics
from kong_oam.kong.admin import AdminApi


def read_running(admin: AdminApi) -> tuple[OldKong | None, Diagnostics]:
    """Return the entities of the workspace. Reads twice, and reports a change between the reads.

    Raises AdminError.
    """
    raise NotImplementedError
