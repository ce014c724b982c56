"""Variants of components with definitions: each is evaluated, checked and deployed at its targets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.settings.stack import parse
from kong_oam.kubernetes.estate import objects_of
from kong_oam.oam.application import Reading, read_files
from kong_oam.render.project import own_definitions
from kong_oam.render.stage import Renderer, read_applications
from kong_oam.render.tools import Tools
from tests.support import small_stacks
from tests.support.custom_types import Counting
from tests.support.estates import STACK
from tests.support.rendering import written

TEXT = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: x, cpu: "1", ports: [{port: 80}]}
      traits:
        - {type: access, properties: {owner: o, rules: [{public: {reason: r}}]}}
        - {type: routed, properties: {host: a}}
  policies:
    - {name: staging, type: topology, properties: {namespace: staging}}
    - {name: production, type: topology, properties: {namespace: production}}
    - {name: large, type: override, properties: {components: [CHANGE]}}
  workflow:
    steps:
      - {name: to-staging, type: deploy, properties: {policies: [staging]}}
      - {name: to-production, type: deploy, properties: {policies: [production, large]}}
"""
LARGE = "{name: web, traits: [{type: scaler, properties: {replicas: 3}}]}"
ROUTED = """
parameter: {host: string, label: *"web" | string, target: *80 | int, early: *true | int}
outputs: service: {
    apiVersion: "v1"
    kind: "Service"
    metadata: name: context.name
    spec: {
        selector: "app.oam.dev/component": parameter.label
        ports: [{port: 80, targetPort: parameter.target}]
        publishNotReadyAddresses: parameter.early
    }
}
outputs: ingress: {
    apiVersion: "networking.k8s.io/v1"
    kind: "Ingress"
    metadata: name: context.name
    spec: rules: [{
        host: "\\(parameter.host).example.com"
        http: paths: [{path: "/", pathType: "Prefix", backend: service: {name: context.name, port: number: 80}}]
    }]
}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a project with a trait for routes."""
    folder = tmp_path / "project"
    (folder / "definitions").mkdir(parents=True)
    (folder / "applications").mkdir()
    (folder / "definitions/routed.yaml").write_text(
        written("Trait", "routed", ROUTED)
    )
    monkeypatch.chdir(folder)
    return folder


def read(
    project: Path, tools: Tools, change: str = LARGE, text: str = TEXT
) -> Reading:
    (project / "applications/shop.yaml").write_text(
        text.replace("CHANGE", change)
    )
    return read_applications(["applications"], [], 30, renderer=Renderer(tools))


def said(reading: Reading, **stack: Any) -> list[str]:
    found = compile_estate(
        reading, replace(STACK, clusters=frozenset({"west"}), **stack)
    ).diagnostics
    return [
        str(finding).splitlines()[0]
        for finding in found
        if finding.severity == "error"
    ]


def test_each_variant_is_evaluated_for_its_target(
    project: Path, tools: Tools
) -> None:
    """Once, like any component; its target gets its objects."""
    reading = read(project, tools)
    assert said(reading) == []
    (part,) = reading.applications[0].components
    found = [(target.rendered or ())[0] for target in part.targets]
    assert [
        (
            rendered_object.namespace,
            rendered_object.object["spec"].get("replicas"),
        )
        for rendered_object in found
    ] == [
        ("staging", None),
        ("production", 3),
    ]
    assert isinstance(tools.evaluator, Counting)
    assert tools.evaluator.components == 2
    read(project, tools, LARGE.replace("3", "4"))
    assert tools.evaluator.components == 3, "the other form is known"
    estate = compile_estate(reading, STACK).estate
    assert estate
    settings = parse(
        "prod", {**small_stacks.SETTINGS, "cluster": {"context": "here"}}
    )
    deployed = [
        manifest
        for manifest in objects_of(estate, settings)
        if manifest["kind"] == "Deployment"
    ]
    assert [
        (manifest["metadata"]["namespace"], manifest["spec"].get("replicas"))
        for manifest in deployed
    ] == [
        ("staging", None),
        ("production", 3),
    ]


def test_a_changed_definition_renders_its_variant_again(
    project: Path, tools: Tools
) -> None:
    """After a change of the definition, the variant is rendered again."""
    read(project, tools, "{name: web, traits: [{type: noted, properties: {}}]}")
    renderer, raw = Renderer(tools), read_files(["applications"])
    for text in ("one", "two"):
        template = (
            f'parameter: {{}}\npatch: metadata: annotations: note: "{text}"'
        )
        (project / "definitions/noted.yaml").write_text(
            written("Trait", "noted", template)
        )
        (part,) = (
            renderer.rendered(raw, own_definitions([], tools.ask), 30)
            .applications[0]
            .components
        )
        notes = [
            (target.rendered or ())[0]
            .object["metadata"]
            .get("annotations", {})
            .get("note")
            for target in part.targets
        ]
        assert notes == [None, text]


