"""The components to evaluate, the findings about others, and the cache of results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.oam.application import Reading, read_file
from kong_oam.oam.model import ComponentSpec, OwnTypes
from kong_oam.render.built_in import built_in_types
from kong_oam.render.cache import Cache
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.program import EvaluatorError
from kong_oam.render.stage import Renderer, read_applications
from kong_oam.render.tools import Tools
from tests.support.custom_types import DESK, Counting, write_custom
from tests.support.diagnostics import said
from tests.support.documentation import page
from tests.support.oam_corpus import CORPUS, corpus, need_corpus
from tests.support.projects import copy_sample, replace_once
from tests.support.rendering import written

_APPLICATION = """apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: NAME}
spec: {components: [{name: main, type: TYPE}]}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a project with its own types."""
    folder = tmp_path / "project"
    write_custom(folder)
    monkeypatch.chdir(folder)
    return folder


def read(tools: Tools, renderer: Renderer | None = None) -> Reading:
    return read_applications(
        ["applications"], [], 30, renderer=renderer or Renderer(tools)
    )


def part(reading: Reading, key: str) -> ComponentSpec:
    application, _, name = key.partition("/")
    (found,) = (
        component
        for app in reading.applications
        if app.name == application
        for component in app.components
        if component.name == name
    )
    return found


def asked(tools: Tools) -> int:
    """The number of evaluated components."""
    assert isinstance(tools.evaluator, Counting)
    return tools.evaluator.components


def test_components_have_the_objects_that_definitions_make(
    project: Path, tools: Tools
) -> None:
    """In YAML, in CUE and built in; each object has the index of its trait among all traits."""
    reading = read(tools)
    assert not reading.diagnostics
    book, web = (
        part(reading, "ledger/book").rendered,
        part(reading, "desk/web").rendered,
    )
    assert book and web
    assert [
        (rendered_object.kind, rendered_object.name, rendered_object.trait)
        for rendered_object in book
    ] == [
        ("StatefulSet", "book", None),
        ("Service", "book", None),
        ("Ingress", "book", None),
    ]
    assert (
        book[0].object["spec"]["template"]["spec"]["priorityClassName"]
        == "high"
    )
    assert [
        (rendered_object.kind, rendered_object.name, rendered_object.trait)
        for rendered_object in web
    ] == [
        ("Deployment", "web", None),
        ("Service", "web", 0),
        ("Ingress", "web", 0),
    ]
    assert web[0].object["spec"]["replicas"] == 2


def test_an_objects_trait_is_counted_among_all(
    project: Path, tools: Tools
) -> None:
    """Including traits without objects."""
    traits = "\n".join(DESK.split("      traits:\n")[1].splitlines()[:2])
    (project / "applications/desk.yaml").write_text(
        DESK.replace(traits + "\n", "") + traits + "\n"
    )
    web = part(read(tools), "desk/web")
    assert [trait.type for trait in web.traits] == [
        "scaler",
        "access",
        "client",
        "gateway",
    ]
    assert [
        rendered_object.trait for rendered_object in web.rendered or ()
    ] == [None, 3, 3]


def test_a_sample_estate_needs_no_evaluator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And none of its tools."""
    copy_sample(tmp_path)
    monkeypatch.chdir(tmp_path)

    def find() -> Path:
        raise EvaluatorError("there is none")

    reading = read(Tools(Evaluator(find=find)))
    assert not reading.diagnostics
    assert all(
        component.plain and component.rendered is None
        for app in reading.applications
        for component in app.components
    )


def test_a_type_without_a_definition_is_known_without_an_evaluator(
    project: Path, tools: Tools
) -> None:
    """With the nearest name and the folder for definitions."""
    (project / "definitions/priority.cue").unlink()
    replace_once(
        project / "applications/desk.yaml", "type: scaler", "type: scalr"
    )
    replace_once(
        project / "applications/ledger.yaml",
        "type: stateful-app",
        "type: Stateful-App",
    )
    where = "; a custom type needs a definition in definitions/, or in kong-oam:definitions of the stack"
    reading = read(tools)
    assert said(reading) == [
        f"applications/desk.yaml:12:17: OAM104 unknown trait type 'scalr'; did you mean 'scaler'?{where}",
        f"applications/ledger.yaml:7:13: OAM104 unknown component type 'Stateful-App'; did you mean 'stateful-app'?{where}",
        *(line for line in said(reading) if "priority" in line),
    ]
    assert len(reading.diagnostics) == 3
    shown = said(reading)[0].replace("OAM104 ", "error OAM104: ")
    assert shown in page("how-to/bring-your-own-definitions.md"), (
        "what the page shows"
    )
    assert reading.malformed == {"desk", "ledger"}

    def find() -> Path:
        raise EvaluatorError("there is none")

    alone = Tools(Evaluator(find=find), Cache(project / "cache", "1"))
    assert said(read(alone)) == said(reading)


