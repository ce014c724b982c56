"""Values between components: known after rendering or after deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.model import ComponentSpec
from kong_oam.oam.rendered import PLACEHOLDER
from kong_oam.render.cache import Cache
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.project import OwnDefinitions
from kong_oam.render.stage import Renderer
from kong_oam.render.tools import Tools
from tests.support.diagnostics import said
from tests.support.rendering import written

GIVER = """
parameter: {port: *80 | int}
output: {
    apiVersion: "apps/v1", kind: "Deployment"
    spec: template: spec: containers: [{name: "c", image: "i"}]
    status: ready: true
}
outputs: service: {
    apiVersion: "v1", kind: "Service"
    metadata: name: "\\(context.name)-internal"
    spec: {selector: app: context.name, ports: [{port: parameter.port}]}
}
outputs: "kept-secret": {apiVersion: "v1", kind: "Secret", metadata: name: "s", stringData: password: "hidden"}
outputs: way: {apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: name: "w", spec: {}}
"""
TAKER = """
import ("strings", "encoding/base64")

parameter: {address?: string, port?: int, any?: _, decided?: string, encoded?: string, short?: =~"^[a-z0-9-]*$"}
output: {
    apiVersion: "v1", kind: "ConfigMap"
    metadata: name: context.name
    data: {
        if parameter.address != _|_ {address: parameter.address}
        if parameter.port != _|_ {port: "\\(parameter.port)"}
        if parameter.any != _|_ {any: parameter.any}
        if parameter.decided != _|_ {decided: strings.ToUpper(parameter.decided)}
        if parameter.encoded != _|_ {encoded: base64.Encode(null, parameter.encoded)}
        if parameter.short != _|_ {short: parameter.short}
    }
}
"""
HEAD = """apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shops}
spec:
  components:
