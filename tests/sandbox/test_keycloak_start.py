"""Keycloak's start: what is said while it is waited for, and where it does not come. A script stands in for it."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from sandbox import keycloak
from sandbox.server import StartError

BOUND = """\
echo "2026-11-27 23:41:14,289 ERROR [org.keycloak] (main) ERROR: Failed to start server in (development) mode"
echo "2026-11-27 23:41:14,289 ERROR [org.keycloak] (main) ERROR: Port already bound: 43207: Address already in use"
echo "2026-11-27 23:41:14,289 ERROR [org.keycloak] (main) For more details run the same command with --verbose."
exit 1
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a distribution, which has a second to start."""
    made = tmp_path / "keycloak"
    (made / "bin").mkdir(parents=True)
    monkeypatch.setattr(keycloak, "distribution", lambda: made)
    monkeypatch.setattr(keycloak, "_READY", 1.0)
    return made


@pytest.mark.deep
@pytest.mark.parametrize(
    ("script", "said"),
    [
        (BOUND, "Keycloak ended with 1; it said: Port already bound: 43207: Address already in use"),
        ("echo starting\nexec sleep 60\n", r"Keycloak was not ready within 1 s; it said: starting"),
        ("exec sleep 60\n", r"Keycloak was not ready within 1 s"),
    ],
    ids=["it ends", "it takes too long", "without a word"],
)
def test_a_keycloak_that_does_not_start_is_one_line(script: str, said: str, home: Path) -> None:
    """With what it complains of itself, such as a port that another server took first (as 26.7.3 words it)."""
    (home / "bin" / "kc.sh").write_text(script)
    with pytest.raises(StartError, match=f"^{said}$"), keycloak.Keycloak():
        pytest.fail("nothing listens")


@pytest.mark.deep
def test_a_server_that_took_the_port_and_is_silent_is_not_waited_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A try is short: what became of Keycloak itself is looked at in between."""
    (home / "bin" / "kc.sh").write_text("exec sleep 60\n")
    monkeypatch.setattr(keycloak, "_ANSWERED", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(keycloak, "free_port", lambda: silent.getsockname()[1])
        started = time.monotonic()
        with pytest.raises(StartError, match="not ready within 1 s"), keycloak.Keycloak():
            pytest.fail("it is another server")
    assert time.monotonic() - started < keycloak.TIMEOUT / 2