@pytest.mark.parametrize(
    ("type_", "addon"),
    [
        ("helm", "fluxcd"),
        ("kustomize", "fluxcd"),
        ("helm@v1", "fluxcd"),
        ("alibaba-rds", "terraform"),
    ],
)
def test_a_type_of_an_addon_names_the_command_that_defines_it(
    project: Path, tools: Tools, type_: str, addon: str
) -> None:
    """Never `helmchart`, which has other properties."""
    replace_once(
        project / "applications/ledger.yaml",
        "type: stateful-app",
        f"type: {type_}",
    )
    assert said(read(tools))[0] == (
        f"applications/ledger.yaml:7:13: OAM104 unknown component type '{type_}'; "
        "an addon of KubeVela defines it: `kong-oam init --platform --with "
        f"{addon}` writes the addon's common types into definitions/"
    )


def test_an_unknown_component_type_hides_no_error_of_its_trait(
    project: Path, tools: Tools
) -> None:
    """The trait's values are checked without the component's objects."""
    ledger = project / "applications/ledger.yaml"
    replace_once(ledger, "type: stateful-app", "type: statful-app")
    replace_once(ledger, "class: high", "clas: high")
    assert [line[:75] for line in said(read(tools))] == [
        "applications/ledger.yaml:7:13: OAM104 unknown component type 'statful-app';",
        "applications/ledger.yaml:11:24: OAM102 unknown field 'clas' in priority; di",
    ]


def test_a_type_that_an_addon_lacks_names_similar_types(
    project: Path, tools: Tools
) -> None:
    """If another type of that cloud is defined."""
    main(["init", str(project), "--with", "terraform"])
    replace_once(
        project / "applications/ledger.yaml",
        "type: stateful-app",
        "type: aws-s4",
    )
    assert said(read(tools))[0].startswith(
        "applications/ledger.yaml:7:13: OAM104 unknown component type 'aws-s4'; did you mean 'aws-s3'?"
    )


def test_unreadable_files_may_define_a_type(
    project: Path, tools: Tools
) -> None:
    """So a missing type is not reported."""
    (project / "definitions/priority.cue").write_bytes(b"\xff")
    reading = read(tools)
    assert said(reading) == [
        "definitions/priority.cue:1:1: OAM101 the file is not UTF-8; save it as UTF-8"
    ]
    assert reading.malformed == {"ledger"}


def test_what_a_definition_refuses_is_a_finding_and_the_others_are_rendered(
    project: Path, tools: Tools
) -> None:
    replace_once(
        project / "applications/ledger.yaml", "class: high", "clas: high"
    )
    (project / "applications/other.yaml").write_text(
        DESK.replace("name: desk", "name: other").replace("spec:", "sepc:")
    )
    reading = read(tools)
    assert said(reading)[-1:] == [
        "applications/ledger.yaml:11:24: OAM102 unknown field 'clas' in priority; did you mean 'class'?"
    ]
    assert [
        application.name
        for application in reading.applications
        if any(not component.is_wrong for component in application.components)
    ] == ["desk"]
    assert reading.malformed == {"ledger", "other"}


def test_a_versioned_name_means_a_definition(
    project: Path, tools: Tools
) -> None:
    """Plain types have no versions."""
    replace_once(
        project / "applications/desk.yaml",
        "type: webservice",
        "type: webservice@v1",
    )
    (finding,) = read(tools).diagnostics
    assert "'webservice' has no version 'v1'" in finding.message


def test_our_traits_have_no_versions(project: Path, tools: Tools) -> None:
    """An ignored version would silently drop rules."""
    replace_once(
        project / "applications/ledger.yaml", "type: access", "type: access@v1"
    )
    (finding,) = read(tools).diagnostics
    assert (
        finding.code == "OAM104" and "did you mean 'access'?" in finding.message
    )


