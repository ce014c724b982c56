"""Errors of `check` for wrong input: one clear message with its position, and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.__main__ import main
from tests.support.cli import Cli
from tests.support.rendering import written
from tests.support.streams import Capsys

HEAD = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: shop}\nspec:\n  components:\n"
GATEWAY = "{type: gateway, properties: {domain: a.example.com, http: {/: 80}}}"
PART = "    - {name: a, type: t}\n"
WEB = "    - {name: web, type: webservice, properties: {image: a, ports: [{port: 80}]}, traits: [%s]}\n"
EXPOSED = WEB % f"{GATEWAY}, {{type: access, properties: {{owner: o}}}}"
CLIENT = WEB % "{type: client, properties: {kind: service}}"
OBJECT = "    - {name: x, type: k8s-objects, properties: {objects: [%s]}}\n"
INGRESS = (
    "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {rules: [{host: b.example.com, "
    "http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %s, port: {number: 80}}}}]}}]}}"
)
SELECTING = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {app.oam.dev/component: web}, ports: [{port: 80}]}}"
CONFIG = 'output: {apiVersion: "v1", kind: "ConfigMap"}\n'
MODULE = """apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: t}
spec: {schematic: {terraform: {type: remote, configuration: "https://example.com/a.git"}}}
"""
AT = "applications/a.yaml:"

Case = tuple[str, dict[str, str], str]
BAD: dict[str, Case] = {
    "a definition that is no CUE": (
        PART, {"t.yaml": written("Component", "t", "output: {")},
        f"{AT}6:23: error OAM112: t 'a': its definition fails: expected '}}', found 'EOF'",
    ),
    "no output": (
        PART, {"t.yaml": written("Component", "t", "parameter: {}")},
        f"{AT}6:23: error OAM112: t 'a': its definition fails: the template has no `output`",
    ),
    "a container that there is not": (
        WEB % "{type: env, properties: {containerName: b, env: {A: b}}}", {},
        f"{AT}6:98: error OAM111: trait 'env' of 'web': there is no container b",
    ),
    **{
        f"a release of {type_}": (
            f"    - {{name: x, type: {type_}, properties: {properties}}}\n", {},
            f"{AT}6:{column}: error ACC224: Release 'r' of 'shop/x': only the component type helmchart creates a Helm release",
        )
        for release in ("apiVersion: helm.sh/v3, kind: Release, metadata: {name: r}, spec: {chart: a}",)
        for type_, properties, column in (
            ("raw", f"{{{release}}}", 40), ("k8s-objects", f"{{objects: [{{{release}}}]}}", 59)
        )
    },
    "an Ingress to another component": (
        EXPOSED + OBJECT % (INGRESS % "web"), {},
        f"{AT}7:23: error OAM108: Ingress 'i': '/' leads to Service 'web', which 'x' does not create",
    ),
    "a route to a Service of another's pods": (
        EXPOSED + OBJECT % f"{SELECTING}, {INGRESS % 's'}", {},
        f"{AT}7:23: error ACC223: Ingress 'i': '/' leads to Service 's', which selects no pods of 'x'",
    ),
    "a network policy": (
        OBJECT % "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: {podSelector: {}}}", {},
        f"{AT}6:59: error ACC224: NetworkPolicy 'p' of 'shop/x': network policies add up",
    ),
    "a binding of another client's Secret": (
        CLIENT + "    - {name: b, type: webservice, properties: {image: a}, traits: [{type: service-binding, "
        "properties: {envMappings: {A: {secret: web-client, key: k}}}}]}\n", {},
        f"{AT}7:23: error ACC217: Deployment 'b' of 'shop/b': spec.template.spec.containers[0].env[0].valueFrom.secretKeyRef.name",
    ),
    "a Terraform type that writes a client's Secret": (
        f"{CLIENT}    - {{name: x, type: t, properties: {{writeConnectionSecretToRef: {{name: web-client}}}}}}\n", {"t.yaml": MODULE},
        f"{AT}7:23: error OAM107: Configuration 'x' of 'shop/x': spec.writeConnectionSecretToRef.name would overwrite 'web-client'",
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a stack."""
    (tmp_path / "applications").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(components: str, definitions: dict[str, str]) -> None:
    Path("applications/a.yaml").write_text(HEAD + components)
    for name, text in definitions.items():
        Path("definitions").mkdir(exist_ok=True)
        Path("definitions", name).write_text(text)


@pytest.mark.parametrize("about", BAD)
def test_what_is_wrong_is_one_error_at_its_place(
    about: str, capsys: Capsys
) -> None:
    components, definitions, expected = BAD[about]
    write(components, definitions)
    assert main(["check"]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith(expected), printed.out
    assert (printed.out.count(": error "), printed.err) == (1, "")


TAKEN: dict[str, str] = {
    "a null for traits": "    - {name: a, type: webservice, properties: {image: a}, traits: null}\n",
    "a trait twice": WEB
    % "{type: scaler}, {type: scaler, properties: {replicas: 2}}",
    "a Service that selects another's pods, without a route": WEB % ""
    + OBJECT % SELECTING,
    "a Helm chart": "    - {name: a, type: helmchart, properties: {chart: {source: a}}}\n",
}


@pytest.mark.parametrize("about", TAKEN)
def test_what_is_as_kubevela_has_it_is_taken(
    about: str, capsys: Capsys
) -> None:
    write(TAKEN[about], {})
    main(["check"])
    assert "component(s): no errors" in capsys.readouterr().out


def test_a_gateway_that_an_override_adds_opens_nothing(
    capsys: Capsys,
) -> None:
    """It is a route without rules, like any other gateway trait without an access trait."""
    override = f"{{components: [{{name: web, traits: [{GATEWAY}]}}]}}"
    write(
        f"{WEB % ''}  policies: [{{name: o, type: override, properties: {override}}}]\n",
        {},
    )
    main(["explain", "GET", "https://a.example.com/"])
    assert capsys.readouterr().out.startswith("401")


def test_a_definition_is_no_application(
    cli: Cli,
) -> None:
    """For a definition in CUE, the error names the folder for definitions."""
    write(PART, {"t.cue": "t: {}\n"})
    assert cli("check", "definitions/t.cue", status=1).startswith(
        "definitions/t.cue:1:1: error OAM101: cannot be read: a CUE file is a definition, no Application; move it into "
    )
