"""The built-in types equal KubeVela's: their properties and their objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kong_oam.oam.definitions.definition import Definition
from kong_oam.render.answers import Answer
from kong_oam.render.built_in import built_in_types
from kong_oam.render.evaluator import Evaluator
from tests.support.built_ins import (
    DIFFERENCES,
    LARGE,
    NOT_RENDERED_ALIKE,
    WORKLOADS,
    kubevelas,
    on,
    rendered,
)
from tests.support.parameter_structures import (
    changed,
    parameter,
    properties,
    taken,
)
from tests.support.tiers import examples

KINDS = {name: kind for kind, name in sorted(built_in_types())}
EXAMPLES = yaml.safe_load(
    (
        Path(__file__).parents[2] / "support" / "built_in_properties.yaml"
    ).read_text("utf-8")
)
OBJECT = st.fixed_dictionaries(
    {
        "apiVersion": st.just("v1"),
        "kind": st.sampled_from(["ConfigMap", "Namespace", "Service"]),
    },
    optional={
        "metadata": st.fixed_dictionaries(
            {"name": st.sampled_from("ab")},
            optional={"namespace": st.just("other")},
        ),
        "data": st.dictionaries(
            st.sampled_from("ab"),
            st.one_of(st.text("a\n"), st.integers(), st.lists(st.none())),
        ),
    },
)
OPEN: Mapping[str, st.SearchStrategy[Any]] = {
    "raw": OBJECT,
    "k8s-objects": st.fixed_dictionaries(
        {"objects": st.lists(OBJECT, max_size=3)}
    ),
    "json-merge-patch": st.sampled_from(
        [
            {"spec": {"replicas": 3}},
            {"spec": None},
            {"spec": {"template": {"x": 1}}},
        ]
    ),
    "json-patch": st.sampled_from(
        [
            {
                "operations": [
                    {"op": "add", "path": "/spec/replicas", "value": 3}
                ]
            },
            {
                "operations": [
                    {"op": "remove", "path": "/spec/template"},
                    {"op": "add", "path": "/x", "value": [1]},
                ]
            },
            {"operations": [{"op": "remove", "path": "/not/there"}]},
            {"operations": []},
        ]
    ),
}
"""Properties with a likely effect, for types that accept any."""
_TRIED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def judged(answer: Answer) -> Any:
    """The parts of two answers that must be equal: the objects, the wrong properties, or the
    failure."""
    if "objects" in answer:
        return answer["objects"]
    return (
        sorted(
            (finding["path"], finding["kind"])
            for finding in answer["findings"]
            if finding.get("path")
        )
        or "refused"
    )


def differs(name: str, wanted: Any, workload: Any) -> bool:
    """Whether the type is a chosen difference."""
    return isinstance(wanted, dict) and any(
        difference.trait == name and difference.shows(wanted, workload)
        for difference in DIFFERENCES
    )


def only_parameter(definition: Definition) -> Definition:
    """The parameter of a type, with an object that uses it."""
    found = re.search(
        r"^(\t?)parameter: \{.*?^\1\}",
        definition.template,
        re.MULTILINE | re.DOTALL,
    )
    assert found
    named = "".join(
        re.findall(
            r"^\t?#\w+: \{.*?^\t?\}\n",
            definition.template,
            re.MULTILINE | re.DOTALL,
        )
    )
    template = f'{named}{found.group()}\noutput: {{apiVersion: "v1", kind: "ConfigMap"}}\n'
    return replace(definition, template=template)


def test_each_of_kubevelas_types_has_a_definition(
    ours: Mapping[str, Definition], theirs: Mapping[str, Definition]
) -> None:
    """And no other. The one deprecated policy has no meaning here: Applications for environments."""
    assert {(their.kind, their.name) for their in theirs.values()} - {
        ("policy", "envbinding")
    } == built_in_types()
    assert {(our.kind, our.name) for our in ours.values()} == built_in_types()
    assert all(our.built_in for our in ours.values())


@pytest.mark.parametrize("name", KINDS)
def test_the_parameters_are_kubevelas(
    name: str, ours: Mapping[str, Definition], theirs: Mapping[str, Definition]
) -> None:
    """Every field at any depth: optional or not, its types, bounds, values, default and condition."""
    written = theirs[name].template
    if name == "storage":  # here a Secret needs no path, like a ConfigMap
        others, secret = written.split("secret?:")
        secret = secret.replace("mountPath:", "mountPath?:", 1)
        written = f"{others}secret?:{secret}"
    mine, other = parameter(ours[name].template), parameter(written)
    if name in (
        "helmchart",
        "securitycontext",
    ):  # with chosen differences in the defaults
        mine, other = taken(mine), taken(other)
    assert mine == other


@pytest.mark.deep
@pytest.mark.generated
@pytest.mark.parametrize("name", KINDS)
def test_a_type_makes_what_kubevelas_makes(
    name: str,
    evaluator: Evaluator,
    ours: Mapping[str, Definition],
    theirs: Mapping[str, Definition],
) -> None:
    """For valid and some invalid properties, several kinds of workloads, and several cluster
    versions."""
    mine, other, takes = ours[name], theirs[name], []
    fitting = properties(parameter(other.template))
    if name in OPEN:
        fitting = st.one_of(OPEN[name], OPEN[name], OPEN[name], fitting)
    is_trait = KINDS[name] == "trait"
    if KINDS[name] == "policy" or name in NOT_RENDERED_ALIKE:
        mine, other = only_parameter(mine), only_parameter(other)

    @settings(_TRIED, max_examples=examples(300))
    @given(
        st.data(),
        st.sampled_from((*WORKLOADS, LARGE, LARGE)),
        st.sampled_from([30, 22, 18]),
    )
    def check(data: st.DataObject, workload: Any, minor: int) -> None:
        wanted = data.draw(fitting, label="properties")
        if data.draw(st.integers(0, 3)) == 0:
            wanted = data.draw(changed(wanted), label="changed")

        def made(definition: Definition) -> Answer:
            parts = (
                [on(workload), (definition, wanted)]
                if is_trait
                else [(definition, wanted)]
            )
            return rendered(evaluator, *parts, minor=minor)

        answer = made(mine)
        if not differs(name, wanted, workload):
            assert judged(answer) == judged(made(other))
            takes.append("objects" in answer)

    check()
    assert sum(takes) >= len(takes) / 20, (
        "most properties that were tried are refused, which shows little"
    )


@pytest.mark.deep
@pytest.mark.generated
def test_traits_one_after_the_other_are_kubevelas(
    evaluator: Evaluator,
    ours: Mapping[str, Definition],
    theirs: Mapping[str, Definition],
) -> None:
    """On a component of a built-in type: traits find the fields that they patch."""
    different = {difference.trait for difference in DIFFERENCES}
    of = [
        name
        for name in EXAMPLES["components"]
        if name not in ("raw", "k8s-objects")
    ]
    traits = [name for name in EXAMPLES["traits"] if name not in different]
    alike = []

    def drawn(
        kind: str, names: list[str]
    ) -> st.SearchStrategy[tuple[str, Any]]:
        return st.sampled_from(
            [
                (name, wanted)
                for name in names
                for wanted in EXAMPLES[kind][name]
            ]
        )

    @settings(_TRIED, max_examples=examples(1000))
    @given(
        drawn("components", of),
        st.lists(drawn("traits", traits), min_size=1, max_size=3),
    )
    def check(component: tuple[str, Any], chain: list[tuple[str, Any]]) -> None:
        answers = [
            rendered(
                evaluator,
                *(
                    (definitions[name], wanted)
                    for name, wanted in (component, *chain)
                ),
            )
            for definitions in (ours, theirs)
        ]
        assert judged(answers[0]) == judged(answers[1])
        alike.append("objects" in answers[0])

    check()
    assert sum(alike) > len(alike) / 2


@pytest.mark.parametrize("name", [*EXAMPLES["components"], *EXAMPLES["traits"]])
def test_a_type_takes_its_examples(
    name: str, evaluator: Evaluator, ours: Mapping[str, Definition]
) -> None:
    """The examples use every field. If KubeVela's definitions are available, the objects are equal."""
    of_component = EXAMPLES["components"].get(name)
    theirs = kubevelas() or ours
    for wanted in of_component or EXAMPLES["traits"][name]:
        before = [] if of_component else [on(WORKLOADS[0])]
        answers = [
            rendered(evaluator, *before, (types[name], wanted))
            for types in (ours, theirs)
        ]
        assert "objects" in answers[0] or name == "json-patch", answers[0]
        assert differs(name, wanted, WORKLOADS[0]) or judged(
            answers[0]
        ) == judged(answers[1])