def test_a_project_may_redefine_plain_types(
    project: Path, tools: Tools
) -> None:
    """Its definition and parameters then apply."""
    template = 'parameter: {picture: string}\noutput: {apiVersion: "v1", kind: "Pod", spec: containers: [{image: parameter.picture}]}'
    (project / "definitions/own.yaml").write_text(
        written("Component", "webservice", template)
    )
    replace_once(
        project / "applications/desk.yaml",
        "properties: {image:",
        "properties: {picture:",
    )
    replace_once(
        project / "applications/desk.yaml",
        "        - type: scaler\n          properties: {replicas: 2}\n",
        "",
    )
    reading = read(tools)
    assert [
        (diagnostic.code, diagnostic.severity)
        for diagnostic in reading.diagnostics
    ] == [("OAM113", "warning")]
    assert (
        next(
            rendered_object.kind
            for rendered_object in part(reading, "desk/web").rendered or ()
        )
        == "Pod"
    )


def test_kubevelas_definitions_may_replace_ours(
    project: Path, tools: Tools
) -> None:
    """From the folder that the setting names, in the chart's format: with a warning each, and with
    their objects. Ours deliberately differs for this type."""
    need_corpus()
    (project / "theirs").mkdir()
    for folder in ("builtin", "deprecated"):
        for name in corpus(folder):
            text = (CORPUS / folder / name).read_text("utf-8")
            helm = '\nmetadata:\n  namespace: {{ include "systemDefinitionNamespace" . }}\n'
            (project / "theirs" / name).write_text(
                text.replace("\nmetadata:\n", helm, 1)
            )
    text = _APPLICATION.replace("NAME", "odd").replace(
        "TYPE", "webservice, properties: {image: a}, TRAITS"
    )
    text = text.replace(
        "TRAITS", "traits: [{type: scaler}, {type: securitycontext}]"
    )
    (project / "applications/odd.yaml").write_text(text)
    assert len(part(read(tools), "odd/main").rendered or ()) == 1
    reading = read_applications(
        ["applications"], ["theirs"], 30, renderer=Renderer(tools)
    )
    (failed,) = (
        diagnostic
        for diagnostic in reading.diagnostics
        if diagnostic.severity == "error"
    )
    assert failed.message == "securitycontext needs properties; write them"
    warned = [
        diagnostic.message.split("'")[1]
        for diagnostic in reading.diagnostics
        if diagnostic.code == "OAM113"
    ]
    assert sorted(warned) == sorted(
        name for kind, name in built_in_types() if kind != "policy"
    )


def test_definitions_beside_applications_apply_to_their_file(
    project: Path, tools: Tools
) -> None:
    """Two teams may each define a type of one name. Other files do not see these types."""
    template = 'output: {apiVersion: "v1", kind: "ConfigMap", data: of: "TEAM"}\nparameter: {...}'
    for team in ("one", "two"):
        application = _APPLICATION.replace("NAME", team).replace(
            "TYPE", "notes"
        )
        definition = written(
            "Component", "notes", template.replace("TEAM", team)
        )
        (project / f"applications/{team}.yaml").write_text(
            f"{application}---\n{definition}"
        )
    (project / "applications/three.yaml").write_text(
        _APPLICATION.replace("NAME", "three").replace("TYPE", "notes")
    )
    reading = read(tools)
    assert [finding.partition(";")[0] for finding in said(reading)] == [
        "applications/three.yaml:4:40: OAM104 unknown component type 'notes'"
    ]
    for team in ("one", "two"):
        (made,) = part(reading, f"{team}/main").rendered or ()
        assert made.object["data"] == {"of": team}


def test_only_changed_applications_are_evaluated(
    project: Path, tools: Tools
) -> None:
    """An unchanged Application is the identical value; a changed definition renders all its users
    again."""
    renderer = Renderer(tools)
    read(tools, renderer)
    assert asked(tools) == 2
    read(tools, renderer)
    assert asked(tools) == 2
    replace_once(
        project / "applications/desk.yaml", "replicas: 2", "replicas: 3"
    )
    read(tools, renderer)
    assert asked(tools) == 3
    replace_once(
        project / "definitions/priority.cue",
        "priorityClassName:",
        "schedulerName:",
    )
    after = read(tools, renderer)
    assert asked(tools) == 4
    book = part(after, "ledger/book").rendered
    assert (
        book
        and book[0].object["spec"]["template"]["spec"]["schedulerName"]
        == "high"
    )


