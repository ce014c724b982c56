"""The wait for a Keycloak that starts slowly, or stops on its way. A script stands in for its `kc.sh`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from sandbox import keycloak, progress
from sandbox.keycloak import Keycloak
from sandbox.server import Server, StartError
from tests.support.repository import ROOT

SLOW = """
for step in 1 2 3 4 5 6; do echo $step; sleep 1; done
cat > answer.py <<'END'
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"access_token": "t"}')
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
END
exec python3 answer.py ${3#--http-port=}
"""
"""Then answers the login of the administrator, at the port in the flags."""
STOPS = "for step in one two three four; do echo $step; done; exec sleep 60"


def started(
    folder: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> Keycloak:
    """Return a server that starts by the script, and ends after 5 seconds without progress."""
    (folder / "bin").mkdir()
    (folder / "bin" / "kc.sh").write_text(script)
    monkeypatch.setattr(keycloak, "distribution", lambda: folder)
    monkeypatch.setattr(keycloak, "_SILENT", 5.0)
    monkeypatch.setattr(progress, "_NOW_AND_THEN", 1.0)
    return Keycloak()


def test_a_slow_start_goes_on_while_its_log_grows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line at intervals says that it waits."""
    with started(tmp_path, monkeypatch, SLOW) as server:
        waits = (
            f" s  waiting for Keycloak at {server.url} while it makes progress"
        )
        assert capsys.readouterr().err.count(waits) >= 5


def test_a_start_that_stops_ends_with_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = "Keycloak made no progress for 5 s; it said: two | three | four"
    with (
        pytest.raises(StartError) as stopped,
        started(tmp_path, monkeypatch, STOPS),
    ):
        pytest.fail("it is not ready")
    assert str(stopped.value) == message


def test_a_server_that_uses_cpu_time_makes_progress(tmp_path: Path) -> None:
    """In a child process too, as the build of a first start. `ps` counts whole seconds."""
    command = ["sh", "-c", "(while :; do :; done)"]
    server = Server(command, tmp_path, tmp_path / "log")
    until = time.monotonic() + 60
    while "0:02" not in server.progress() and time.monotonic() < until:
        time.sleep(0.2)
    server.end()
    assert time.monotonic() < until


MAVEN = """#!/bin/sh
while [ "${1%=*}" != -DoutputDirectory ]; do shift; done
cp ../../keycloak.zip "${1#*=}"; $wait
"""
FETCH = """
import sys
from pathlib import Path
from sandbox.keycloak import _fetch
_fetch(Path(sys.argv[1]))
"""


def test_the_next_fetch_removes_what_a_killed_fetch_left(
    tmp_path: Path,
) -> None:
    """Maven has just written the archive."""
    with zipfile.ZipFile(tmp_path / "keycloak.zip", "w") as archive:
        archive.writestr(f"keycloak-{keycloak.VERSION}/bin/kc.sh", "")
    maven = tmp_path / "mvn"
    maven.write_text(MAVEN)
    maven.chmod(0o755)
    folder = tmp_path / "cache" / f"keycloak-{keycloak.VERSION}"
    folder.parent.mkdir()
    command = [sys.executable, "-c", FETCH, str(folder)]
    path = f"{tmp_path}:/usr/bin:/bin"
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={"PATH": path, "wait": "sleep 60"},
        start_new_session=True,
    ) as killed:
        while not [*folder.parent.glob("*/keycloak.zip")]:
            time.sleep(0.02)
        os.killpg(killed.pid, signal.SIGKILL)
    subprocess.run(
        command, cwd=ROOT, env={"PATH": path, "wait": ":"}, check=True
    )
    assert [*folder.parent.iterdir()] == [folder]
