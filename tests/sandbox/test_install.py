"""The first command on a new machine: what it installs, what it says, and what is said where it cannot."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from sandbox import install

RETRYING = "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by 'NewConnectionError'"


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of one package, which lies beside it and nowhere else."""
    wheel = tmp_path / "wheels" / "thing-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("thing.py", "")
        packed.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        packed.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\nRoot-Is-Purelib: true\n")
        packed.writestr("thing-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    file = tmp_path / "some.lock"
    file.write_text(f"thing==1.0 \\\n    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n", "utf-8")
    return file


def test_an_environment_is_made_and_has_what_the_lock_names(
    lock: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says before how many that are, and in the end that they are there; a second time it is content with them."""
    folder = tmp_path / "new"
    assert install.main([str(folder), str(lock)]) == 0
    subprocess.run([folder / "bin" / "python", "-c", "import thing"], check=True)
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.startswith(f"installing 1 package(s) into {folder}, once: ")
    assert last.endswith(" s  some.lock: 1 package(s), 0.0 MB downloaded")
    assert install.main([str(folder), str(lock)]) == 0


def test_a_python_without_the_means_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Debian's is, until python3-venv is there. Nothing is left that looks like an environment."""
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(install.InstallError, match=r"^.* has no module 'ensurepip'.*apt install python3-venv.*$"):
        install.environment(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_half_an_environment_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run makes it anew, and does not fail for want of pip: where there is no interpreter, it is not there."""

    def half(folder: Path, **_: bool) -> None:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").touch()
        raise subprocess.CalledProcessError(1, ["ensurepip"])

    monkeypatch.setattr(venv, "create", half)
    with pytest.raises(install.InstallError, match=r"^.*new could not be made: .*ensurepip.*$"):
        install.environment(tmp_path / "new")
    assert not (tmp_path / "new" / "bin" / "python").exists()


@pytest.mark.parametrize("named", ["an address where nobody listens", "no index"])
def test_without_an_index_there_is_one_line(
    named: str, lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which names the ways to one."""
    monkeypatch.delenv("PIP_FIND_LINKS")
    if named != "no index":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed.getsockname()[1]}/simple")
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setattr(install, "environment", lambda _: Path(sys.executable))
    assert install.main([str(tmp_path), str(lock)]) == 1
    _, *said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("error: no package index was reached for some.lock, or it has none for this Python (")
    assert "thing==1.0" in said[0] and "HTTPS_PROXY" in said[0] and "PIP_INDEX_URL" in said[0]


@pytest.mark.parametrize(
    "told",
    [
        "Could not find a version that satisfies the requirement anyio==4.16.0 (from versions: none)",
        "Could not install packages due to an OSError: HTTPSConnectionPool(host='files', port=443): Max retries exceeded",
        "Operation timed out",
    ],
)
def test_an_index_that_goes_away_is_known_by_what_pip_complains_of(told: str) -> None:
    """And not by its warnings: what comes after these may be another matter."""
    assert f"({told})" in install._problem(Path("a.lock"), [RETRYING, f"ERROR: {told}"])
    assert install._problem(Path("a.lock"), [RETRYING, "ERROR: no space"]).splitlines() == [
        "pip could not install a.lock:",
        RETRYING,
        "ERROR: no space",
    ]


def test_other_contents_are_told_in_the_words_of_pip(lock: Path) -> None:
    """Whom to believe is for the reader to decide, who needs to see it all."""
    lock.write_text(f"thing==1.0 --hash=sha256:{'0' * 64}\n", "utf-8")
    with pytest.raises(install.InstallError, match=r"(?s)^pip could not install some.lock:.*DO NOT MATCH THE HASHES"):
        install.install(Path(sys.executable), lock)


COLLECTING = (
    "Looking in links: /wheels",
    "Ignoring colorama: markers 'sys_platform == \"win32\"' don't match your environment",
    "Collecting anyio==4.16.0 (from -r a.lock (line 1))",
    "Downloading anyio-4.16.0-py3-none-any.whl (134 kB)",
    "Requirement already satisfied: idna==3.20 in /site-packages",
    "Collecting cryptography==50.0.2 (from -r a.lock (line 6))",
    "Downloading cryptography-50.0.2-cp311-abi3-manylinux_2_34_x86_64.whl (4.8 MB)",
)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((), "0 of 5 packages  0.0 MB  "),
        (COLLECTING, "4 of 5 packages  4.9 MB  cryptography==50.0.2"),
        (
            (*COLLECTING, "Installing collected packages: anyio, cryptography", "Attempting uninstall: anyio"),
            "writing 2 packages",
        ),
        (
            (*COLLECTING, RETRYING),
            "the package index does not answer; pip tries again, and gives up after its fifth time",
        ),
    ],
)
def test_what_pip_is_at_is_known_by_what_it_prints(lines: tuple[str, ...], told: str) -> None:
    """Of the packages that the lock has, and none is left out of the count."""
    assert install._at(lines, 5) == told
