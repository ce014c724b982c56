"""A project with a generated estate, deployed by runs under Pulumi's mocks: of single partitions,
or of all.

The runs are real `python -m kong_oam up`; the engine, with its stacks, tags and locks, is a
stand-in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import (
    ExitStack,
    contextmanager,
    redirect_stderr,
    redirect_stdout,
)
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.settings.project import stack_file
from kong_oam.access.settings.stack import SettingsError, read_file
from kong_oam.engine import export
from kong_oam.engine import stacks as engine_stacks
from kong_oam.engine.cli import PulumiCliError
from kong_oam.engine.state import COMPONENT, STACK, from_outputs
from kong_oam.identity.kinds import describe
from kong_oam.render.stage import read_applications
from kong_oam.stacks import records, run
from kong_oam.stacks.fingerprint import configurations
from kong_oam.stacks.order import Estates
from kong_oam.stacks.plan import NO_CHANGES
from kong_oam.stacks.records import Known
from sandbox.entra import Entra
from sandbox.kong import Kong
from sandbox.okta import Okta
from sandbox.project import project
from tests.support.estate_choices import PARTITIONS
from tests.support.generated_estates import ChosenEstate, write
from tests.support.json_object import JsonObject
from tests.support.mocks import Registered, States, answer, run_stack
from tests.support.provider_settings import uninspected
from tests.support.workload_tls import authority

ESTATE = "local"
GROUPS = ("sales", "order-desk", "desk")
Made = tuple[Mapping[tuple[str, str], Registered], Mapping[str, Any]]
"""The registrations of a run, by type and name, and its outputs."""


class InvalidEstateError(Exception):
    """The program rejects the estate."""


@dataclass
class Deployed:
    """A stand-in for the engine as `up` uses it: the states of stacks, their tags and last updates.

    `made`: the results of each stack's last run. `ran`: the stacks with runs since the last
    reading. `cache`: results of runs by their inputs; several of these share it.
    """

    cache: dict[Any, tuple[Made, Mapping[str, Any]]]
    states: States = field(default_factory=States)
    made: dict[str, Made] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    updated: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    def copy(self) -> Deployed:
        """Return an independent copy."""
        return Deployed(
            self.cache,
            dict(self.states),
            dict(self.made),
            dict(self.tags),
            dict(self.updated),
        )

    def cli(self, *words: str, stack: str | None = None, **_: Any) -> str:
        match words[:3]:
            case ("stack", "ls", *_):
                names = [
                    ESTATE,
                    *(f"{ESTATE}-{partition}" for partition in PARTITIONS),
                ]
                return json.dumps(
                    [
                        {"name": name, "lastUpdate": self.updated.get(name)}
                        for name in names
                    ]
                )
            case ("stack", "tag", "ls"):
                return json.dumps(self.tags)
            case ("stack", "tag", "set"):
                self.tags[words[3]] = words[4]
                return ""
            case ("stack", "output", _):
                return json.dumps(
                    self.made[stack or ""][1] if stack in self.made else {}
                )
            case ("stack", "export"):
                resources = [
                    {"urn": urn, **item}
                    for urn, item in self.states.get(stack or "", {}).items()
                ]
                return json.dumps({"deployment": {"resources": resources}})
        raise PulumiCliError(f"`pulumi {' '.join(words)}` failed")

    def run(self, stack: str) -> bool:
        """Run a stack with the present files. Raises InvalidEstateError."""
        self.ran.append(stack)
        key = (
            stack,
            _files(),
            json.dumps(self.states, sort_keys=True, default=str),
        )
        if key not in self.cache:
            self.cache[key] = self._run(stack)
        self.made[stack], self.states[stack] = self.cache[key]
        self.updated[stack] = (
            f"time-{len(self.updated)}-{id(self.states[stack])}-{len(self.ran)}"
        )
        return True

    def _run(self, stack: str) -> tuple[Made, Mapping[str, Any]]:
        states, printed = dict(self.states), StringIO()
        with redirect_stderr(printed), redirect_stdout(printed):
            try:
                registered = run_stack(stack, states)
            except (SystemExit, Exception) as error:
                raise InvalidEstateError(
                    f"{stack}: {type(error).__name__} {error} {printed.getvalue()[-800:]}"
                ) from error
        of_stack = {
            (item.type, item.name): item
            for item in registered
            if item.type != STACK
        }
        state = {
            urn: item
            for urn, item in states[stack].items()
            if item["type"] == STACK
        }
        components = {name for kind, name in of_stack if kind == COMPONENT}
        for (kind, name), resource in of_stack.items():
            above = (
                f"urn:pulumi:{stack}::kong-oam::{COMPONENT}::{resource.parent}"
                if resource.parent in components
                else ""
            )
            state[f"urn:pulumi:{stack}::kong-oam::{kind}::{name}"] = {
                "type": kind,
                "outputs": resource.inputs,
                "parent": above,
            }
        return (of_stack, from_outputs(state).outputs), state


def _files() -> str:
    return "".join(
        file.read_text("utf-8")
        for folder in ("stacks", "applications")
        for file in sorted(Path(folder).iterdir())
    )


class Serial:
    """A stand-in for a pool of threads: runs in turn."""

    def __init__(self, **_: Any) -> None: ...
    def __enter__(self) -> Serial:
        return self

    def __exit__(self, *_: object) -> None: ...
    def map(self, function: Any, values: Any) -> Iterator[Any]:
        return map(function, values)


@dataclass
class Project:
    """The project in the working directory."""

    folder: Path
    provider: Mapping[str, Any]
    """The provider's additional settings: the address of the stand-in."""

    def estates(self, chosen: ChosenEstate) -> Estates | None:
        """Write the estate into the files, and return it; None where it does not compile."""
        write(self.folder, chosen, dict(self.provider))
        try:
            settings = read_file(stack_file(ESTATE), describe)
        except SettingsError:
            return None
        reading = read_applications(
            settings.applications, settings.definitions, settings.stack.minor
        )
        made = compile_estate(reading, settings.stack).estate
        return (
            Estates(settings, made, configurations(settings)) if made else None
        )

    def up(
        self, estates: Estates, deployed: Deployed, *, everything: bool
    ) -> Known:
        """Run `up`, with all stacks or with touched stacks. Return the knowledge before it. Raises
        InvalidEstateError."""
        deployed.ran.clear()
        with pytest.MonkeyPatch.context() as patch:
            for module in (records, engine_stacks, export):
                patch.setattr(module, "pulumi", deployed.cli)
            patch.setattr(run, "ThreadPoolExecutor", Serial)
            # The checker tests the order of runs: here an exchange of scopes may take one command.
            patch.setattr(run, "grant_changes", lambda *_: NO_CHANGES)
            patch.setattr(
                run, "stream", lambda *_, stack, **__: deployed.run(stack)
            )
            there = engine_stacks.list_stacks()
            known = records.read(ESTATE, PARTITIONS, there)
            chosen = (
                [None, *PARTITIONS]
                if everything
                else [*estates.outdated(known, estates.settings.as_of)]
            )
            runs = run.Runs(
                estates,
                "up",
                1,
                lambda *_: None,
                tuple(PARTITIONS),
                there,
                known,
            )
            runs.run_stacks(chosen)
            assert not runs.failed and not runs.left_out
            return records.read(ESTATE, PARTITIONS, engine_stacks.list_stacks())


