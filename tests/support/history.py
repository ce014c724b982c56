"""Records of runs for tests: valid fields, and files in a folder."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from kong_oam.audit.history.run import sealed
from tests.support.json_object import JsonObject

STATE = 64 * "0"


def run_fields(
    number: int = 1, previous: str | None = None, **more: object
) -> JsonObject:
    """Return the fields of a valid record of a run."""
    return {
        "version": 1,
        "number": number,
        "previous": previous,
        "time": "2026-11-25T10:00:00Z",
        "kind": "run",
        "stack": "local",
        "by": {"account": "ann"},
        **more,
    }


def write_chain(folder: Path, *records: Mapping[str, object]) -> list[Path]:
    """Write records with these further fields as a valid chain. Return their files."""
    folder.mkdir(exist_ok=True)
    files = []
    previous = None
    for number, more in enumerate(records, start=1):
        content = sealed(run_fields(number, previous, **more))
        file = folder / f"{number:06}.json"
        file.write_bytes(content)
        files.append(file)
        previous = sha256(content).hexdigest()
    return files


def key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Return a private and a public key, written by openssl."""
    private = folder / f"{name}.pem"
    public = folder / f"{name}.pub"
    for words in (
        ("genpkey", "-algorithm", "ed25519", "-out", private),
        ("pkey", "-in", private, "-pubout", "-out", public),
    ):
        subprocess.run(["openssl", *map(str, words)], check=True)
    return private, public
