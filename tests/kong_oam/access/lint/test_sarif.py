"""SARIF: what a service that shows findings in a pull request reads, and how it knows them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_sarif.model import (
    StaticAnalysisResultsFormatSarifVersion210JsonSchema,
)

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.lint import sarif
from kong_oam.access.lint.lint import lint
from kong_oam.codes import CODES
from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.application import read_bytes, together
from kong_oam.oam.position import FilePlace
from tests.support.estates import STACK, api
from tests.support.lint_estates import AS_OF, Data, access_of, changed, files_of

ROOT = Path("/src")
BROKEN = api(
    access="{owner: o, scopes: {r: r}, rules: [{scopes: [a]}, {methods: [GET], scopes: [b, c]}]}"
)


def _loose(orders: Data, shop: Data) -> None:
    """Two findings of one code, and one of another."""
    access_of(orders)["roles"]["viewer"]["components"].insert(0, "shop/idle")
    access_of(orders)["roles"]["editor"]["components"].append("shop/idle")
    del access_of(shop, 2)["rules"][0]["public"]["until"]


FILES = files_of(changed(_loose), "mixed")


def found(files: dict[str, str]) -> tuple[Diagnostic, ...]:
    reading = together(
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


def run_of(files: dict[str, str]) -> dict[str, Any]:
    (run,) = sarif.document(found(files), ROOT, CODES)["runs"]
    assert isinstance(run, dict)
    return run


def prints(files: dict[str, str]) -> list[tuple[str, str]]:
    """Rule and fingerprint of every result."""
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
    """Checked by hand against sections 3.27 to 3.30 of SARIF 2.1.0: the places are those of the findings."""
    findings = found(FILES)
    document = sarif.document(findings, ROOT, CODES)
    assert (document["version"], len(document["runs"])) == ("2.1.0", 1)
    run = document["runs"][0]
    assert run["columnKind"] == "unicodeCodePoints"
    assert len(run["results"]) == len(findings) == 3
    for result, finding in zip(run["results"], findings, strict=True):
        assert finding.position
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"] == {
            "uri": finding.position.file,
            "uriBaseId": "%SRCROOT%",
        }
        assert physical["region"] == {
            "startLine": finding.position.line,
            "startColumn": finding.position.column,
        }
        assert result["message"] == {"text": finding.message}
        assert (result["ruleId"], result["level"]) == (finding.code, "warning")


@pytest.mark.parametrize(
    "files", [{}, FILES, {"app.yaml": BROKEN}, {"a b.yaml": "spec: ["}]
)
def test_a_document_is_what_the_published_schema_describes(
    files: dict[str, str],
) -> None:
    """OASIS's schema of 2.1.0, as `pydantic-sarif` was made of it; it knows no field that the schema does not."""
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
    """All codes, found or not; errors as errors, and what only warns as a warning."""
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
    """Comments above, another style, a file renamed, another finding before: all is known again."""
    moved = {
        f"moved/{name}": f"# one\n# two\n{text}" for name, text in FILES.items()
    }
    assert prints(moved) == prints(FILES)
    assert prints(files_of(changed(_loose), "flow")) == prints(FILES)
    assert prints({"app.yaml": "# above\n" + BROKEN}) == prints(
        {"app.yaml": BROKEN}
    )
    first, second = (
        prints({"app.yaml": BROKEN.replace("b, c", scope)}) for scope in "bc"
    )
    assert set(first) | set(second) == set(prints({"app.yaml": BROKEN}))
    assert first != second

    def more(orders: Data, shop: Data) -> None:
        _loose(orders, shop)
        rule = {
            "paths": ["/new"],
            "methods": ["GET"],
            "public": {"reason": "new"},
        }
        access_of(shop, 2)["rules"].insert(0, rule)

    assert set(prints(FILES)) < set(prints(files_of(changed(more), "mixed")))


def test_a_fingerprint_is_another_where_the_finding_is() -> None:
    """The same code about another role, component or scope."""

    def renamed(orders: Data, shop: Data) -> None:
        _loose(orders, shop)
        roles = access_of(orders)["roles"]
        roles["reader"] = roles.pop("viewer")

    assert (
        len(
            set(prints(FILES))
            - set(prints(files_of(changed(renamed), "mixed")))
        )
        == 1
    )
    assert not set(prints({"app.yaml": BROKEN})) & set(
        prints({"app.yaml": BROKEN.replace("orders", "others")})
    )


def test_a_file_that_cannot_be_read_is_a_result_too() -> None:
    """It has no names; and a finding without a place has no location."""
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
    """Below it relative and percent-encoded, elsewhere with their whole path."""

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
