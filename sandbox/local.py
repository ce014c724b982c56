"""All stand-ins on one machine, and the real `pulumi` CLI that uses them.

with Local() as local:
    local.pulumi("up", "-s", "local", "--yes", "--skip-preview")
    httpx.get(f"{local.kong.proxy_url}/orders", headers={"Host": "orders.example.com"})

Engine, program, SDKs, state and previews are real. Kong, Okta, the Kubernetes cluster and the
workloads are stand-ins. The language host and the provider plugins are stand-ins too, except the
official plugins in KONG_OAM_PLUGINS. A test can bring a real cluster.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

from kong_rules.entities import Snapshot as Entities
from sandbox import forking, launchers, toolchain
from sandbox.cluster import CLUSTER, Cluster, Snapshot
from sandbox.echo import Echo
from sandbox.edges import Manifest
from sandbox.kong.entities import KongConf
from sandbox.kong.kong import Kong, Lags
from sandbox.okta import Okta, User
from sandbox.okta.org import Org

ROOT: Final = Path(__file__).parent.parent
STACK: Final = "local"
PASSPHRASE: Final = "sandbox"
# The part of the CLI's output that an error shows: lines, and characters of each.
LAST: Final = 25
WIDEST: Final = 300
# How late Kong sees a change, in seconds: long enough to show that order alone is not enough, short
# enough to wait for.
LAG: Final = 0.2
GROUPS: Final = ("sales", "order-desk")
USERS: Final = (
    User("user-sales", groups=("sales",)),
    User("user-order-desk", groups=("order-desk",)),
    User("user-both", groups=("sales", "order-desk")),
    User("user-none", groups=()),
)
# The address of a node in the sandbox, for stacks whose gateway uses node ports.
NODE: Final = "node.sandbox.example.com"
_SERVICE_SUFFIX: Final = ".svc.cluster.local"


class Printed(str):
    """The output of a run of the CLI. Its `repr` is the end of the output, so a failing test prints
    no wall of text."""

    __slots__ = ()

    def __repr__(self) -> str:
        lines = self.splitlines()
        cut = (
            [f"... {len(lines) - LAST} lines ..."] if len(lines) > LAST else []
        )
        return "\n".join([*cut, *(line[:WIDEST] for line in lines[-LAST:])])


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved state of a sandbox: the folder of the CLI's states, and each stand-in's state."""

    state: Path
    entities: Entities
    org: Org
    cluster: Snapshot
    env: Mapping[str, str]
    lags: Lags


@dataclass(frozen=True, slots=True)
class RealCluster:
    """A real Kubernetes API server in place of the stand-in.

    It has the folder of kubectl and the official plugin, environment variables, and a function that
    lists the objects of a kind.
    """

    programs: Path
    environment: Mapping[str, str]
    objects: Callable[[str], list[Manifest]]


