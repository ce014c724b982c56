"""`check --since`: what is found now and was not found at a git revision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from tests.support.estates import api
from tests.support.projects import git, write_project

ORDERS = "applications/orders.yaml"
EVIL = api(
    "evil",
    http="{/orders/login: 8080}",
    access="{owner: e, rules: [{methods: [GET], public: {reason: x, until: 2027-01-01}}]}",
)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, bool]:
    """The codes of all that is found, each with whether it is new."""
    main(["check", "--since", "HEAD", "--json", *arguments])
    document = json.loads(capsys.readouterr().out)
    return {
        one["code"]: one["new"]
        for one in (*document["diagnostics"], *document["findings"])
    }


def test_a_warning_that_a_change_brings_is_new(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path below one of another owner's, say; what lint found before is not, wherever its lines are now."""
    before = found(capsys)
    assert before and not any(before.values())
    (project / "applications/evil.yaml").write_text(EVIL)
    orders = project / ORDERS
    orders.write_text("\n\n" + orders.read_text())
    assert found(capsys) == {**before, "ACC219": True}
    git("add", ".")
    git("commit", "--quiet", "-m", "evil")
    assert found(capsys) == {**before, "ACC219": False}


def test_only_what_is_new_is_printed_and_counts(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the rest there is a number; an error is printed and counts in any case."""
    assert main(["check"]) == 1
    lint = capsys.readouterr().out.count("warning LINT")
    assert lint > 0
    assert main(["check", "--since", "HEAD"]) == 0
    said = capsys.readouterr().out
    assert "LINT" not in said
    assert said.endswith(
        f"{lint} finding(s) at HEAD, too: check without --since prints them\n"
    )
    orders = project / ORDERS
    orders.write_text(
        orders.read_text().replace(
            "methods: [GET], scopes: [read]", "methods: [GET], scopes: [reed]"
        )
    )
    git("commit", "--quiet", "-a", "-m", "wrong")
    assert main(["check", "--since", "HEAD"]) == 1
    assert "error ACC201" in capsys.readouterr().out


@pytest.mark.parametrize("revision", ["nope", "--upload-pack"])
def test_what_cannot_be_read_at_the_revision_is_new(
    revision: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a remark says so: nothing is taken for known."""
    assert main(["check", f"--since={revision}", "--json"]) == 1
    printed = capsys.readouterr()
    assert all(one["new"] for one in json.loads(printed.out)["findings"])
    assert f"REVISION ({revision}): " in printed.err and printed.err.endswith(
        "; everything counts as new\n"
    )


def test_of_two_findings_alike_one_is_new(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second rule without an end, in the same file; a rule of another file has been without an end as well."""
    orders = project / ORDERS
    text = orders.read_text()
    rule = "              - {paths: [/orders/health], methods: [GET], public: {reason: probes}}\n"
    assert rule in text
    orders.write_text(
        text.replace(rule, rule + rule.replace("/orders/health", "/orders/ready"))
    )
    main(["check", "--since", "HEAD", "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert sorted(one["new"] for one in findings if one["code"] == "LINT306") == [
        False,
        False,
        True,
    ]


def test_a_watch_compares_with_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--watch", "--since", "HEAD"]) == 2
    assert "--since or --watch, not both" in capsys.readouterr().err
