"""The plugin folder of the sandbox: it makes the engine use stand-ins, not the user's plugins.

The engine looks for `pulumi-language-python` and `pulumi-resource-NAME` on PATH, then for the
language host beside its own executable, then in `$PULUMI_HOME/plugins` (pulumi:
sdk/go/common/workspace/plugins.go). The sandbox uses the last place, in a separate plugin folder.
It turns off the search on PATH, and `toolchain` provides a CLI without a language host beside it.
It ignores the user's plugin folder, which may hold any version and which the engine writes to.

Official plugins are used if the environment variable `KONG_OAM_PLUGINS` names their folders, except
the Kubernetes plugin: it needs a real API server.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from sandbox import forking
from sandbox.toolchain import ToolchainError

PLUGINS: Final = "KONG_OAM_PLUGINS"
"""The environment variable that asks for official plugins: folders, separated as in PATH."""
KUBERNETES: Final = "resource-kubernetes"
"""The plugin that is official only with a real cluster."""
_ROOT = Path(__file__).parent.parent
_MODULES = {
    "language-python": "sandbox.language",
    "resource-kong": "sandbox.plugins.kong",
    "resource-okta": "sandbox.plugins.okta",
    "resource-keycloak": "sandbox.plugins.keycloak",
    "resource-azuread": "sandbox.plugins.azuread",
    "resource-kubernetes": "sandbox.plugins.kubernetes",
    "resource-time": "sandbox.plugins.time",
    "resource-tls": "sandbox.plugins.tls",
}
_DISTRIBUTIONS = {
    "language-python": "pulumi",
    "resource-kong": "pulumi-kong",
    "resource-okta": "pulumi-okta",
    "resource-keycloak": "pulumi-keycloak",
    "resource-azuread": "pulumi-azuread",
    "resource-kubernetes": "pulumi-kubernetes",
    "resource-time": "pulumiverse-time",
    "resource-tls": "pulumi-tls",
}


@dataclass(frozen=True, slots=True)
class Launchers:
    """Which of the programs are official and which are stand-ins, by name without "pulumi-"."""

    official: tuple[str, ...]
    stand_ins: tuple[str, ...]

    def __str__(self) -> str:
        def names(plugins: tuple[str, ...]) -> str:
            return ", ".join(f"pulumi-{name}" for name in plugins) or "none"

        return f"stand-ins: {names(self.stand_ins)}\nofficial: {names(self.official)}"


def asked_for() -> tuple[Path, ...]:
    """Return the folders that `KONG_OAM_PLUGINS` names."""
    return tuple(
        Path(folder).absolute()
        for folder in os.environ.get(PLUGINS, "").split(os.pathsep)
        if folder
    )


def split(folders: Iterable[Path]) -> Launchers:
    """Return the plugins that `install` would take from these folders. Raises ToolchainError for a
    folder without any plugin of ours."""
    return _split(_official(folders, cluster=False))


def behind(name: str) -> str | None:
    """Return a warning if a requested official plugin has an older major version than its SDK,
    otherwise None.

    Such a plugin may expect other inputs.
    """
    program = _official(asked_for(), cluster=True).get(name)
    if program is None:
        return None
    output = subprocess.run(
        [program, "-version"], capture_output=True, text=True, timeout=60
    ).stdout.strip()
    wanted = metadata.version(_DISTRIBUTIONS[name])
    if output.removeprefix("v").partition(".")[0] == wanted.partition(".")[0]:
        return None
    return f"the official {program.name} is {output or 'of no known version'}, the SDK {wanted}"


def install(
    home: Path,
    folders: Iterable[Path] = (),
    servers: str = "",
    cluster: bool = False,
) -> Launchers:
    """Fill `home`/plugins (a PULUMI_HOME), and return the origin of each plugin: official if it is
    in `folders`.

    `servers` is the result of `forking.start`: the stand-ins fork from these servers. `cluster` is
    true with a real cluster. Raises ToolchainError for a folder without any plugin of ours.
    """
    official = _official(folders, cluster)
    for name in _MODULES:
        command = (
            [str(official[name])]
            if name in official
            else _stand_in(home / "plugins", name, servers)
        )
        _write_launcher(home / "plugins", name, command)
    return _split(official)


def kubectl(home: Path) -> Path:
    """Return the folder, under `home`, of a stand-in for kubectl: a user's own must not meet
    another cluster's names."""
    folder = home / "kubectl"
    folder.mkdir(parents=True)
    launcher = folder / "kubectl"
    command = (
        f"PYTHONPATH={shlex.quote(str(_ROOT))} exec {shlex.quote(sys.executable)} -m "
        "sandbox.kubectl"
    )
    launcher.write_text(f'#!/bin/sh\n{command} "$@"\n')
    launcher.chmod(0o755)
    return folder


def _split(official: Collection[str]) -> Launchers:
    return Launchers(
        tuple(name for name in _MODULES if name in official),
        tuple(name for name in _MODULES if name not in official),
    )


def _official(folders: Iterable[Path], cluster: bool) -> Mapping[str, Path]:
    """Return the program of each plugin, of the first folder that has the plugin."""
    programs: dict[str, Path] = {}
    for folder in reversed([*folders]):
        programs |= _plugins_in(folder)
    if not cluster:
        programs.pop(KUBERNETES, None)
    return programs


def _plugins_in(folder: Path) -> Mapping[str, Path]:
    programs = {name: folder / f"pulumi-{name}" for name in _MODULES}
    executable = {
        name: program
        for name, program in programs.items()
        if os.access(program, os.X_OK)
    }
    if not executable:
        raise ToolchainError(
            f"{PLUGINS}: {folder} holds none of "
            f"{', '.join(program.name for program in programs.values())}"
        )
    return executable


def _folder(plugins: Path, name: str) -> Path:
    """The engine takes a plugin only in the version that the SDK names, and only from a folder that
    is no link."""
    return plugins / f"{name}-v{metadata.version(_DISTRIBUTIONS[name])}"


def _stand_in(plugins: Path, name: str, servers: str) -> list[str]:
    program = _folder(plugins, name) / "plugin.py"
    program.parent.mkdir(parents=True)
    lines = (
        "import sys",
        f"sys.path.insert(0, {str(_ROOT)!r})",
        f"from {_MODULES[name]} import main",
        "main()",
    )
    program.write_text("\n".join(lines) + "\n")
    return forking.command(
        sys.executable, str(program), {forking.SERVERS: servers}
    )


def _write_launcher(plugins: Path, name: str, command: Iterable[str]) -> None:
    launcher = _folder(plugins, name) / f"pulumi-{name}"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    launcher.chmod(0o755)


def environment(home: Path, backend: Path) -> Mapping[str, str]:
    """Return the variables that make the engine use only `home`, keep its state under `backend`,
    and make no downloads or calls home.

    The engine also collects garbage less often, which saves a sixth of a short run (measured).
    """
    return {
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": backend.as_uri(),
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "GOGC": os.environ.get("GOGC", "400"),
    }
