"""Write a record at the end of a folder's chain."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from kong_oam.audit.history.read import ENDING, HistoryError, file_name
from kong_oam.audit.history.run import VERSION, Kind, sealed
from kong_oam.oam.position import JsonObject, Texts

_SECONDS = 60


def check_folder(folder: Path) -> None:
    """Create the folder of records, before a change that needs a record. Raises HistoryError if no
    record can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HistoryError(f"{folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise HistoryError(
            f"{folder}: no record can be written; give this account write access"
        )


def _end_of_chain(folder: Path) -> tuple[int, str | None]:
    """Return the number and the digest of the last file. A file that is no record counts too: an
    emergency waits for no repair."""
    last = max(
        (file for file in folder.glob(f"*{ENDING}") if file.stem.isdecimal()),
        key=lambda file: int(file.stem),
        default=None,
    )
    if last is None:
        return 0, None
    return int(last.stem), sha256(last.read_bytes()).hexdigest()


def write_record(
    folder: Path, kind: Kind, stack: str, fields: JsonObject
) -> Path:
    """Write a record with these fields behind the last record. Return its file.

    Raises HistoryError if the folder takes no file, or another command writes the same record.
    """
    check_folder(folder)
    last, previous = _end_of_chain(folder)
    number = last + 1
    data: JsonObject = {
        "version": VERSION,
        "number": number,
        "previous": previous,
        "time": now(),
        "kind": kind,
        "stack": stack,
        "by": dict(_writer(os.environ)),
        **fields,
    }
    file = folder / file_name(number)
    try:
        with file.open("xb") as new:
            new.write(sealed(data))
    except FileExistsError:
        raise HistoryError(
            f"{file} exists already: another command wrote it; run the command again"
        ) from None
    return file


def now() -> str:
    """Return the current time (RFC 3339, UTC)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _writer(environment: Mapping[str, str]) -> Texts:
    """Return who writes, as the machine says: account, Git's name, and the account in CI."""
    writer = {"account": _account()}
    name = _git_setting("user.name")
    address = _git_setting("user.email")
    if name or address:
        writer["git"] = f"{name} <{address}>"
    if ci := environment.get("GITHUB_ACTOR") or environment.get(
        "GITLAB_USER_LOGIN"
    ):
        writer["ci"] = ci
    return writer


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for the user
        return str(os.getuid())


def _git_setting(name: str) -> str:
    asked = ("git", "config", name)
    try:
        # Git runs without a shell.
        done = subprocess.run(  # noqa: S603
            asked, capture_output=True, text=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
