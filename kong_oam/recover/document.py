"""The lock of a document that a dead command left behind."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.access.settings.project import stack_file
from kong_oam.access.settings.stack import read_file
from kong_oam.errors import ProductError, SettingsError
from kong_oam.kong.account import is_read_only
from kong_oam.kong.dbless.session import place_of
from kong_oam.recover.recovery import RecoveryError


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock of a document. `holder`: the dead command that holds it, in words, or None."""

    document: str
    holder: str | None


def document_lock(stack: str, *, removes: bool) -> Lock | None:
    """Return the lock of a stack's document; None if this command can use the Admin API.

    `removes`: free the document of a dead command. Raises RecoveryError, also if the command that
    holds the document may still run.
    """
    try:
        settings = read_file(stack_file(stack))
        dbless = settings.gateway.dbless
        if dbless is None or not is_read_only(settings):
            return None
        place = place_of(dbless)
        lock = Lock(str(place), place.dead_holder())
        if removes:
            place.free()
    except (ProductError, SettingsError) as error:
        raise RecoveryError(str(error)) from None
    return lock
