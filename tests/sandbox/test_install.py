"""The first command on a new machine: the packages that it installs, and its error messages."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sandbox import install
from tests.support.streams import Capsys

UV = shutil.which("uv")
TOOLS = [
    pytest.param(None, id="pip"),
    pytest.param(
        UV,
        id="uv",
        marks=pytest.mark.skipif(UV is None, reason="uv is not on the PATH"),
    ),
]


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of one package, whose wheel is in a folder beside it and nowhere else."""
    wheel = tmp_path / "wheels" / "thing-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("thing.py", "")
        packed.writestr(
            "thing-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
        )
        packed.writestr(
            "thing-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nTag: py3-none-any\nRoot-Is-Purelib: true\n",
        )
        packed.writestr("thing-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("UV_FIND_LINKS", str(wheel.parent))
    file = tmp_path / "some.lock"
    file.write_text(
        f"thing==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n",
        "utf-8",
    )
    return file


@pytest.mark.deep
@pytest.mark.parametrize("uv", TOOLS)
def test_the_environment_has_the_packages_of_the_lock(
    uv: str | None,
    lock: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """A second run finds them there."""
    monkeypatch.setattr(install.shutil, "which", lambda _: uv)
    folder = tmp_path / "new"
    if uv:  # uv fetches pip from an index, which the test does not have
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    assert install.main([str(folder), str(lock)]) == 0
    subprocess.run(
        [folder / "bin" / "python", "-c", "import thing"], check=True
    )
    first, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith(
        f"installing 1 package(s) into {folder} with {'uv' if uv else 'pip'}"
    )
    assert install.main([str(folder), str(lock)]) == 0


def test_a_python_that_makes_no_environment_is_named_with_the_remedy(
    lock: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """As Debian's Python without python3-venv. No folder is left that passes for an environment."""
    broken = tmp_path / "python"
    broken.write_text(
        f"#!/bin/sh\nmkdir -p {tmp_path}/new/bin; touch {tmp_path}/new/bin/python; exit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setattr(install.shutil, "which", lambda _: None)
    monkeypatch.setattr(install.sys, "executable", str(broken))
    assert install.main([str(tmp_path / "new"), str(lock)]) == 1
    assert "apt install python3-venv" in capsys.readouterr().err
    assert not (tmp_path / "new" / "bin" / "python").exists()


@pytest.mark.deep
@pytest.mark.parametrize("uv", TOOLS)
@pytest.mark.parametrize("index", ["none", "an address where nobody listens"])
def test_without_an_index_there_is_one_line(
    index: str,
    uv: str | None,
    lock: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """The line names the package, and the settings that lead to an index."""
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("UV_FIND_LINKS")
    if index != "none":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        monkeypatch.setenv("PIP_INDEX_URL", url)
        monkeypatch.setenv("UV_INDEX_URL", url)
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("UV_NO_INDEX")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setattr(install.shutil, "which", lambda _: uv)
    monkeypatch.setattr(install, "environment", lambda *_: Path(sys.executable))
    assert install.main([str(tmp_path), str(lock)]) == 1
    _, *lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(
        "error: no package index was reached for some.lock, or it has no package for this Python ("
    )
    assert (
        "thing" in lines[0]
        and "HTTPS_PROXY" in lines[0]
        and "UV_INDEX_URL" in lines[0]
        and "PIP_INDEX_URL" in lines[0]
    )


@pytest.mark.deep
@pytest.mark.parametrize("uv", TOOLS)
def test_other_contents_than_the_lock_names_are_refused(
    uv: str | None, lock: Path
) -> None:
    """The message has the words of the installer."""
    lock.write_text(f"thing==1.0 --hash=sha256:{'0' * 64}\n", "utf-8")
    with pytest.raises(
        install.InstallError,
        match=r"(?is)^some.lock could not be installed:.*hash",
    ):
        install.install(Path(sys.executable), lock, uv)