"""
TAKEN = (
    "    - {name: web, type: taker, inputs: [{from: v, parameterKey: %s}]}\n"
)
GIVEN = "    - {name: db, type: giver, outputs: [{name: v, valueFrom: '%s'}]}\n"


def read(evaluator: Evaluator, cache: Path, *components: str) -> Reading:
    definitions = "---\n".join(
        [
            written("Component", "giver", GIVER),
            written("Component", "taker", TAKER),
        ]
    )
    text = HEAD + "".join(components) + "---\n" + definitions
    found = read_bytes("a.yaml", text.encode())
    with_tools = Renderer(Tools(evaluator, Cache(cache, "1")))
    return with_tools.rendered(found, OwnDefinitions(found.definitions), 30)


def parts(found: Reading) -> dict[str, ComponentSpec]:
    assert said(found) == []
    return {part.name: part for part in found.applications[0].components}


def data(component: ComponentSpec) -> Any:
    return (component.rendered or ())[0].object["data"]


@pytest.mark.parametrize(
    ("value_from", "parameter", "expected"),
    [
        ("output.metadata.name", "address", {"address": "db"}),
        ('output.metadata.name + ".default.svc.cluster.local"', "address", {"address": "db.default.svc.cluster.local"}),
        ("outputs.service.spec.ports[0].port", "port", {"port": "80"}),
        ('outputs["service"].metadata.name', "properties.any", {"any": "db-internal"}),
        ('outputs["kept-secret"].metadata.name', "any", {"any": "s"}),
        ("context.name", "any", {"any": "shop"}),
        ('"\ue0007\ue001"', "any", {"any": "\ue0007\ue001"}),
        ("context.namespace", "any", {"any": "shops"}),
        ('import "strings"\n\nstrings.Join([output.kind, "x"], "-")', "any", {"any": "Deployment-x"}),
        ("output.spec.template.spec.containers[0]", "any", {"any": {"name": "c", "image": "i"}}),
    ],
)  # fmt: skip
def test_a_value_that_is_rendered_is_known(
    evaluator: Evaluator,
    tmp_path: Path,
    value_from: str,
    parameter: str,
    expected: Any,
) -> None:
    """The taking component is rendered with it, in any order."""
    quoted = value_from.replace("\n", "\n\n        ")
    found = parts(read(evaluator, tmp_path, TAKEN % parameter, GIVEN % quoted))
    assert list(found) == ["web", "db"]
    assert data(found["web"]) == expected
    assert [
        rendered_object.awaited
        for rendered_object in found["web"].rendered or ()
    ] == [()]


@pytest.mark.parametrize(
    ("value_from", "text", "kind", "path"),
    [
        ("output.status.conditions[0].message", "{}", "Deployment", ("status", "conditions", 0, "message")),
        ("output.status.ready", "{}", "Deployment", ("status", "ready")),
        ("outputs.service.spec.clusterIP", "{}", "Service", ("spec", "clusterIP")),
        ('"http://" + (outputs.service.spec.clusterIP) + ":" + output.metadata.name', "http://{}:db", "Service", ("spec", "clusterIP")),
        ('"\\(outputs.service.spec.clusterIP):\\(outputs.service.spec.ports[0].port)"', "{}:80", "Service", ("spec", "clusterIP")),
        ('outputs["service"].metadata.uid', "{}", "Service", ("metadata", "uid")),
    ],
)  # fmt: skip
def test_placeholders_stand_for_values_of_the_cluster(
    evaluator: Evaluator,
    tmp_path: Path,
    value_from: str,
    text: str,
    kind: str,
    path: tuple[str | int, ...],
) -> None:
    """With the position of the value after deployment."""
    found = parts(
        read(evaluator, tmp_path, GIVEN % value_from, TAKEN % "address")
    )
    (rendered_object,) = found["web"].rendered or ()
    (awaited,) = rendered_object.awaited
    assert data(found["web"]) == {"address": text.format(awaited.placeholder)}
    assert PLACEHOLDER.fullmatch(awaited.placeholder)
    assert (
        awaited.component,
        awaited.kind,
        awaited.namespace,
        awaited.path,
    ) == (
        "db",
        kind,
        "shops",
        path,
    )
    assert found["web"].depends_on == ("db",)


def test_a_value_is_passed_on(evaluator: Evaluator, tmp_path: Path) -> None:
    """By a component that takes it itself; each object lists its values."""
    between = (
        "    - {name: mid, type: taker, inputs: [{from: v, parameterKey: any}],"
        " outputs: [{name: w, valueFrom: 'output.data.any + \"/x\"'}]}\n"
    )
    last = TAKEN.replace("from: v", "from: w") % "address"
    found = parts(
        read(
            evaluator,
            tmp_path,
            last,
            between,
            GIVEN % "outputs.service.spec.clusterIP",
        )
    )
    (rendered_object,) = found["web"].rendered or ()
    (awaited,) = rendered_object.awaited
    assert awaited.component == "db"
    assert data(found["web"]) == {"address": f"{awaited.placeholder}/x"}


def test_values_need_definitions(evaluator: Evaluator, tmp_path: Path) -> None:
    """A webservice with inputs or outputs is not checked by its written properties."""
    giver = "    - {name: db, type: webservice, properties: {image: i}, outputs: [{name: v, valueFrom: output.kind}]}\n"
    taker = "    - {name: web, type: worker, inputs: [{from: v, parameterKey: image}]}\n"
    assert parts(read(evaluator, tmp_path, giver))["db"].plain
    found = parts(read(evaluator, tmp_path, giver, taker))
    (rendered_object,) = found["web"].rendered or ()
    assert (
        rendered_object.object["spec"]["template"]["spec"]["containers"][0][
            "image"
        ]
        == "Deployment"
    )


LIVE = "outputs.service.spec.clusterIP"


@pytest.mark.parametrize(
    ("value_from", "parameter", "finding"),
    [
        ("outputs.servce.spec.x", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'outputs.servce.spec.x': outputs.servce does not exist"),
        ("context.nobody", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'context.nobody': context.nobody does not exist"),
        ("config", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'config': reference \"config\" not found; use output, outputs and context"),
        ("a b", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'a b': expected label or ':', found 'IDENT' b"),
        ("x: 1", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'x: 1': write one expression, after imports"),
        ("", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': '': write one expression, after imports"),
        ("1\n2", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': '1 2': write one expression, after imports"),
        ("null", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'null': it is null"),
        ('import "strings"\n\nstrings.Repeat("a", 70000)', "any", "it has more than 65536 characters; pass a shorter value"),
        ('import "tool/exec"\n\nexec.Run', "any", "\"tool/exec\" may use files, programs"),
        ("output.status", "any", "after deployment only metadata, spec and status of an object are known; use one of these"),
        ("output.data.x", "any", "after deployment only metadata, spec and status of an object are known; use one of these"),
        ('outputs["kept-secret"].stringData.password', "any", "values of a Secret are not passed on"),
        ("outputs.way.status.loadBalancer", "any", "an Ingress is not deployed, since its routes are in Kong; write the value out"),
        (f'*{LIVE} | "x"', "any", f"only the cluster knows {LIVE}; use it alone, or join it with texts by +"),
        (f"[{LIVE}]", "any", f"only the cluster knows {LIVE}; use it alone"),
        (f"{LIVE} + 1", "any", "invalid operands"),
        (f"''\\({LIVE})''", "any", "it is no text; write the value out"),
        (LIVE, "port", "a.yaml:7:41: OAM103 port must be of type integer, not string"),
        (LIVE, "decided", "a.yaml:7:32: OAM108 component 'web': its definition evaluates a value that only the cluster knows"),
        (LIVE, "encoded", "its definition evaluates a value that only the cluster knows"),
        (LIVE, "short", "its definition evaluates a value that only the cluster knows"),
        ("output.kind", "port", "a.yaml:7:41: OAM103 port must be of type integer, not string"),
        ("output.kind", "prot", "a.yaml:7:41: OAM102 unknown field 'prot' in taker; did you mean 'port'?"),
        ("output.kind", "any[1]", "a.yaml:7:65: OAM103 component 'web': parameterKey 'any[1]': the path needs a list with an entry before [1]; correct the path"),
    ],
)  # fmt: skip
def test_what_cannot_be_passed_is_one_finding(
    evaluator: Evaluator,
    tmp_path: Path,
    value_from: str,
    parameter: str,
    finding: str,
) -> None:
    """At the output, or at the input."""
    quoted = value_from.replace("\n", "\n\n        ")
    found = read(evaluator, tmp_path, GIVEN % quoted, TAKEN % f"'{parameter}'")
    (only,) = said(found)
    assert finding in only
    assert found.malformed == {"shop"}


TOPOLOGIES = """\
  policies:
    - {name: near, type: topology, properties: {namespace: blue}}
    - {name: far, type: topology, properties: {clusterLabelSelector: {tier: far}}}