@contextmanager
def project_at(kind: str, folder: Path) -> Iterator[Project]:
    """Yield a project for estates with a kind of provider; it is the working directory."""
    project(folder)
    with ExitStack() as opened:
        patch = opened.enter_context(pytest.MonkeyPatch.context())
        answer(patch)
        patch.chdir(folder)
        for file in (folder / "applications").glob("*.yaml"):
            file.unlink()
        for partition in PARTITIONS:
            text = json.dumps({"config": {"kong-oam:estate": ESTATE}})
            (
                folder / "stacks" / f"Pulumi.{ESTATE}-{partition}.yaml"
            ).write_text(text, "utf-8")
        kong = opened.enter_context(Kong())
        patch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        ca = authority("workloads").certificate
        (folder / "stacks" / "ca.pem").write_text(ca, "utf-8")
        httpx.post(
            f"{kong.admin_url}/ca_certificates", json={"cert": ca}
        ).raise_for_status()
        okta = opened.enter_context(
            Okta(api_token="the API token", groups=GROUPS)
        )
        patch.setenv("OKTA_HTTP_PROXY", okta.url)
        provider: JsonObject = {}
        if kind == "entra":
            entra = opened.enter_context(Entra(groups=GROUPS))
            for name, value in entra.environment.items():
                patch.setenv(name, value)
            provider = {"issuer": entra.issuer}
        if kind == "keycloak":
            patch.setenv("KEYCLOAK_CLIENT_ID", "kong-oam")
            patch.setenv("KEYCLOAK_CLIENT_SECRET", "the account's secret")
            uninspected(patch, kind)
        yield Project(folder, provider)
