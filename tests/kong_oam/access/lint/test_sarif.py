"""SARIF: the data that code scanning reads, and fingerprints that identify findings again."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError
from pydantic_sarif.model import (
    StaticAnalysisResultsFormatSarifVersion210JsonSchema,
)

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.lint import sarif
from kong_oam.access.lint.lint import lint
from kong_oam.codes import CODES
from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.application import join_readings, read_bytes
from kong_oam.oam.position import FilePlace
from tests.support.diffs import edited
from tests.support.estates import STACK, api
from tests.support.json_object import JsonObject

ROOT = Path("/src")
AS_OF = datetime.date(2026, 11, 25)
BROKEN = api(
    access="{owner: o, scopes: {r: r}, rules: [{scopes: [a]}, {methods: [GET], scopes: [b, c]}]}"
)


ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: Read, write: Write}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST], scopes: [write]}
            roles:
              viewer: {scopes: [read], components: [shop/idle, shop/job]}
              editor: {scopes: [write], components: [shop/job, shop/idle]}
    - name: pages
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: pages.example.com, http: {/: 8080}}
        - type: access
          properties:
            owner: team-orders
            rules:
              - {methods: [GET], public: {reason: pages}}
"""
SHOP = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop, annotations: {owner: team-shop}}
spec:
  components:
    - name: job
      type: worker
      properties: {image: x}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read, write]}]}}
    - name: idle
      type: worker
      properties: {image: x}
      traits:
        - {type: client, properties: {kind: service}}
