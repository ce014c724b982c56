"""Values that components give each other: known when they are rendered, or only when they are deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.model import ComponentSpec
from kong_oam.oam.rendered import STAND_IN
from kong_oam.render.cache import Cache
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.project import Own
from kong_oam.render.stage import Renderer
from kong_oam.render.tools import Tools
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
    return with_tools.rendered(found, Own(found.definitions), 30)


def said(found: Reading) -> list[str]:
    return [
        f"{diagnostic.position}: {diagnostic.code} {diagnostic.message}"
        for diagnostic in found.diagnostics
    ]


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
    """Whoever takes it is rendered with it, wherever it stands in the Application."""
    quoted = value_from.replace("\n", "\n\n        ")
    found = parts(read(evaluator, tmp_path, TAKEN % parameter, GIVEN % quoted))
    assert list(found) == ["web", "db"]
    assert data(found["web"]) == expected
    assert [one.awaited for one in found["web"].rendered or ()] == [()]


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
def test_a_text_stands_in_for_what_only_the_cluster_knows(
    evaluator: Evaluator,
    tmp_path: Path,
    value_from: str,
    text: str,
    kind: str,
    path: tuple[str | int, ...],
) -> None:
    """And it is known where the value will be, once the component that gives it is deployed."""
    found = parts(
        read(evaluator, tmp_path, GIVEN % value_from, TAKEN % "address")
    )
    (one,) = found["web"].rendered or ()
    (awaited,) = one.awaited
    assert data(found["web"]) == {"address": text.format(awaited.stand_in)}
    assert STAND_IN.fullmatch(awaited.stand_in)
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
    """By a component that takes it itself; each object knows what stands in it."""
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
    (one,) = found["web"].rendered or ()
    (awaited,) = one.awaited
    assert awaited.component == "db"
    assert data(found["web"]) == {"address": f"{awaited.stand_in}/x"}


def test_values_need_definitions(evaluator: Evaluator, tmp_path: Path) -> None:
    """A webservice that takes or gives some is not judged by its properties as they are written."""
    giver = "    - {name: db, type: webservice, properties: {image: i}, outputs: [{name: v, valueFrom: output.kind}]}\n"
    taker = "    - {name: web, type: worker, inputs: [{from: v, parameterKey: image}]}\n"
    assert parts(read(evaluator, tmp_path, giver))["db"].plain
    found = parts(read(evaluator, tmp_path, giver, taker))
    (one,) = found["web"].rendered or ()
    assert (
        one.object["spec"]["template"]["spec"]["containers"][0]["image"]
        == "Deployment"
    )


LIVE = "outputs.service.spec.clusterIP"


@pytest.mark.parametrize(
    ("value_from", "parameter", "finding"),
    [
        ("outputs.servce.spec.x", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'outputs.servce.spec.x': there is no outputs.servce"),
        ("context.nobody", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'context.nobody': there is no context.nobody"),
        ("config", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'config': reference \"config\" not found; it is said of output, outputs and context"),
        ("a b", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'a b': expected label or ':', found 'IDENT' b"),
        ("x: 1", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'x: 1': one expression is asked for, after imports"),
        ("", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': '': one expression is asked for, after imports"),
        ("1\n2", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': '1 2': one expression is asked for, after imports"),
        ("null", "any", "a.yaml:6:62: OAM108 output 'v' of 'db': 'null': it gives null"),
        ('import "strings"\n\nstrings.Repeat("a", 70000)', "any", "it gives more than 65536 characters"),
        ('import "tool/exec"\n\nexec.Run', "any", "\"tool/exec\" reaches for what an evaluation must not: files, programs"),
        ("output.status", "any", "only what stands in metadata, spec and status of an object is known once it is deployed"),
        ("output.data.x", "any", "only what stands in metadata, spec and status of an object is known once it is deployed"),
        ('outputs["kept-secret"].stringData.password', "any", "a Secret's value is not passed; name the Secret where it is read"),
        ("outputs.way.status.loadBalancer", "any", "an Ingress is not deployed: Kong has its routes"),
        (f'*{LIVE} | "x"', "any", f"{LIVE} is known once it is deployed: it stands alone, or is put together with texts by +"),
        (f"[{LIVE}]", "any", f"{LIVE} is known once it is deployed: it stands alone"),
        (f"{LIVE} + 1", "any", "invalid operands"),
        (f"''\\({LIVE})''", "any", "it gives no text"),
        (LIVE, "port", "a.yaml:7:41: OAM103 port must be of type integer, not string"),
        (LIVE, "decided", "a.yaml:7:32: OAM108 component 'web': its definition does more with what only the cluster knows than to pass it on"),
        (LIVE, "encoded", "its definition does more with what only the cluster knows than to pass it on"),
        (LIVE, "short", "its definition does more with what only the cluster knows than to pass it on"),
        ("output.kind", "port", "a.yaml:7:41: OAM103 port must be of type integer, not string"),
        ("output.kind", "prot", "a.yaml:7:41: OAM102 unknown field 'prot' in taker; did you mean 'port'?"),
        ("output.kind", "any[1]", "a.yaml:7:65: OAM103 component 'web': parameterKey 'any[1]': there is no list with an entry before [1]"),
    ],
)  # fmt: skip
def test_what_cannot_be_passed_is_one_finding(
    evaluator: Evaluator,
    tmp_path: Path,
    value_from: str,
    parameter: str,
    finding: str,
) -> None:
    """At what gives it, or at the input that takes it."""
    quoted = value_from.replace("\n", "\n\n        ")
    found = read(evaluator, tmp_path, GIVEN % quoted, TAKEN % f"'{parameter}'")
    (only,) = said(found)
    assert finding in only
    assert not found.applications


TOPOLOGIES = """\
  policies:
    - {name: near, type: topology, properties: {namespace: blue}}
    - {name: far, type: topology, properties: {clusterLabelSelector: {tier: far}}}
"""


def test_each_place_is_given_its_own(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """What the other component renders there, and what the cluster says of that."""
    known, live = GIVEN % "output.metadata.namespace", GIVEN % LIVE
    for given, expected in ((known, ["blue", "shops"]), (live, None)):
        web = parts(
            read(evaluator, tmp_path, given, TAKEN % "address", TOPOLOGIES)
        )["web"]
        assert [
            (target.cluster, target.namespace) for target in web.targets
        ] == [
            (None, "blue"),
            ("tier=far", None),
        ]
        made = [(target.rendered or ())[0] for target in web.targets]
        assert [one.object["metadata"]["namespace"] for one in made] == [
            "blue",
            "shops",
        ]
        addresses = [one.object["data"]["address"] for one in made]
        assert addresses == (
            expected or [one.awaited[0].stand_in for one in made]
        )
        namespaces = [
            [value.namespace for value in one.awaited] for one in made
        ]
        assert namespaces == ([[], []] if expected else [["blue"], ["shops"]])


def test_a_value_is_passed_in_a_cluster_that_is_not_the_stacks_own(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """The only place of both."""
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


def test_no_value_is_passed_from_one_place_to_another(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """Nobody is where it would come from."""
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
            "a.yaml:7:41: OAM108 the value 'v' is not passed from another place: 'db' is not deployed to west/shops, as "
            "'web' is; write it out, or deploy both there"
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


def test_a_giver_with_an_error_is_the_only_finding(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """Nobody knows what it would give."""
    broken = (GIVEN % "output.kind").replace(
        "outputs:", "properties: {prot: 1}, outputs:"
    )
    (only,) = said(read(evaluator, tmp_path, TAKEN % "any", broken))
    assert "unknown field 'prot' in giver" in only