Known = Callable[[int], Reading]


@pytest.fixture
def known(project: Path, tools: Tools) -> Known:
    """Renders for a cluster version with one renderer and files that are read once."""
    renderer, kept = Renderer(tools), dict[str, Reading]()

    def read_one(file: Path, name: str, own: OwnTypes) -> Reading:
        return kept.setdefault(name, read_file(file, name, own))

    return lambda minor: read_applications(
        ["applications"], [], minor, read_one=read_one, renderer=renderer
    )


def test_unchanged_results_are_identical(known: Known) -> None:
    """Identity tells later checks that nothing changed."""
    first, again, older = (known(minor).applications for minor in (30, 30, 21))
    assert [*map(id, first)] == [*map(id, again)]
    assert not {*map(id, first)} & {*map(id, older)}


def test_failures_of_definitions_are_evaluated_again(
    project: Path, known: Known
) -> None:
    """With the same message, since lines may move."""
    definition = project / "definitions/priority.yaml"
    (project / "definitions/priority.cue").unlink()

    def where() -> str:
        (finding,) = known(30).diagnostics
        return finding.details[-1]

    definition.write_text(
        written(
            "Trait",
            "priority",
            "parameter: class: string\npatch: {a: 1} & {a: 2}",
        )
    )
    assert where() == "the definition: definitions/priority.yaml:4:9"
    definition.write_text(f"# moved\n{definition.read_text()}")
    assert where() == "the definition: definitions/priority.yaml:5:9"


def test_a_missing_type_is_found_once_all_definitions_are_readable(
    project: Path, known: Known
) -> None:
    """An unreadable definition may define the type."""
    replace_once(
        project / "applications/ledger.yaml", "stateful-app", "stateful"
    )
    broken = project / "definitions/broken.cue"
    broken.write_text("broken: {")
    assert {found.code for found in known(30).diagnostics} == {"OAM112"}
    broken.unlink()
    assert {found.code for found in known(30).diagnostics} == {"OAM104"}


def test_the_clusters_version_is_asked_for(project: Path, tools: Tools) -> None:
    template = 'output: {apiVersion: "v1", kind: "ConfigMap", data: minor: "\\(context.clusterVersion.minor)"}'
    (project / "definitions/minor.yaml").write_text(
        written("Component", "minor", template)
    )
    (project / "applications/minor.yaml").write_text(
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: m}\n"
        "spec: {components: [{name: a, type: minor}]}\n"
    )
    for minor in (30, 21):
        reading = read_applications(
            ["applications"], [], minor, renderer=Renderer(tools)
        )
        assert (part(reading, "m/a").rendered or ())[0].object["data"] == {
            "minor": str(minor)
        }


def test_a_component_is_rendered_for_each_of_its_places(
    project: Path, tools: Tools
) -> None:
    """In each namespace, with the name of a cluster other than the default; the first target is its
    own."""
    template = 'parameter: {c?: int}\noutput: {apiVersion: "v1", kind: "ConfigMap", data: here: "\\(context.cluster)/\\(context.namespace)"}'
    (project / "definitions/where.yaml").write_text(
        written("Component", "where", template)
    )
    (project / "applications/where.yaml").write_text(
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: m, namespace: n}\n"
        "spec:\n  components: [{name: a, type: where}]\n  policies:\n"
        "    - {name: x, type: topology, properties: {clusters: [west]}}\n"
        "    - {name: y, type: topology, properties: {clusters: [local, west], namespace: blue}}\n"
    )
    made = part(read(tools), "m/a")
    found = [(target.rendered or ())[0] for target in made.targets]
    assert [
        rendered_object.object["data"]["here"] for rendered_object in found
    ] == [
        "/blue",
        "west/n",
        "west/blue",
    ]
    assert [rendered_object.namespace for rendered_object in found] == [
        "blue",
        "n",
        "blue",
    ]
    assert made.rendered == made.targets[0].rendered
    replace_once(
        project / "applications/where.yaml",
        "{name: a, type: where}",
        "{name: a, type: where, properties: {b: c}}",
    )
    assert [
        line.partition(" OAM")[2]
        for line in said(read(tools))
        if "where.yaml" in line
    ] == ["102 unknown field 'b' in where; known: c"]


