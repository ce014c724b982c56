"""Definitions that loop, grow, use files or are invalid: one finding at the component, and the next
component works."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.oam.definitions.library import library
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.render.evaluator import Evaluator
from tests.support.rendering import WORKLOAD, defined, rendered
from tests.support.tiers import deep_after

OUTPUT = 'output: {apiVersion: "v1", kind: "X"}\n'
TIME, MEMORY = (
    "more than 2 s of CPU time; simplify it",
    "more than 512 MB of memory, or is nested too deeply; simplify it",
)
DIGITS = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"

TOO_MUCH: dict[str, tuple[str, str]] = {
    "a list of 10^9": (
        f'import "list"\n{OUTPUT}a: list.Repeat([1], 1000000000)',
        MEMORY,
    ),
    "a text of 4 GB": (
        f'import "strings"\n{OUTPUT}a: strings.Repeat("x", 4000000000)',
        MEMORY,
    ),
    "a text of 4 GB by an operator": (f'{OUTPUT}a: 4000000000 * "x"', MEMORY),
    "a number of 12 GB": (
        f'import "math/bits"\n{OUTPUT}a: bits.Lsh(1, 100000000000)',
        MEMORY,
    ),
    "a disjunction of 2^18": (
        OUTPUT
        + "a: "
        + " & ".join(f"({{a{n}: 1}} | {{b{n}: 1}})" for n in range(18)),
        TIME,
    ),
    "loops in loops": (
        f"{OUTPUT}a: ["
        + " ".join(f"for n{n} in {DIGITS}" for n in range(9))
        + " {0}]",
        TIME,
    ),
    "structs that double": (
        f"{OUTPUT}output: a: x30\nx0: a: 1\n"
        + "".join(f"x{n + 1}: {{l: x{n}, r: x{n}}}\n" for n in range(30)),
        TIME,
    ),
    "lists in lists": (f"{OUTPUT}a: {'[' * 400_000}{']' * 400_000}", MEMORY),
}


@pytest.mark.parametrize("about", deep_after(2, TOO_MUCH))
def test_a_limit_that_is_passed_is_a_finding(
    about: str, evaluator: Evaluator
) -> None:
    """With the component, the limit and the definition. The next component is rendered normally."""
    template, limit = TOO_MUCH[about]
    (finding,) = rendered(evaluator, defined(template)).diagnostics
    lines = str(finding).splitlines()
    assert (
        lines[0]
        == f"shop.yaml:7:13: error OAM112: app 'web': the evaluation of its definition needs {limit}"
    )
    assert lines[1] == "the definition: definitions.yaml:4:9"
    assert rendered(evaluator, defined()).objects


@pytest.mark.parametrize("levels", [64, 65, 1_000, 3_000, 20_000])
def test_an_object_is_nested_as_deep_as_an_application_may_be(
    levels: int, evaluator: Evaluator
) -> None:
    """Python cannot read a thousand levels."""
    nested = "{b: " * (levels - 1) + '"1"' + "}" * (levels - 1)
    made = rendered(
        evaluator,
        defined(f'output: {{apiVersion: "v1", kind: "X", a: {nested}}}'),
    )
    if levels == 64:
        assert made.objects
    else:
        (finding,) = made.diagnostics
        assert finding.code == "OAM112" and (
            "nested deeper than 64 levels" in finding.message
            or levels == 20_000
        )


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("1e20", 1e20),
        ("1.5e300", 1.5e300),
        ("0.0e400", 0),
        ("1e-300", 1e-300),
    ],
)
def test_a_number_is_what_stands_there(
    number: str, read: float, evaluator: Evaluator
) -> None:
    (made,) = rendered(
        evaluator,
        defined(f'output: {{apiVersion: "v1", kind: "X", a: {number}}}'),
    ).objects
    assert made.object["a"] == read


@pytest.mark.parametrize(
    "number",
    [
        "1e400",
        "-1e400",
        "1e400000",
        "1e999_999_999",
        "1e-400",
        "1e200*1e200",
        "12345678901234567890",
    ],
)
def test_a_number_that_kubernetes_cannot_hold_is_a_finding(
    number: str, evaluator: Evaluator
) -> None:
    """It is never rounded."""
    (finding,) = rendered(
        evaluator,
        defined(f'output: {{apiVersion: "v1", kind: "X", a: {number}}}'),
    ).diagnostics
    assert finding.code == "OAM112" and "exceeds 64 bits" in finding.message


def test_the_part_that_passes_a_limit_is_named(evaluator: Evaluator) -> None:
    """A trait, if it is the trait's definition."""
    stack = defined(good="patch: {}", bad='patch: spec: a: 4000000000 * "x"')
    (finding,) = rendered(
        evaluator, stack, "traits: [{type: good}, {type: bad}]"
    ).diagnostics
    assert str(finding).startswith(
        "shop.yaml:8:37: error OAM112: trait 'bad' of 'web': the evaluation of its definition"
    )


