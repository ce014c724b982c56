"""Overrides, applied as in KubeVela; each part keeps its position."""

from __future__ import annotations

from typing import Any

import pytest

from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.model import ComponentSpec
from kong_oam.oam.position import SourcePosition

HEAD = """apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: web
      type: app
      properties: {image: a, cpu: "1", ports: [{port: 80}, {port: 81}], limit: {cpu: "2"}}
      traits: [{type: scaler, properties: {replicas: 2}}, {type: labels, properties: {a: b}}]
    - {name: webserver, type: app, properties: {image: b}}
    - {name: job, type: task, dependsOn: [web]}
  policies:
"""


def reading(*policies: str) -> Reading:
    listed = "".join(
        f"    - {{type: override, properties: {policy}}}\n"
        for policy in policies
    )
    return read_bytes("a.yaml", f"{HEAD}{listed}".encode())


def changed(*policies: str) -> dict[str, ComponentSpec]:
    found = reading(*policies)
    assert found.diagnostics == ()
    return {
        component.name: component
        for component in found.applications[0].components
    }


def written(position: SourcePosition) -> str:
    """The text of the file at a position, up to the next comma or bracket."""
    return (
        position.document.text.splitlines()[position.line - 1][
            position.column - 1 :
        ]
        .split(",")[0]
        .rstrip("}] ")
    )


@pytest.mark.parametrize(
    ("change", "properties"),
    [
        ("{image: z}", {"image": "z", "cpu": "1", "ports": [{"port": 80}, {"port": 81}], "limit": {"cpu": "2"}}),
        ('{limit: {memory: "3"}}', {"image": "a", "cpu": "1", "ports": [{"port": 80}, {"port": 81}], "limit": {"cpu": "2", "memory": "3"}}),
        ("{ports: [{port: 82}]}", {"image": "a", "cpu": "1", "ports": [{"port": 82}], "limit": {"cpu": "2"}}),
        ('{cpu: "", ports: []}', {"image": "a", "cpu": "", "ports": [], "limit": {"cpu": "2"}}),
        ("{limit: x, new: {a: 0}}", {"image": "a", "cpu": "1", "ports": [{"port": 80}, {"port": 81}], "limit": "x", "new": {"a": 0}}),
    ],
)  # fmt: skip
def test_maps_are_merged_and_all_else_is_replaced(
    change: str, properties: Any
) -> None:
    """Empty texts and empty lists override, too."""
    parts = changed(f"{{components: [{{name: web, properties: {change}}}]}}")
    assert parts["web"].properties == properties
    assert parts["webserver"].properties == {"image": "b"}


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ("name: web", ["web"]),
        ('name: "web*"', ["web", "webserver"]),
        ('name: "*er*"', ["webserver"]),
        ('name: "w*b*r"', ["webserver"]),
        ('name: "*b*e*"', ["webserver"]),
        ('name: "*"', ["web", "webserver", "job"]),
        ("type: app", ["web", "webserver"]),
        ("name: web, type: app", ["web"]),
        ("type: task", ["job"]),
        ("", ["web", "webserver", "job"]),
    ],
)
def test_a_name_matches_whole(chosen: str, names: list[str]) -> None:
    """`web` does not match `webserver`; without a name, all components of the type change."""
    comma = ", " if chosen else ""
    parts = changed(
        f"{{components: [{{{chosen}{comma}properties: {{image: z}}}}]}}"
    )
    assert [
        part.name
        for part in parts.values()
        if part.properties.get("image") == "z"
    ] == names


@pytest.mark.parametrize(
    ("policy", "finding"),
    [
        ("{components: [{name: we, properties: {}}]}", "a.yaml:13:57: OAM103: override 'override-auto-gen-0': 'we' is no component"),
        ("{components: [{name: 'we*eb'}]}", "a.yaml:13:57: OAM103: override 'override-auto-gen-0': 'we*eb' is no component"),
        ("{components: [{name: w.b, type: app}]}", "a.yaml:13:57: OAM103: override 'override-auto-gen-0': 'w.b' is no component"),
        ("{components: [{type: ap}]}", "a.yaml:13:57: OAM103: override 'override-auto-gen-0': no component is of type 'ap'; did you mean 'app'?"),
        ("{selector: [web, jbo]}", "a.yaml:13:53: OAM103: override 'override-auto-gen-0': 'jbo' is no component; did you mean 'job'?"),
        ("{components: [{nme: web}]}", "a.yaml:13:51: OAM102: unknown field 'nme' in components[0]; did you mean 'name'?"),
        ("{components: {}}", "a.yaml:13:49: OAM103: components must be of type array, not object"),
        ("{components: [{traits: [{properties: {}}]}]}", "a.yaml:13:60: OAM105: components[0].traits[0] needs 'type'"),
    ],
)  # fmt: skip
def test_what_an_override_gets_wrong_is_found(
    policy: str, finding: str
) -> None:
    """At its position in the policy. KubeVela would add a component for an unknown name."""
    (only,) = reading(policy).diagnostics
    assert f"{only.position}: {only.code}: {only.message}".startswith(finding)