"""
FILES = {"orders.yaml": ORDERS, "shop.yaml": SHOP}
"""`shop/idle` holds two roles whose scopes it does not ask for (LINT301), and pages are public for
ever (LINT306)."""


def found(files: dict[str, str]) -> tuple[Diagnostic, ...]:
    reading = join_readings(
        read_bytes(name, text.encode()) for name, text in files.items()
    )
    compiled = compile_estate(reading, STACK)
    findings = (
        lint(reading.applications, compiled.estate, AS_OF)
        if compiled.estate
        else ()
    )
    return (
        *compiled.diagnostics,
        *(finding.diagnostic for finding in findings),
    )


def run_of(files: dict[str, str]) -> JsonObject:
    (run,) = sarif.document(found(files), ROOT, CODES)["runs"]
    assert isinstance(run, dict)
    return run


def prints(files: dict[str, str]) -> list[tuple[str, str]]:
    """Return rule and fingerprint of every result."""
    results = run_of(files)["results"]
    assert all(
        len(set(result["partialFingerprints"].values())) == 1
        for result in results
    )
    return sorted(
        (
            result["ruleId"],
            result["partialFingerprints"]["primaryLocationLineHash"],
        )
        for result in results
    )


def test_a_result_has_file_line_column_and_message() -> None:
    """The form follows sections 3.27 to 3.30 of SARIF 2.1.0."""
    finding = Diagnostic(
        "LINT301",
        "'shop/idle' holds role 'viewer'",
        FilePlace("orders.yaml", 12, 30),
        severity="warning",
    )
    document = sarif.document([finding], ROOT, CODES)
    assert (document["version"], len(document["runs"])) == ("2.1.0", 1)
    run = document["runs"][0]
    assert run["columnKind"] == "unicodeCodePoints"
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("LINT301", "warning")
    assert result["message"] == {"text": "'shop/idle' holds role 'viewer'"}
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {
                    "uri": "orders.yaml",
                    "uriBaseId": "%SRCROOT%",
                },
                "region": {"startLine": 12, "startColumn": 30},
            }
        }
    ]


def test_every_finding_is_a_result() -> None:
    assert [result["ruleId"] for result in run_of(FILES)["results"]] == [
        "LINT301",
        "LINT301",
        "LINT306",
    ]


@pytest.mark.parametrize(
    "files", [{}, FILES, {"app.yaml": BROKEN}, {"a b.yaml": "spec: ["}]
)
def test_a_document_is_what_the_published_schema_describes(
    files: dict[str, str],
) -> None:
    """`pydantic-sarif`, generated from OASIS's schema of 2.1.0, accepts the document and rejects
    unknown fields."""
    document = sarif.document(found(files), ROOT, CODES)
    StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate(
        document
    )
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        document["runs"][0]["tool"]["driver"]["nonsense"] = 1
        StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate(
            document
        )


def test_every_rule_has_help_and_results_point_to_theirs() -> None:
    """The document has all codes: errors as errors, warnings as warnings."""
    run = run_of({"app.yaml": BROKEN})
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [*CODES]
    assert all(
        rule["help"]["text"] and rule["shortDescription"]["text"]
        for rule in rules
    )
    levels = {
        rule["id"]: rule["defaultConfiguration"]["level"] for rule in rules
    }
    assert (levels["ACC201"], levels["OAM109"], levels["LINT301"]) == (
        "error",
        "warning",
        "warning",
    )
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
        result["ruleId"] for result in run["results"]
    ]
    assert [result["level"] for result in run["results"]] == ["error"] * 3


def test_fingerprints_survive_moved_lines_and_files() -> None:
    """Comments above, another YAML style, a renamed file and another finding before change no
    fingerprint."""
    moved = {
        f"moved/{name}": f"# one\n# two\n{text}" for name, text in FILES.items()
    }
    assert prints(moved) == prints(FILES)
    flow = yaml.safe_dump(yaml.safe_load(ORDERS), default_flow_style=True)
    assert prints(FILES | {"orders.yaml": flow}) == prints(FILES)
    assert prints({"app.yaml": "# above\n" + BROKEN}) == prints(
        {"app.yaml": BROKEN}
    )
    only_b = prints({"app.yaml": BROKEN.replace("b, c", "b")})
    only_c = prints({"app.yaml": BROKEN.replace("b, c", "c")})
    assert {*only_b, *only_c} == {*prints({"app.yaml": BROKEN})}
    assert only_b != only_c
    more = edited(
        ORDERS,
        (
            "              - {methods: [GET], public: {reason: pages}}",
            "              - {paths: [/new], methods: [GET], public: {reason: new}}\n"
            "              - {methods: [GET], public: {reason: pages}}",
        ),
    )
    assert {*prints(FILES)} < {*prints(FILES | {"orders.yaml": more})}


def test_a_fingerprint_is_another_where_the_finding_is() -> None:
    """The same code about another role, component or scope has another fingerprint."""
    renamed = edited(ORDERS, ("viewer:", "reader:"))
    after = prints(FILES | {"orders.yaml": renamed})
    assert len({*prints(FILES)} - {*after}) == 1
    purchases = edited(BROKEN, ("orders", "purchases"))
    assert not {*prints({"app.yaml": BROKEN})} & {
        *prints({"app.yaml": purchases})
    }


def test_equal_findings_are_numbered() -> None:
    equal = [Diagnostic("OAM101", "nothing here")] * 2
    results = sarif.document(equal, ROOT, CODES)["runs"][0]["results"]
    marks = [
        result["partialFingerprints"]["primaryLocationLineHash"]
        for result in results
    ]
    assert [mark.partition(":")[2] for mark in marks] == ["1", "2"]


def test_a_file_that_cannot_be_read_is_a_result_too() -> None:
    """It has no names. A finding without a position has no location."""
    (result,) = run_of({"app.yaml": "spec: ["})["results"]
    assert result["ruleId"] == "OAM101"
    assert result["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 2,
        "startColumn": 1,
    }
    (nowhere,) = sarif.document(
        [Diagnostic("OAM101", "nothing here")], ROOT, CODES
    )["runs"][0]["results"]
    assert nowhere["locations"] == []


def test_files_are_named_from_the_root_as_uris() -> None:
    """Files below the root are relative and percent-encoded; others have their whole path."""

    def uri(file: str) -> dict[str, str]:
        found = [Diagnostic("OAM101", "x", FilePlace(file, 1, 1))]
        result = sarif.document(found, ROOT, CODES)["runs"][0]["results"][0]
        location: dict[str, str] = result["locations"][0]["physicalLocation"][
            "artifactLocation"
        ]
        return location

    assert uri("a b/ü.yaml") == {
        "uri": "a%20b/%C3%BC.yaml",
        "uriBaseId": "%SRCROOT%",
    }
    assert uri("/src/a.yaml") == {"uri": "a.yaml", "uriBaseId": "%SRCROOT%"}
    assert uri("/other/a.yaml") == {"uri": "file:///other/a.yaml"}
