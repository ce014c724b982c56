"""Where the engine finds the language host and the plugins: official ones where they are installed, else stand-ins.

The engine looks for `pulumi-language-python` and `pulumi-resource-NAME` on PATH, then beside its own executable, then
in `$PULUMI_HOME/plugins` (pulumi: sdk/go/common/workspace/plugins.go). The stand-ins are put in the last place, in a
plugin folder of their own: anything official that is on PATH wins, and the engine does not warn about it, as it would
about a stand-in on PATH. Official plugins in the user's own plugin folder are linked there and win as well.
"""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from sandbox import forking

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
        def names(found: tuple[str, ...]) -> str:
            return ", ".join(f"pulumi-{name}" for name in found) or "none"

        return f"stand-ins: {names(self.stand_ins)}\nofficial: {names(self.official)}"


def install(home: Path, path: str, user_home: Path | None = None, servers: str = "") -> Launchers:
    """Fills `home`/plugins (a PULUMI_HOME) with what is not on `path`, and tells what is what.

    `user_home` is the user's own PULUMI_HOME, whose plugins of the SDK's own version are linked. `servers` is what
    `forking.start` gives: the stand-ins are forked from these.
    """
    official, stand_ins = [], []
    pulumi = shutil.which("pulumi", path=path)
    bundled = [str(Path(pulumi).resolve().parent)] if pulumi else []
    search = os.pathsep.join([path, *bundled])
    for name in _MODULES:
        on_path = shutil.which(f"pulumi-{name}", path=search) is not None
        if on_path or (user_home is not None and _link(user_home / "plugins", home / "plugins", name)):
            official.append(name)
        else:
            _write_launcher(home / "plugins", name, servers)
            stand_ins.append(name)
    return Launchers(tuple(official), tuple(stand_ins))


def _version(name: str) -> str:
    return metadata.version(_DISTRIBUTIONS[name])


def _link(source: Path, target: Path, name: str) -> bool:
    found = source / f"{name}-v{_version(name)}"
    if not (found / f"pulumi-{name}").exists():
        return False
    target.mkdir(parents=True, exist_ok=True)
    (target / found.name).symlink_to(found, target_is_directory=True)
    return True


def _write_launcher(plugins: Path, name: str, servers: str) -> None:
    # The engine takes a plugin of this folder only in the version that the SDK names, hence the SDK's own version.
    folder = plugins / f"{name}-v{_version(name)}"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "plugin.py"
    lines = ("import sys", f"sys.path.insert(0, {str(_ROOT)!r})", f"from {_MODULES[name]} import main", "main()")
    program.write_text("\n".join(lines) + "\n")
    launcher = folder / f"pulumi-{name}"
    command = forking.command(sys.executable, str(program), {forking.SERVERS: servers})
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    launcher.chmod(0o755)


def environment(home: Path, backend: Path) -> Mapping[str, str]:
    """What makes the engine use `home`, keep its state under `backend`, and neither download nor phone anything.

    It also collects its garbage less often, which takes a sixth less of a short run (measured).
    """
    return {
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": backend.as_uri(),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "GOGC": "400",
    }
