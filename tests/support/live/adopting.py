"""An old Kong that a project takes over: the commands of the how-to, on a live Kong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kong_oam.access.data import Names
from sandbox.issuer import Issuer
from sandbox.local import Local
from tests.support.engine.deployment import named, operations
from tests.support.json_object import JsonObject
from tests.support.live.projects import link_project
from tests.support.live.run import Target
from tests.support.live.samples import HOST


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `adopt compare`."""

    kind: str
    hosts: Names
    methods: Names
    paths: Names
    callers: Names


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows of `adopt compare`, and the names of consumers by class of callers."""

    rows: tuple[Row, ...]
    consumers: Mapping[str, Names]


@dataclass(frozen=True, slots=True)
class Project:
    """A project in `folder` with an empty stack, for the Kong `target`."""

    local: Local
    folder: Path
    target: Target
    stack: str

    def adopt(self, until: str, today: str, issuer: str, ca: str) -> None:
        """Write Applications and settings for the Kong. Lint and compilation accept them."""
        certificates = self.folder / "ca.pem"
        certificates.write_text(ca, "utf-8")
        self.command(
            *("adopt", "kong", "--admin", self.target.admin_url),
            *("--host", HOST, "--until", until, "--as-of", today),
            *("--stack", self.stack, "--issuer", issuer, "--scheme", "http"),
            *("--ca", str(certificates), "-o", "."),
            statuses=(0, 1),
        )

    @contextmanager
    def settings(self) -> Iterator[dict[str, Any]]:
        """Yield the stack's settings, and write them at the end."""
        document = yaml.safe_load(self.stack_file.read_text("utf-8"))
        yield document["config"]
        self.stack_file.write_text(yaml.safe_dump(document), "utf-8")

    @property
    def stack_file(self) -> Path:
        return self.folder / f"stacks/Pulumi.{self.stack}.yaml"

    @property
    def application_file(self) -> Path:
        return self.folder / "applications" / "kong.yaml"

    def components(self) -> list[JsonObject]:
        """Return the components of the written Application."""
        document = yaml.safe_load(self.application_file.read_text("utf-8"))
        found: list[JsonObject] = document["spec"]["components"]
        return found

    def command(self, *arguments: str, statuses: tuple[int, ...] = (0,)) -> str:
        """Run a command of the program, and return its output."""
        done = subprocess.run(
            [sys.executable, "-m", "kong_oam", *arguments],
            cwd=self.folder,
            env=self.local.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode in statuses, done.stdout + done.stderr
        return done.stdout

    def compare(self, *more: str) -> Comparison:
        printed = self.command(
            *("adopt", "compare", "--admin", self.target.admin_url),
            *("--stack", self.stack, "--json", *more),
            statuses=(0, 1),
        )
        document = json.loads(printed)
        rows = tuple(
            Row(
                row["kind"],
                tuple(row["hosts"]),
                tuple(row["methods"]),
                tuple(row["paths"]),
                tuple(row["callers"]),
            )
            for row in document["rows"]
        )
        consumers = {
            entry["name"]: tuple(entry["consumers"])
            for entry in document["callers"]
        }
        return Comparison(rows, consumers)

    def changes(self) -> dict[str, str]:
        """Run `up`, and return its operations by name."""
        done = self.local.pulumi(
            *("up", "-s", self.stack, "--yes", "--skip-preview", "--json"),
            cwd=self.folder,
        )
        return named(operations(done.stdout))

    def failed_up(self) -> str:
        """Run `up`, which must fail, and return its output."""
        done = self.local.pulumi(
            *("up", "-s", self.stack, "--yes", "--skip-preview"),
            cwd=self.folder,
            check=False,
        )
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def entities(self) -> int:
        """Return the number of the stack's plugins in Kong."""
        path = f"/plugins?size=1000&tags=kong-oam-stack:{self.stack}"
        return len(self.target.get(path).json()["data"])

    def killed_up(self, plugins: int) -> None:
        """Run `up`, and kill it when Kong has so many of its plugins."""
        run = threading.Thread(target=self._up_in_vain)
        run.start()
        until = time.monotonic() + 120
        while run.is_alive() and self.entities() < plugins:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert run.is_alive(), "the run ended before it was killed"
        self.local.kill()
        run.join(60)

    def _up_in_vain(self) -> None:
        self.local.pulumi(
            *("up", "-s", self.stack, "--yes", "--skip-preview"),
            cwd=self.folder,
            check=False,
        )

    def recover(self) -> None:
        """Recover the stack as docs/how-to/recover.md says."""
        self.local.pulumi("cancel", "-s", self.stack, "--yes", cwd=self.folder)
        self.command("recover", "-s", self.stack, "--remove")
        self.local.pulumi(
            *("refresh", "-s", self.stack, "--yes", "--skip-preview"),
            "--clear-pending-creates",
            cwd=self.folder,
        )

    def retire(self) -> str:
        """Return the script that `adopt retire` prints; empty if nothing is left to remove."""
        return self.command(
            *("adopt", "retire", "--admin", self.target.admin_url),
            *("--stack", self.stack),
            statuses=(0, 1),
        )

    def run_script(self, script: str) -> None:
        """Run a printed script, as a user does."""
        token = {"KONG_ADMIN_TOKEN": self.target.token or ""}
        address = {"KONG_ADMIN_ADDR": self.target.admin_url}
        subprocess.run(
            ["sh"],
            input=script,
            env={"PATH": os.environ["PATH"], **token, **address},
            text=True,
            timeout=300,
            check=True,
        )

    @property
    def settle(self) -> float:
        """Return the seconds after which every worker has seen a change."""
        configuration = self.target.get("/").json()["configuration"]
        return settle_seconds(configuration)


def settle_seconds(configuration: Mapping[str, Any]) -> float:
    """Return the seconds until every worker of a Kong sees a change, with a margin."""
    names = ("db_update_frequency", "worker_state_update_frequency")
    return 2 * sum(float(configuration.get(name) or 5) for name in names) + 1


@contextmanager
def project(
    local: Local, folder: Path, target: Target, stack: str
) -> Iterator[Project]:
    """A project with an empty stack. At the end, the stack's entities are removed from Kong."""
    link_project(folder)
    made = Project(local, folder, target, stack)
    made.stack_file.write_text("config: {}\n", "utf-8")
    local.pulumi("stack", "init", stack, cwd=folder)
    # `adopt kong` overwrites no file.
    made.stack_file.unlink()
    try:
        yield made
    finally:
        target.remove_all_of(stack)


def token(issuer: Issuer, client: str, scopes: Names) -> str:
    """Return an access token of the issuer for a client."""
    now = int(time.time())
    claims = {
        "iss": issuer.url,
        "aud": issuer.audience,
        "sub": client,
        "client_id": client,
        "scope": " ".join(scopes),
        "token_use": "access",
        "iat": now,
        "exp": now + 3600,
    }
    return issuer.published[0].sign(claims)