class Local:
    """The sandbox of one run, in a temporary folder. A context manager.

    `lags` are Kong's; it reports the longest of them as its update frequency. `project` is the
    folder that `pulumi` runs in, `balancer` the address of every load balancer.

    Attributes: `kong`, `okta`, `cluster`, `folder`, and `objects` (the objects of a kind, also in a
    real cluster). `env` is the environment for the CLI and a shell, `exports` our part of it.
    `launchers` lists the stand-ins and official plugins.
    """

    def __init__(
        self,
        lags: Lags | None = None,
        groups: Iterable[str] = GROUPS,
        users: Iterable[User] = USERS,
        admin_token: str = "sandbox-admin-token",
        api_token: str = "sandbox-api-token",
        configuration: KongConf | None = None,
        project: Path = ROOT,
        balancer: str = "127.0.0.1",
        real: RealCluster | None = None,
    ) -> None:
        lags = lags or Lags(routes=LAG, plugins=LAG, credentials=LAG)
        longest = max(lags.routes, lags.plugins, lags.credentials)
        self._project = project
        self._tokens = admin_token, api_token
        self._real = real
        self.cluster = Cluster(balancer=balancer)
        self.objects: Callable[[str], list[Manifest]] = (
            real.objects if real else self.cluster.objects
        )
        self.echo = Echo()
        # The addresses of hosts outside the cluster, by name and port.
        self.outside: dict[tuple[str, int], tuple[str, int]] = {}
        self.okta = Okta(
            port=0,
            api_token=api_token,
            groups=tuple(groups),
            users=tuple(users),
        )
        self.kong = Kong(
            lags=lags,
            admin_token=admin_token,
            configuration={
                "worker_state_update_frequency": longest,
                "db_update_frequency": longest,
                **(configuration or {}),
            },
            resolve=self._resolve,
            proxy_tls_port=0,
        )
        self.folder = Path()
        self.exports: dict[str, str] = {}
        self.env: dict[str, str] = {}
        self.launchers = launchers.Launchers((), ())
        self._started = contextlib.ExitStack()
        self._running: set[subprocess.Popen[Any]] = set()
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        folder = (
            toolchain.pulumi_folder()
        )  # may take minutes, and may fail: before anything runs
        self._catch_signals()
        self.folder = Path(tempfile.mkdtemp(prefix="kong-oam-"))
        try:
            for part in (self.cluster, self.echo, self.okta, self.kong):
                part.start()
                self._started.callback(part.stop)
            self._prepare(folder)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def pulumi(
        self,
        *arguments: str,
        cwd: Path | None = None,
        check: bool = True,
        timeout: float = 300,
        show: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run `pulumi ARGUMENTS --non-interactive` in the project. Output is captured, or shown as
        it comes.

        `timeout` is in seconds. Raises subprocess.TimeoutExpired, and CalledProcessError when
        `check` and it failed; the last lines that it printed are then part of the message.
        """
        pipe = None if show else subprocess.PIPE
        command = ["pulumi", *arguments, "--non-interactive"]
        # A preview keeps nothing, and yet writes the whole state for each resource.
        env = (
            {"PULUMI_SKIP_CHECKPOINTS": "true", **self.env}
            if arguments[0] == "preview"
            else self.env
        )
        process = subprocess.Popen(
            command,
            cwd=cwd or self._project,
            env=env,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
        )
        self._running.add(process)
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            _kill(process)
            raise
        finally:
            self._running.discard(process)
        done = subprocess.CompletedProcess[str](
            command, process.returncode, Printed(out or ""), Printed(err or "")
        )
        if check and done.returncode:
            failed = subprocess.CalledProcessError(
                done.returncode, command, done.stdout, done.stderr
            )
            failed.add_note(f"{done.stdout!r}\n{done.stderr!r}")
            raise failed
        return done

    def save(self) -> Saved:
        """Save the state of the stand-ins and of every stack, for `restore`. No run of the CLI may
        be in progress."""
        folder = Path(tempfile.mkdtemp(prefix="saved-", dir=self.folder))
        shutil.copytree(self.folder / "state", folder / "state")
        entities = self.kong.past()[-1]
        objects = self.cluster.save()
        return Saved(
            folder / "state",
            entities,
            self.okta.save(),
            objects,
            dict(self.env),
            self.kong.lags,
        )

    def restore(self, saved: Saved) -> None:
        """End every run of the CLI, and restore the state from `save`, at the same addresses."""
        self.kill()
        shutil.rmtree(self.folder / "state")
        shutil.copytree(saved.state, self.folder / "state")
        self.kong.restore(saved.entities)
        self.kong.lags = saved.lags
        self.okta.restore(saved.org)
        self.cluster.restore(saved.cluster)
        self.env = dict(saved.env)

    def kill(self) -> None:
        """End every run of the CLI at once and without a word to it, as a machine that loses power
        does."""
        for process in list(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _prepare(self, pulumi: Path) -> None:
        home = self.folder / "home"
        state = self.folder / "state"
        state.mkdir()
        path = os.environ.get("PATH", os.defpath)
        if shutil.which("pulumi", path=path) != str(pulumi / "pulumi"):
            path = os.pathsep.join([str(pulumi), path])
        servers = forking.start()
        real = self._real
        path = os.pathsep.join(
            [str(real.programs if real else launchers.kubectl(home)), path]
        )
        official = (*launchers.asked_for(), *((real.programs,) if real else ()))
        self.launchers = launchers.install(
            home, official, servers, cluster=real is not None
        )
        admin_token, api_token = self._tokens
        self.exports = {
            "PATH": path,
            forking.SERVERS: servers,
            **launchers.environment(home, state),
            # The backend writes a file's metadata in place: an engine that reads its own stack at
            # that time finds no metadata.
            "PULUMI_BACKEND_URL": f"{state.as_uri()}?metadata=skip",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "KONG_ADMIN_ADDR": self.kong.admin_url,
            "KONG_ADMIN_TOKEN": admin_token,
            "KONG_PROXY_ADDR": self.kong.proxy_url,
            "KONG_PROXY_TLS_ADDR": self.kong.proxy_tls_url,
            "OKTA_ORG_NAME": "sandbox",
            "OKTA_BASE_URL": "okta.invalid",
            "OKTA_API_TOKEN": api_token,
            "OKTA_HTTP_PROXY": self.okta.url,
            **(real.environment if real else {CLUSTER: self.cluster.url}),
        }
        # Settings of another shell's stack or backend must not leak into the sandbox.
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PULUMI_", "OKTA_", "KONG_"))
        }
        self.env = {**kept, **self.exports}

    def _resolve(self, host: str, port: int) -> tuple[str, int] | None:
        """Return the address behind a name. A Service's name, load balancer or node port leads to
        the workload stand-in, and only while it exists; `outside` has all other names."""
        if address := self.outside.get((host, port)):
            return address
        return (
            self.echo.address
            if any(_leads(s, host, port) for s in self.objects("Service"))
            else None
        )

    def _catch_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                self._handlers[number] = signal.signal(number, _exit)

    def _end(self) -> None:
        for process in list(self._running):
            _kill(process)
        self._started.close()
        if self.folder != Path():
            shutil.rmtree(self.folder, ignore_errors=True)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)


def _leads(service: Manifest, host: str, port: int) -> bool:
    """Return whether `host` and `port` reach the Service: by cluster name, by its load balancer, or
    by a node port."""
    metadata = service["metadata"]
    spec = service["spec"]
    balancers = (
        service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    )
    named = (
        host == f"{metadata['name']}.{metadata['namespace']}{_SERVICE_SUFFIX}"
    )
    if named or host in [balancer["ip"] for balancer in balancers]:
        return any(entry.get("port") == port for entry in spec.get("ports", []))
    return host == NODE and any(
        entry.get("nodePort") == port for entry in spec.get("ports", [])
    )


def _exit(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _kill(process: subprocess.Popen[Any]) -> None:
    """End the CLI and all that it started; its plugins notice that their parent is gone."""
    for number, patience in ((signal.SIGINT, 5.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