REACHING = (
    "tool/exec",
    "tool/file",
    "tool/http",
    "tool/os",
    "tool/cli",
    "vela/http",
    "vela/op",
    "kube/apps/v1",
    "net/http",
    "example.com/x",
    "./x",
)


@pytest.mark.parametrize("package", REACHING)
def test_forbidden_imports_are_rejected_at_their_position(
    package: str, evaluator: Evaluator
) -> None:
    """Imports other than CUE's pure packages: `tool/exec` would otherwise be null."""
    template = f'// a comment\nimport p "{package}"\n{OUTPUT}a: p.Run\n'
    text = "apiVersion: core.oam.dev/v1beta1\nkind: ComponentDefinition\nmetadata: {name: app}\nspec:\n  schematic:\n    cue:\n      template: |\n"
    text += "".join(f"        {line}\n" for line in template.splitlines())
    stack = library(read_definitions("app.yaml", text.encode()).definitions)
    (finding,) = rendered(evaluator, stack).diagnostics
    assert str(finding).splitlines()[:2] == [
        f"app.yaml:9:1: error OAM108: component type 'app': \"{package}\" may use files, "
        "programs, a cluster or a network, which is not allowed; remove it",
        f'    9 |         import p "{package}"',
    ]


def test_no_file_is_embedded(evaluator: Evaluator, tmp_path: Path) -> None:
    """CUE's interpreter for `@embed` is not installed."""
    (tmp_path / "secret").write_text("secret")
    template = f"@extern(embed)\n\n{OUTPUT}a: string @embed(file={tmp_path}/secret,type=text)"
    (finding,) = rendered(evaluator, defined(template)).diagnostics
    assert finding.code == "OAM108"


def test_incomplete_workloads_are_reported_at_their_trait(
    evaluator: Evaluator,
) -> None:
    """At that trait, not at the component or later traits; at the component, if it was incomplete
    before."""
    more = {
        "half": "patch: spec: replicas: context.output.spec.replicas + 1",
        "good": "patch: metadata: labels: a: context.name",
    }
    traits = "traits: [{type: good}, {type: half}, {type: good}]"
    (finding,) = rendered(evaluator, defined(**more), traits).diagnostics
    assert finding.message.startswith(
        "trait 'half' of 'web': its definition fails: spec.replicas: undefined field"
    )
    (finding,) = rendered(
        evaluator, defined(f"{OUTPUT}output: a: string", **more), traits
    ).diagnostics
    assert finding.message.startswith("app 'web': its definition fails: ")


def test_a_server_is_not_asked(evaluator: Evaluator) -> None:
    """KubeVela's `processing` in a trait would call it."""
    trait = 'processing: {output: token?: string, http: {method: "GET", url: "http://127.0.0.1:1/"}}\npatch: {}'
    (finding,) = rendered(
        evaluator, defined(ask=trait), "traits: [{type: ask}]"
    ).diagnostics
    assert "`processing` calls a server" in finding.message


WRONG: dict[str, tuple[str, str]] = {
    "no CUE": ("this is: : no {", "expected"),
    "no output": ("parameter: {}", "the template has no `output`"),
    "an output that is a text": ('output: "a"', "not an object"),
    "an object without a kind": (
        'output: {apiVersion: "v1"}',
        "an object without `kind`",
    ),
    "a value that is left open": (
        'output: {apiVersion: "v1", kind: "X", a: string}',
        "incomplete value string",
    ),
    "a circle": ("a: {b: a}\n" + OUTPUT, "structural cycle"),
    "an import without use": (
        'import "strings"\n' + OUTPUT,
        "imported and not used",
    ),
    "an unknown name": (
        'output: {apiVersion: "v1", kind: nothing}',
        'reference "nothing" not found',
    ),
    "outputs that are a list": (OUTPUT + "outputs: [1]", "outputs"),
}


@pytest.mark.parametrize("about", WRONG)
def test_a_definition_that_is_wrong_is_one_finding(
    about: str, evaluator: Evaluator
) -> None:
    """At the component, with CUE's message."""
    template, words = WRONG[about]
    (finding,) = rendered(evaluator, defined(template)).diagnostics
    assert (finding.code, str(finding.position)) == ("OAM112", "shop.yaml:7:13")
    assert words in finding.message


def test_patching_a_container_that_is_not_there_leaves_it_half_made(
    evaluator: Evaluator,
) -> None:
    """As in KubeVela: the container is added with the patch's fields."""
    patch = """
        patch: spec: template: spec: {
            // +patchKey=name
            containers: [{name: "nowhere", env: [{name: "A", value: "1"}]}]
        }
    """
    (workload,) = rendered(
        evaluator, defined(WORKLOAD, patch=patch), "traits: [{type: patch}]"
    ).objects
    assert [
        container["name"]
        for container in workload.object["spec"]["template"]["spec"][
            "containers"
        ]
    ] == [
        "web",
        "nowhere",
    ]