def test_all_variants_are_rendered_if_one_needs_a_definition(
    project: Path, tools: Tools
) -> None:
    """So that variants can be compared: a gateway trait alone needs no definition."""
    text = TEXT.replace("{type: routed, properties: {host: a}}", "{type: gateway, properties: {domain: a.example.com, http: {/: 80}}}")  # fmt: skip
    reading = read(project, tools, text=text)
    assert said(reading) == []
    (part,) = reading.applications[0].components
    assert not part.plain
    assert all(target.rendered for target in part.targets)
    reading = read(project, tools, '{name: web, properties: {cpu: "2"}}', text)
    assert said(reading) == []
    assert reading.applications[0].components[0].plain


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ("{name: web, traits: [{type: routed, properties: {host: b}}]}", "19:9: error OAM108: component 'web': routes.b.example.com/ is \"port 80 of web, certificate None\" in step 'to-production' (override 'large'), but missing in step 'to-staging'"),
        ("{name: web, traits: [{type: routed, properties: {target: 81}}]}", "19:9: error OAM108: component 'web': services.web.ports.80/TCP.targetPort is 81 in step 'to-production'"),
        ("{name: web, traits: [{type: routed, properties: {early: 1}}]}", "services.web.publishNotReadyAddresses is 1 in step"),
        ("{name: web, traits: [{type: expose, properties: {port: [9]}}]}", "services.web.ports.9/TCP is {"),
        ("{name: web, traits: [{type: expose, properties: {port: [80], type: NodePort}}]}", "spec.type 'NodePort'"),
        ("{name: web, traits: [{type: routed, properties: {label: other}}]}", "leads to Service 'web', which selects no pods of 'web'"),
        ("{name: web, traits: [{type: routed, disable: true}]}", "ACC211: component 'web' has access rules but no gateway trait"),
        ("{name: web, traits: [{type: gateway, properties: {domain: c.example.com, http: {/: 80}}}]}", "routes.c.example.com/ is \"port 80 of web, certificate None\" in step 'to-production'"),
        ("{name: web, properties: {cpuu: 2}}", "OAM102: unknown field 'cpuu' in webservice; known: "),
        ("{name: web, traits: [{type: scalr}]}", "OAM104: unknown trait type 'scalr'; did you mean 'scaler'?"),
        ("{name: web, traits: [{type: storage, properties: {hostPath: [{name: a, path: /, mountPath: /a}]}}]}", "hostPath"),
        ("{name: web, traits: [{type: scaler, properties: {replica: 3}}]}", "OAM102: unknown field 'replica' in scaler"),
    ],
)  # fmt: skip
def test_rendered_variants_are_checked_and_compared(
    project: Path, tools: Tools, change: str, finding: str
) -> None:
    """By its routes and selectors, for any trait."""
    found = said(read(project, tools, change))
    assert any(finding in line for line in found), found


def test_a_further_service_with_the_same_ports_is_merged(
    project: Path, tools: Tools
) -> None:
    """Services of one name are merged, with the default type ClusterIP."""
    assert (
        said(
            read(
                project,
                tools,
                "{name: web, traits: [{type: expose, properties: {port: [80]}}]}",
            )
        )
        == []
    )


def test_each_variant_has_its_own_routes(project: Path, tools: Tools) -> None:
    (project / "definitions/routed.yaml").write_text(
        written(
            "Trait",
            "routed",
            ROUTED.replace("parameter.host)", "context.namespace)"),
        )
    )
    (found,) = said(read(project, tools))
    assert (
        "routes.production.example.com/ is \"port 80 of web, certificate None\" in step 'to-production'"
        in found
    )


def test_objects_of_variants_do_not_collide(
    project: Path, tools: Tools
) -> None:
    """Objects with one name of two variants in one cluster, without a namespace or in another's,
    are duplicates."""
    namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: extra}}"
    text = TEXT[: TEXT.index("    - name: web")] + (
        "    - {name: web, type: k8s-objects, properties: {objects: [OBJECT]}}\n"
    ) + TEXT[TEXT.index("  policies:") :]  # fmt: skip
    labelled = namespace.replace("extra}", "extra, labels: {a: b}}")
    change = f"{{name: web, properties: {{objects: [{labelled}]}}}}"
    found = said(
        read(project, tools, change, text.replace("OBJECT", namespace)),
        allowed={"Namespace": "x"},
    )
    assert any(
        "OAM107: Namespace 'extra' would also be created for 'shop/web'" in line
        for line in found
    ), found
    apart = text.replace("OBJECT", namespace).replace(
        "{namespace: production}", "{clusters: [west]}"
    )
    assert (
        said(read(project, tools, change, apart), allowed={"Namespace": "x"})
        == []
    )


def test_an_input_comes_from_the_variant_at_the_same_target(
    project: Path, tools: Tools
) -> None:
    """The taking component may have variants or not."""
    text = TEXT[: TEXT.index("    - name: web")] + (
        "    - name: web\n      type: worker\n      properties: {image: a}\n"
        "      outputs: [{name: image, valueFrom: 'output.spec.template.spec.containers[0].image'}]\n"
        "    - name: taker\n      type: worker\n      properties: {image: x, env: [{name: A, value: ''}]}\n"
        "      inputs: [{from: image, parameterKey: 'env[0].value'}]\n"
    ) + TEXT[TEXT.index("  policies:") :]  # fmt: skip
    for change in ("", ', {name: taker, properties: {cpu: "2"}}'):
        reading = read(
            project, tools, "{name: web, properties: {image: b}}" + change, text
        )
        assert said(reading) == []
        taker = reading.applications[0].components[1]
        found = [
            (target.rendered or ())[0].object["spec"]["template"]["spec"]
            for target in taker.targets
        ]
        assert [pod["containers"][0]["env"][0]["value"] for pod in found] == [
            "a",
            "b",
        ]
        assert len(taker.variants) == (2 if change else 0)