def test_traits_are_merged_by_type() -> None:
    """A disabled trait is removed, and a new trait is appended."""
    traits = "[{type: scaler, properties: {replicas: 0}}, {type: labels, disable: true}, {type: env, properties: {x: y}}]"
    web = changed(f"{{components: [{{name: web, traits: {traits}}}]}}")["web"]
    assert [(trait.type, trait.properties) for trait in web.traits] == [
        ("scaler", {"replicas": 0}),
        ("env", {"x": "y"}),
    ]
    assert written(web.traits[0].position.at("properties", "replicas")) == "0"
    assert written(web.traits[1].position.at("properties", "x")) == "y"


def test_another_type_takes_the_components_place() -> None:
    """Only the name stays."""
    change = "{name: web, type: other, properties: {size: 1}, traits: [{type: env}, {type: labels, disable: true}]}"
    web = changed(f"{{components: [{change}]}}")["web"]
    assert (web.type, web.properties) == ("other", {"size": 1})
    assert [trait.type for trait in web.traits] == ["env"]
    assert written(web.position.at("properties", "size")) == "1"


def test_a_selector_leaves_the_others_out() -> None:
    """Dependencies on excluded components are dropped."""
    parts = changed("{selector: [job]}")
    assert [(part.name, part.depends_on) for part in parts.values()] == [
        ("job", ())
    ]


def test_a_later_override_is_put_over_an_earlier_one() -> None:
    """Each value has the position of its last override, also in a mapping that an override adds."""
    first = "{components: [{name: web, properties: {image: x, added: {a: 1, b: 2}, limit: {cpu: q}}}]}"
    second = (
        "{components: [{type: app, properties: {added: {b: 3}, image: y}}]}"
    )
    web = changed(first, second)["web"]
    assert (
        web.properties["added"] == {"a": 1, "b": 3}
        and web.properties["image"] == "y"
    )
    position = web.position.at("properties")
    shown = [
        written(position.at(*path))
        for path in (
            ("image",),
            ("added", "a"),
            ("added", "b"),
            ("limit", "cpu"),
            ("cpu",),
        )
    ]
    assert shown == ["y", "1", "3", "q", '"1"']
    assert [
        position.at(*path).line
        for path in (("image",), ("added", "a"), ("added", "b"))
    ] == [
        14,
        13,
        14,
    ]
    assert written(position.key("image")) == "image: y"


def test_an_override_makes_a_component_plain_or_not() -> None:
    """The result is checked by its schema, at the position in the policy."""
    base = "{name: web, type: webservice, properties: {port: 80}}"
    head = (
        HEAD[: HEAD.index("    - name: web")] + f"    - {base}\n  policies:\n"
    )

    def read(properties: str, traits: str = "[]") -> Reading:
        change = f"{{name: web, properties: {properties}, traits: {traits}}}"
        return read_bytes(
            "a.yaml",
            f"{head}    - {{type: override, properties: {{components: [{change}]}}}}\n".encode(),
        )

    assert [str(diagnostic.code) for diagnostic in read("{}").diagnostics] == [
        "OAM105"
    ]
    assert (
        read("{image: a}").diagnostics == ()
        and read("{image: a}").applications[0].components[0].plain
    )
    (wrong,) = read("{image: a, cpu: 1}").diagnostics
    assert (wrong.code, wrong.position and wrong.position.line) == ("OAM103", 8)
    scaled = read("{}", "[{type: scaler}]")
    assert (
        scaled.diagnostics == ()
        and not scaled.applications[0].components[0].plain
    )
