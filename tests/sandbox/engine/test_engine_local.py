"""The sandbox as a whole: it starts its parts, and all of them end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import httpx
import pytest

from sandbox import launchers, toolchain
from sandbox.local import Local
from tests.support.repository import ROOT


@pytest.mark.engine
def test_a_service_name_leads_to_the_workload_only_while_the_service_exists() -> (
    None
):
    """Kong answers 503 for a name that does not resolve, and forwards a request to a known name."""
    with Local() as local:
        headers = {"Kong-Admin-Token": local.env["KONG_ADMIN_TOKEN"]}
        service = {
            "name": "a",
            "host": "api.shop.svc.cluster.local",
            "port": 80,
        }
        with httpx.Client(
            base_url=local.kong.admin_url, headers=headers
        ) as admin:
            admin.post("/services", json=service).raise_for_status()
            admin.post(
                "/services/a/routes",
                json={"paths": ["/a"], "strip_path": False},
            ).raise_for_status()
        time.sleep(0.3)  # the route's lag
        assert httpx.get(f"{local.kong.proxy_url}/a").status_code == 503
        about = {"name": "api", "namespace": "shop"}
        spec = {"ports": [{"port": 80}]}
        local.cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": about,
                "spec": spec,
            }
        )
        answer = httpx.get(f"{local.kong.proxy_url}/a?b=1")
        assert (
            answer.status_code,
            answer.json()["method"],
            answer.json()["target"],
        ) == (
            200,
            "GET",
            "/a?b=1",
        )


@pytest.mark.deep
@pytest.mark.engine
def test_serve_prints_the_exports_and_ends_with_a_signal(
    tmp_path: Path,
) -> None:
    """SIGTERM: exit code 143, no process of it left, the repository's own files untouched."""
    environment = {
        **os.environ,
        "TMPDIR": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "sandbox", "serve"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as serving:
        assert serving.stdout is not None
        printed = ""
        while "Ctrl-C ends everything." not in printed:
            line = serving.stdout.readline()
            assert line, printed
            printed += line
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(20) == 143
    assert "stand-ins: pulumi-language-python" in printed
    for name in (
        "PULUMI_BACKEND_URL",
        "KONG_ADMIN_ADDR",
        "KONG_PROXY_ADDR",
        "OKTA_HTTP_PROXY",
        "OKTA_API_TOKEN",
    ):
        assert f"export {name}=" in printed
    line = next(
        line for line in printed.splitlines() if line.startswith("export PATH=")
    )
    script = f'PATH=/mine/bin:/usr/bin; {line}; echo "$PATH"'
    path = subprocess.run(
        ["/bin/sh", "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert path.endswith(":/mine/bin:/usr/bin") and len(path) > len(
        ":/mine/bin:/usr/bin"
    )
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(serving.pid, 0)


def test_official_plugins_are_used_where_they_are_asked_for(
    tmp_path: Path,
) -> None:
    """They are listed as official, the first of several folders wins, and all other plugins are
    stand-ins."""
    for folder, names in {
        "one": ["resource-kong"],
        "two": ["resource-kong", "resource-tls"],
    }.items():
        for name in names:
            _program(tmp_path / folder, f"pulumi-{name}", f"{name} of {folder}")
    found = launchers.install(
        tmp_path / "home", (tmp_path / "one", tmp_path / "two")
    )
    assert found.official == ("resource-kong", "resource-tls")
    assert found.stand_ins == (
        "language-python",
        "resource-okta",
        "resource-keycloak",
        "resource-azuread",
        "resource-kubernetes",
        "resource-time",
    )
    assert _says(tmp_path / "home", "resource-kong") == "resource-kong of one\n"
    assert _says(tmp_path / "home", "resource-tls") == "resource-tls of two\n"
    # The engine takes no folder that is a link.
    assert not [
        path
        for path in (tmp_path / "home" / "plugins").iterdir()
        if path.is_symlink()
    ]


def test_the_official_kubernetes_plugin_is_used_on_a_real_cluster_alone(
    tmp_path: Path,
) -> None:
    """The stand-in for a cluster is no API server."""
    _program(tmp_path / "one", "pulumi-resource-kubernetes", "official")
    _program(tmp_path / "one", "pulumi-resource-tls", "official")
    assert launchers.install(
        tmp_path / "home", (tmp_path / "one",)
    ).official == ("resource-tls",)
    on_a_real_one = launchers.install(
        tmp_path / "other", (tmp_path / "one",), cluster=True
    )
    assert on_a_real_one.official == ("resource-kubernetes", "resource-tls")
    assert _says(tmp_path / "other", "resource-kubernetes") == "official\n"


def test_a_folder_without_plugins_is_not_asked_for_silently(
    tmp_path: Path,
) -> None:
    """A typo in the folder is an error, and stand-ins do not silently replace the plugins."""
    with pytest.raises(
        toolchain.ToolchainError,
        match=r"KONG_OAM_PLUGINS: .*/nowhere holds none of .*pulumi-resource-kong",
    ):
        launchers.install(tmp_path / "home", (tmp_path / "nowhere",))


def _says(home: Path, name: str) -> str:
    (program,) = (home / "plugins").glob(f"{name}-v*/pulumi-{name}")
    return subprocess.run(
        [program], capture_output=True, text=True, check=True
    ).stdout


def _program(folder: Path, name: str, says: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (folder / name).chmod(0o755)


def test_a_pulumi_with_a_language_host_beside_it_is_copied_away_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would use that host and no other. The copy is made once, also of a CLI that PATH has a link to."""
    monkeypatch.setenv("KONG_OAM_CACHE", str(tmp_path / "cache"))
    _program(tmp_path / "installed", "pulumi", "v3.274.1")
    _program(tmp_path / "installed", "pulumi-language-python", "")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(tmp_path / "installed" / "pulumi")
    folder = toolchain.pulumi_folder(str(tmp_path / "bin"))
    assert [path.name for path in folder.iterdir()] == ["pulumi"]
    assert toolchain.version_of(str(folder / "pulumi")) == (3, 274)
    made = (folder / "pulumi").stat()
    assert toolchain.pulumi_folder(str(tmp_path / "installed")) == folder
    assert (folder / "pulumi").stat() == made
    _program(tmp_path / "installed", "pulumi", "v3.275.0, which is newer")
    assert toolchain.version_of(
        str(toolchain.pulumi_folder(str(tmp_path / "bin")) / "pulumi")
    ) == (
        3,
        275,
    )


@pytest.mark.engine
def test_the_whole_environment_is_of_the_sandbox(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Settings of the user's own stack, org or gateway do not leak into it."""
    monkeypatch.setenv("OKTA_API_CLIENT_ID", "of-the-user")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "of-the-user")
    with Local() as local:
        assert "of-the-user" not in json.dumps(local.env)


_SDKS = {
    "language-python": "pulumi",
    "resource-kubernetes": "pulumi-kubernetes",
}
_NAMESPACE = "import pulumi_kubernetes as k; k.core.v1.Namespace('n')"


def _official(folder: Path, name: str, started: Path) -> Path:
    """Return a fake official plugin: the engine accepts it before a start, and it reports a start."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"pulumi-{name}"
    program.write_text(f"#!/bin/sh\necho {name} >> {started}\nexit 1\n")
    program.chmod(0o755)
    return program


def _in_plugin_folder(home: Path, started: Path) -> None:
    for name, sdk in _SDKS.items():
        _official(
            home / "plugins" / f"{name}-v{metadata.version(sdk)}", name, started
        )


def _up(
    local: Local, project: Path, program: str
) -> subprocess.CompletedProcess[str]:
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (project / "__main__.py").write_text(program)
    local.pulumi("stack", "init", "test", cwd=project)
    return local.pulumi(
        "up", "-s", "test", "--yes", "--skip-preview", cwd=project, check=False
    )


def _tree(folder: Path) -> dict[Path, int]:
    return {
        path: path.lstat().st_mtime_ns for path in sorted(folder.rglob("*"))
    }


@pytest.mark.deep
@pytest.mark.engine
@pytest.mark.parametrize(
    "where", ["PULUMI_HOME", "links in HOME", "PATH", "beside the CLI"]
)
def test_the_users_plugins_are_neither_used_nor_changed(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Official plugins lie wherever the engine looks by default: a run still uses the stand-ins,
    and says so."""
    cli = toolchain.pulumi_folder() / "pulumi"
    monkeypatch.setenv("KONG_OAM_CACHE", str(toolchain.cache()))
    monkeypatch.delenv(launchers.PLUGINS, raising=False)
    started, user = tmp_path / "started", tmp_path / "user"
    monkeypatch.setenv("HOME", str(user))
    if where == "PULUMI_HOME":
        _in_plugin_folder(user / "elsewhere", started)
        monkeypatch.setenv("PULUMI_HOME", str(user / "elsewhere"))
    elif where == "links in HOME":
        _in_plugin_folder(user / "elsewhere", started)
        (user / ".pulumi" / "plugins").mkdir(parents=True)
        for folder in (user / "elsewhere" / "plugins").iterdir():
            (user / ".pulumi" / "plugins" / folder.name).symlink_to(folder)
    else:
        for name in _SDKS:
            _official(user / "bin", name, started)
        monkeypatch.setenv(
            "PATH", os.pathsep.join([str(user / "bin"), os.environ["PATH"]])
        )
    if where == "beside the CLI":
        monkeypatch.setenv("KONG_OAM_CACHE", str(tmp_path / "cache"))
        shutil.copy2(cli.resolve(), user / "bin")
    before = _tree(user)
    try:
        with Local() as local:
            completed = _up(local, tmp_path / "project", _NAMESPACE)
            assert completed.returncode == 0, completed
            assert local.launchers.official == ()
            assert [
                manifest["kind"] for manifest in local.cluster.objects()
            ] == ["Namespace"]
        assert "warning" not in (completed.stdout + completed.stderr).lower()
        assert not started.exists()
        assert _tree(user) == before
    finally:  # two programs of more than 100 MB
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        (user / "bin" / "pulumi").unlink(missing_ok=True)
