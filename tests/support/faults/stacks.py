"""One stack of one project over a sandbox: the literal CLI, requests to the stand-ins behind it,
and their objects."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx

from sandbox.kong.proxy import Answer
from sandbox.local import STACK, Local
from sandbox.okta import browser
from tests.support.engine.calls import service_token
from tests.support.engine.deployment import (
    Edit,
    project,
    remove_applications,
    rewrite,
)
from tests.support.engine.inventory import KONG, OKTA
from tests.support.faults.tiny import HOST, PROTECTED
from tests.support.json_object import JsonObject
from tests.support.projects import replace_once


@dataclass(frozen=True, slots=True)
class Stack:
    """Stack `name` of the project in `folder`. Every run of the CLI ends within 100 seconds and has
    `--yes`."""

    local: Local
    folder: Path
    name: str = STACK

    def pulumi(
        self, *arguments: str, check: bool = True
    ) -> CompletedProcess[str]:
        """Run `pulumi ARGUMENTS` on the stack."""
        return self.local.pulumi(
            *arguments,
            "--stack",
            self.name,
            cwd=self.folder,
            check=check,
            timeout=100,
        )

    def run(
        self, verb: str, *arguments: str, check: bool = True
    ) -> CompletedProcess[str]:
        """Run `up`, `refresh` or `destroy`, without a preview before it."""
        return self.pulumi(
            verb, "--yes", "--skip-preview", *arguments, check=check
        )

    def module(
        self, name: str, *arguments: str, **environment: str
    ) -> CompletedProcess[str]:
        """Run `python -m NAME ARGUMENTS` in the project's folder. Any exit status is allowed."""
        env = {**self.local.env, **environment}
        command = [sys.executable, "-m", name, *arguments]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=180,
        )

    def changes(self, verb: str, *arguments: str) -> dict[str, str]:
        """Return the changes of a run, from its events: {logical name: operation}."""
        done = self.run(verb, "--json", *arguments)
        found = {}
        for event in (
            json.loads(line)
            for line in done.stdout.splitlines()
            if line.startswith("{")
        ):
            if (
                step := event.get("resourcePreEvent", {}).get("metadata")
            ) is not None:
                found[step["urn"].rsplit("::", 1)[1]] = step["op"]
        return {
            name: op
            for name, op in found.items()
            if op not in ("same", "read", "refresh")
        }

    def assert_unchanged(self, verb: str = "up", *arguments: str) -> None:
        """Assert that a run changes nothing."""
        changes = self.changes(verb, *arguments)
        assert changes == {}, changes

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace `old`, which occurs exactly once, in a file of the project."""
        path = self.folder / file
        assert path.resolve().is_relative_to(self.folder.resolve()), (
            f"{file} is a link to the project's own"
        )
        replace_once(path, old, new)

    def state(self) -> list[JsonObject]:
        """Return the resources of the exported state."""
        exported = json.loads(self.pulumi("stack", "export").stdout)
        return list(exported["deployment"].get("resources") or ())

    def rewrite(self, edit: Edit) -> None:
        """Replace the state's resources by the result of `edit`."""
        rewrite(self.pulumi, self.local.folder / "state.json", edit)

    def answer(
        self,
        method: str,
        host: str,
        target: str,
        token: str | None = None,
        scheme: str = "http",
    ) -> Answer:
        """Return the gateway's answer, without sockets, and whether a workload gave it."""
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        raw = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{authorization}\r\n".encode()
        return self.local.kong.handle(raw, scheme)

    def status(
        self,
        method: str,
        host: str,
        target: str,
        token: str | None = None,
        scheme: str = "http",
    ) -> int:
        """Return only the status; the workload answers 200 to each allowed request."""
        return self.answer(method, host, target, token, scheme).status

    def kong(self, method: str, path: str, body: object = None) -> Any:
        """Send a manual request to the Admin API; return the answer's JSON, None without JSON."""
        headers = {"Kong-Admin-Token": self.local.env["KONG_ADMIN_TOKEN"]}
        answer = httpx.request(
            method, self.local.kong.admin_url + path, headers=headers, json=body
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def okta(self, method: str, path: str, body: object = None) -> Any:
        """Send a manual request to the management API; return the answer's JSON, None without JSON."""
        headers = {"Authorization": f"SSWS {self.local.env['OKTA_API_TOKEN']}"}
        answer = httpx.request(
            method,
            f"{self.local.okta.url}/api/v1{path}",
            headers=headers,
            json=body,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def entity(self, kind: str, name: str) -> JsonObject:
        """Return the only entity of Kong with that name."""
        (found,) = (
            entity
            for entity in self.local.kong.entities(kind)
            if entity["name"] == name
        )
        return found

    def plugin(self, kind: str, service: str) -> JsonObject:
        """Return the only plugin of a kind on a service."""
        identifier = self.entity("services", service)["id"]
        (found,) = (
            entity
            for entity in self.local.kong.entities("plugins")
            if entity["name"] == kind
            and (entity["service"] or {}).get("id") == identifier
        )
        return found

    def app(self, component: str) -> JsonObject:
        """Return the only app of a client at Okta."""
        label = f"kong-oam {self.name} {component}"
        (found,) = (
            app
            for app in self.local.okta.objects("apps")
            if app["label"] == label
        )
        return found


Empty = Callable[..., Stack]
"""The fixture `empty` of the fault tests: it makes an empty stack."""


def start(
    local: Local,
    folder: Path,
    name: str = STACK,
    applications: Iterable[str] | None = None,
    copied: Iterable[str] = (),
) -> Stack:
    """Return an empty stack of a copy of this project; `applications` (YAML) replace the sample
    estate's.

    `copied` are more of its parts (as "components") for edits.
    """
    folder.mkdir()
    project(folder, *copied)
    if applications is not None:
        remove_applications(folder)
        for number, text in enumerate(applications):
            (folder / f"applications/app{number}.yaml").write_text(
                text, "utf-8"
            )
    local.pulumi("stack", "init", name, cwd=folder)
    return Stack(local, folder, name)


def trust(stack: Stack) -> None:
    """Let the stack verify workloads against the sandbox's CA, and give Kong the CA."""
    local = stack.local
    (stack.folder / "stacks/workloads.pem").write_text(
        local.echo.authority, "utf-8"
    )
    scheme = "    scheme: http\n"
    stack.edit(
        f"stacks/Pulumi.{stack.name}.yaml",
        scheme,
        f"{scheme}    upstreamTls: {{ca: workloads.pem}}\n",
    )
    assert (
        stack.kong("POST", "/ca_certificates", {"cert": local.echo.authority})
        is not None
    )


def object_counts(local: Local) -> dict[str, int]:
    """Return the number of objects of each kind in Kong, at Okta (without its groups) and in the
    cluster."""
    counts = {kind: len(local.kong.entities(kind)) for kind in KONG}
    counts |= {kind: len(local.okta.objects(kind)) for kind in OKTA}
    counts["objects"] = len(local.cluster.objects())
    return {kind: count for kind, count in counts.items() if count}


def within(seconds: float, condition: Any) -> float:
    """Return the seconds until `condition()` holds. Raises AssertionError when it does not in time."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - begun


def is_refused(ask: Any) -> bool:
    """Return whether the issuer rejects the request of `ask`."""
    try:
        ask()
    except browser.IssuerError:
        return True
    return False


def job_status(stack: Stack) -> int:
    """Return the status of the job of `TINY` on the protected path."""
    token = service_token(stack.local, "job")
    return stack.status("GET", HOST, PROTECTED, token)
