"""The policy pack guards the estate: in previews, in updates, and over an exported state."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from sandbox.local import STACK
from tests.support.engine.deployment import Empty
from tests.support.engine.inventory import entities
from tests.support.engine.sample import Sample
from tests.support.json_object import JsonObject

State = JsonObject
CREDENTIALS = ("sandbox-admin-token", "sandbox-api-token")


def test_nothing_is_found_in_the_sample_estate(sample: Sample) -> None:
    """In the deployed stack; and no rule is skipped because of an unknown value."""
    done = sample.deployment.pulumi(
        "preview", "-s", STACK, "--policy-pack", "policies"
    )
    assert "kong-oam@v0.0.1" in done.stdout
    assert "[mandatory]" not in done.stdout
    assert "[advisory]" not in done.stdout
    assert "can't run policy" not in done.stdout


@pytest.mark.deep
def test_a_first_preview_is_judged_as_far_as_it_is_known(
    empty: Empty, tmp_path: Path
) -> None:
    """Ids and secrets are unknown then: every rule runs, and none reports unknown values. Advice
    stops a run only if a configuration makes it mandatory."""
    deployment = empty("policies")  # it reads the Applications beside it
    deployment.edit(
        "applications/hello.yaml", "\n  annotations: {owner: team-hello}", ""
    )
    deployment.edit("applications/shop.yaml", '"2027-03-31"', '"2026-03-31"')
    done = deployment.pulumi(
        "preview", "-s", STACK, "--policy-pack", "policies"
    )
    assert "[mandatory]" not in done.stdout
    assert "can't run policy" not in done.stdout
    assert (
        "hello/hello-world (applications/hello.yaml:8:7) has no owner"
        in done.stdout
    )
    assert (
        "shop/web (applications/shop.yaml:33:17) has a waiver of LINT305 that expired on 2026-03-31"
        in done.stdout
    )
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"component-owned": "mandatory"}))
    arguments = (
        "--policy-pack",
        "policies",
        "--policy-pack-config",
        str(config),
    )
    strict = deployment.pulumi("preview", "-s", STACK, *arguments, check=False)
    assert strict.returncode != 0
    assert "[mandatory] [severity: low]  component-owned" in strict.stdout
    assert "[advisory] [severity: low]  waiver-current" in strict.stdout


def test_a_mandatory_rule_stops_the_resource_from_being_made(
    empty: Empty,
) -> None:
    """A change of the program gives every client the password grant: the preview fails, and so does
    an up without a preview."""
    deployment = empty("components")
    deployment.edit(
        "components/identity/okta.py",
        "grant_types=",
        'grant_types=["password"] or ',
    )
    previewed = deployment.pulumi(
        "up", "-s", STACK, "--yes", "--policy-pack", "policies", check=False
    )
    assert previewed.returncode != 0
    assert entities(deployment.local) == {}
    blocked = deployment.run("up", "--policy-pack", "policies", check=False)
    assert blocked.returncode != 0
    for output in (previewed.stdout, blocked.stdout):
        assert "[mandatory] [severity: high]  grant-safe" in output
        assert re.search(r"okta-app-\S+ may use the password grant", output)
        assert "Set the client's `kind`" in output
    assert "apps" not in entities(deployment.local)


def analyzed(
    sample: Sample, folder: Path, change: Callable[[State], None], *more: str
) -> CompletedProcess[str]:
    """`pulumi policy analyze` on the sample's exported state, after `change` to its resources by logical name."""
    state = json.loads(
        sample.deployment.pulumi("stack", "export", "-s", STACK).stdout
    )
    change(
        {
            resource["urn"].rsplit("::", 1)[1]: resource
            for resource in state["deployment"]["resources"]
        }
    )
    file = folder / "state.json"
    file.write_text(json.dumps(state))
    return sample.deployment.pulumi(
        "policy",
        "analyze",
        "--file",
        str(file),
        "--policy-pack",
        "policies",
        *more,
        check=False,
    )


def nothing(_: State) -> None: ...


def another_script(resources: State) -> None:
    gate = resources["orders/api-8080-gate"]
    for part in ("inputs", "outputs"):
        gate[part]["configJson"] = gate[part]["configJson"].replace(
            "return 403", "return 200"
        )


def no_gate(resources: State) -> None:
    resources["orders/api-8080-gate"]["outputs"]["enabled"] = False


def anybody(resources: State) -> None:
    resources["orders/api-8080-jwt"]["outputs"]["configJson"] = resources[
        "orders/api-8080-jwt"
    ]["outputs"]["configJson"].replace(
        '"kong-oam.local.anonymous"', '"kong-oam.local.ring.okta"'
    )


def token_in_a_tag(resources: State) -> None:
    resources["orders/api-8080-service"]["outputs"]["path"] = (
        "-----BEGIN RSA PRIVATE KEY-----"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (another_script, "orders/api-8080-gate does not run the gate of this version"),
        (no_gate, "route orders/api-protected-1-8080 points to orders/api-8080-service, which has no gate (an enabled post-function)"),
        (anybody, "orders/api-8080-jwt: calls without a token pass as 'kong-oam.local.ring.okta', which is no consumer without credentials here"),
        (token_in_a_tag, "orders/api-8080-service: path contains a private key"),
    ],
)  # fmt: skip
def test_an_exported_state_is_analysed_without_the_program(
    sample: Sample,
    tmp_path: Path,
    change: Callable[[State], None],
    message: str,
) -> None:
    """A manual change is found by name, and the command fails."""
    done = analyzed(sample, tmp_path, change)
    assert done.returncode != 0
    assert message in done.stdout


def test_an_exported_state_that_is_sound_passes(
    sample: Sample, tmp_path: Path
) -> None:
    """A configuration denies a permission of the sandbox; no output has a credential."""
    done = analyzed(sample, tmp_path, nothing)
    assert done.returncode == 0, done.stdout
    assert "[mandatory]" not in done.stdout
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"no-plain-http": {"exceptClouds": []}}))
    strict = analyzed(
        sample, tmp_path, nothing, "--policy-pack-config", str(config)
    )
    assert strict.returncode != 0
    assert "route orders/api-protected-1-8080 accepts http" in strict.stdout
    for credential in CREDENTIALS:
        assert credential not in done.stdout + strict.stdout