def test_a_component_is_rendered_for_each_cluster_that_labels_select(
    project: Path, tools: Tools
) -> None:
    """With its name instead of its labels; again after labels change."""
    template = 'output: {apiVersion: "v1", kind: "ConfigMap", data: here: context.cluster}'
    (project / "definitions/where.yaml").write_text(
        written("Component", "where", template)
    )
    (project / "applications/where.yaml").write_text(
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: m}\n"
        "spec:\n  components: [{name: a, type: where}]\n  policies:\n"
        "    - {name: x, type: topology, properties: {clusterLabelSelector: {region: eu}}}\n"
    )
    renderer = Renderer(tools)
    for names in (["west", "east"], ["north"]):
        labels = {
            **{name: {"region": "eu", "tier": "a"} for name in names},
            "far": {"region": "us"},
        }
        made = part(
            read_applications(
                ["applications"], [], 30, renderer=renderer, labels=labels
            ),
            "m/a",
        )
        assert [
            (target.rendered or ())[0].object["data"]["here"]
            for target in made.targets
        ] == names


BUDGET = written(
    "Policy",
    "budget",
    'parameter: {limit: int}\noutput: {apiVersion: "v1", kind: "ResourceQuota", spec: hard: pods: parameter.limit}',
)
POLICY = "  policies: [{name: NAME, type: budget, properties: {limit: 3}}]\n"


def test_a_policy_that_makes_objects_is_rendered_like_a_component(
    project: Path, tools: Tools
) -> None:
    """Policies of KubeVela's own types need no definition."""
    (project / "definitions/budget.yaml").write_text(
        BUDGET + "---\n" + written("Policy", "topology", "output: {}")
    )
    scaler = "        - type: scaler\n          properties: {replicas: 2}\n"
    (project / "applications/desk.yaml").write_text(
        DESK.replace(scaler, "") + POLICY.replace("NAME", "limit")
    )
    reading = read(tools)
    assert not reading.diagnostics
    assert part(reading, "desk/web").plain, "which needs no definition"
    (quota,) = part(reading, "desk/limit").rendered or ()
    assert (quota.kind, quota.name, quota.namespace) == (
        "ResourceQuota",
        "limit",
        "desk",
    )
    assert quota.object["spec"] == {"hard": {"pods": 3}}


@pytest.mark.parametrize(
    ("name", "policy", "code"),
    [
        ("web", POLICY, "OAM106"),
        ("limit", POLICY.replace("limit:", "limits:"), "OAM102"),
        ("limit", POLICY.replace("budget", "bugdet"), "OAM104"),
    ],
)
def test_a_policy_that_cannot_be_rendered_is_refused(
    name: str, policy: str, code: str, project: Path, tools: Tools
) -> None:
    """Otherwise it would be ignored."""
    (project / "definitions/budget.yaml").write_text(BUDGET)
    (project / "applications/desk.yaml").write_text(
        DESK + policy.replace("NAME", name)
    )
    reading = read(tools)
    assert [diagnostic.code for diagnostic in reading.diagnostics] == [code]
    assert reading.malformed == {"desk"}


def test_a_worker_with_a_gateway_has_the_service_that_it_leads_to(
    tmp_path: Path, tools: Tools
) -> None:
    """As in KubeVela, where the trait renders it."""
    gateway = "{type: gateway, properties: {domain: a.example, http: {/: 80}}}"
    (tmp_path / "a.yaml").write_text(
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: shop}\nspec:\n  components:\n"
        f"    - {{name: job, type: worker, properties: {{image: a}}, traits: [{gateway}]}}\n",
        "utf-8",
    )
    reading = read_applications(
        [tmp_path / "a.yaml"],
        [],
        30,
        project=tmp_path,
        renderer=Renderer(tools),
    )
    assert said(reading) == []
    assert [
        rendered_object.kind
        for rendered_object in part(reading, "shop/job").rendered or ()
    ] == [
        "Deployment",
        "Service",
        "Ingress",
    ]