"""


def test_each_target_gets_its_own_value(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """The other component's rendering at that target, and that cluster's value."""
    known, live = GIVEN % "output.metadata.namespace", GIVEN % LIVE
    for estate, expected in ((known, ["blue", "shops"]), (live, None)):
        web = parts(
            read(evaluator, tmp_path, estate, TAKEN % "address", TOPOLOGIES)
        )["web"]
        assert [
            (target.cluster, target.namespace) for target in web.targets
        ] == [
            (None, "blue"),
            ("tier=far", None),
        ]
        made = [(target.rendered or ())[0] for target in web.targets]
        assert [
            rendered_object.object["metadata"]["namespace"]
            for rendered_object in made
        ] == [
            "blue",
            "shops",
        ]
        addresses = [
            rendered_object.object["data"]["address"]
            for rendered_object in made
        ]
        assert addresses == (
            expected
            or [
                rendered_object.awaited[0].placeholder
                for rendered_object in made
            ]
        )
        namespaces = [
            [value.namespace for value in rendered_object.awaited]
            for rendered_object in made
        ]
        assert namespaces == ([[], []] if expected else [["blue"], ["shops"]])


def test_a_value_is_passed_in_a_cluster_that_is_not_the_stacks_own(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """At the only target of both."""
    topology = "  policies: [{name: far, type: topology, properties: {clusters: [west]}}]\n"
    web = parts(
        read(
            evaluator,
            tmp_path,
            GIVEN % "output.metadata.namespace",
            TAKEN % "address",
            topology,
        )
    )["web"]
    assert data(web) == {"address": "shops"}


def test_no_value_is_passed_between_targets(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """The target has no source for it."""
    steps = (
        "  workflow:\n    steps:\n      - {name: a, type: apply-component, properties: {component: db, PLACE}}\n"
        "      - {name: b, type: apply-component, properties: {component: web, cluster: west}}\n"
    )
    for position in ("", "cluster: east", "cluster: west, namespace: blue"):
        found = read(
            evaluator,
            tmp_path,
            GIVEN % "output.kind",
            TAKEN % "address",
            steps.replace("PLACE", position),
        )
        assert said(found) == [
            "a.yaml:7:41: OAM108 component 'web' cannot take the value 'v' from another place; "
            "write it out, or deploy 'db' to west/shops too"
        ]
    both = steps.replace("PLACE", "cluster: west, namespace: shops")
    assert (
        said(
            read(
                evaluator,
                tmp_path,
                GIVEN % "output.kind",
                TAKEN % "address",
                both,
            )
        )
        == []
    )


def test_a_source_with_an_error_is_the_only_finding(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """Its values are unknown."""
    broken = (GIVEN % "output.kind").replace(
        "outputs:", "properties: {prot: 1}, outputs:"
    )
    (only,) = said(read(evaluator, tmp_path, TAKEN % "any", broken))
    assert "unknown field 'prot' in giver" in only
