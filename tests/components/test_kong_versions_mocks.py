"""A run and `verify` print the warnings about Kong's version. On a version that fails, a run
registers nothing. The tests use Pulumi's mocks and a stand-in for Kong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pulumi import RunError, log

import kong_oam.verify.stack
from kong_oam.__main__ import main
from kong_oam.kong import versions
from kong_oam.verify.stack import Result, Workloads
from sandbox.kong import Kong
from tests.support.mocks import run_program
from tests.support.projects import copy_sample
from tests.support.streams import Capsys

MESSAGE = "not on 3.10.1; run them on a Kong that nobody uses"


def test_a_run_warns_of_a_version_without_live_tests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The program provisions all the same."""
    warned: list[str] = []
    monkeypatch.setattr(log, "warn", lambda text, *_: warned.append(text))
    with Kong(version="3.10.1") as kong:
        monkeypatch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        assert run_program(monkeypatch)
    assert [text for text in warned if "ENV429" in text and MESSAGE in text]


def test_a_run_stops_at_a_setting_that_kong_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before it makes anything: this Kong would refuse every call."""
    with Kong(configuration={"untrusted_lua": "strict"}) as kong:
        monkeypatch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        with pytest.raises(RunError, match=r"set untrusted_lua=lax"):
            run_program(monkeypatch)


def test_verify_prints_the_warning_beside_its_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capsys
) -> None:
    """On standard error, so that JSON stays whole."""
    copy_sample(tmp_path)
    monkeypatch.chdir(tmp_path)
    warnings = versions.warnings_of("3.10.1")
    monkeypatch.setattr(
        kong_oam.verify.stack,
        "verify",
        lambda *_: Result((), 1, warnings=warnings),
    )
    monkeypatch.setattr(
        kong_oam.verify.stack, "workloads", lambda *_: Workloads((), 1)
    )
    assert main(["verify", "--stack", "local", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"findings": [], "known": []}
    assert MESSAGE in printed.err
