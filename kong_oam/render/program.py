"""Find the evaluator program: next to this module in a release, else in the cache, built from the
project's source."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from kong_oam.errors import SettingsError

NAME = "evaluator"
_RELEASED = Path(__file__).with_name(NAME)
_PROJECT = Path(__file__).resolve().parents[2]
_SOURCE = _PROJECT / "evaluator"


class EvaluatorError(SettingsError):
    """The evaluator is missing or does not start. The message has the reason and a remedy."""


def cache_folder() -> Path:
    """Return the cache folder of this machine: $KONG_OAM_CACHE, else $XDG_CACHE_HOME/kong-oam, else
    ~/.cache/kong-oam."""
    if configured := os.environ.get("KONG_OAM_CACHE"):
        return Path(configured)
    return (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "kong-oam"
    )


def program() -> Path:
    """Return the path of the program. Build it if it is missing: about 40 seconds of CPU. Raise
    EvaluatorError."""
    if _RELEASED.is_file():
        return _RELEASED
    folder = cache_folder() / f"evaluator-{version()}"
    if not (folder / NAME).exists():
        command = [sys.executable, "-m", "sandbox.evaluator", str(folder)]
        try:
            built = subprocess.run(  # noqa: S603 - no shell
                command, cwd=_PROJECT, stdout=subprocess.DEVNULL, check=False
            )
        except OSError as error:
            raise EvaluatorError(
                f"the evaluator of definitions cannot be built: {error}; "
                "install a release"
            ) from None
        if built.returncode or not (folder / NAME).exists():
            raise EvaluatorError(
                "the evaluator of definitions cannot be built; see the lines "
                "above, or install a release"
            )
    return folder / NAME


@cache
def version() -> str:
    """Return the version of the evaluator: a digest of its source, or of the released program.

    Raise EvaluatorError if both are missing.
    """
    digest = hashlib.sha256()
    if _RELEASED.is_file():
        digest.update(_RELEASED.read_bytes())
        return digest.hexdigest()[:16]
    try:
        for path in sorted(
            (*_SOURCE.glob("*.go"), _SOURCE / "go.mod", _SOURCE / "go.sum")
        ):
            digest.update(f"{path.name}\0{path.read_text('utf-8')}\0".encode())
    except OSError as error:
        message = (
            "this installation has neither the evaluator of definitions nor "
            f"its source ({error}); "
        )
        raise EvaluatorError(
            f"{message}install a release, or run from a checkout"
        ) from None
    return digest.hexdigest()[:16]
