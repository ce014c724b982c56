"""`check` prints all errors of an Application at once, without errors that follow from another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kong_oam.__main__ import main

HEAD = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
"""
CASES = {
    "all kinds": (
        """\
  components:
    - name: web
      type: webservice
      properties: {image: web, prot: 80}
      dependsOn: [databse]
      traits:
        - {type: gatway, properties: {domain: a.example}}
        - {type: scaler, properties: {replicas: two}}
        - {type: access, properties: {owner: a, scopes: [read]}}
    - {name: database, type: k8s-objects, properties: {objects: [{apiVersion: v1, kind: Node, metadata: {name: a}}]}}
  policies:
    - {name: copies, type: replication}
""",
        (
            "8:32 OAM102: unknown field 'prot'",
            "9:19 OAM103: dependsOn 'databse' is no component",
            "11:18 OAM104: unknown trait type 'gatway'",
            "12:49 OAM103: replicas must be of type integer",
            "13:57 OAM103: scopes must be of type object",
            "14:66 ACC224: Node 'a' of 'shop/database'",
            "16:28 OAM108: policy 'copies': 'replication' is not deployed",
        ),
    ),
    "an override with an error may give a missing value": (
        """\
  components:
    - {name: job, type: cron-task, properties: {image: a, cuont: 2}}
  policies:
    - {name: times, type: override, properties: {components: [{name: jbo, properties: {schedule: "* * * * *"}}]}}
""",
        (
            "6:59 OAM102: unknown field 'cuont'",
            "8:70 OAM103: override 'times': 'jbo' is no component",
        ),
    ),
    "a component with an error may be what others name": (
        """\
  components:
    - {name: database, typ: k8s-objects}
    - {name: job, type: corn-task, dependsOn: [database], traits: [{type: scaler, properties: {replicas: two}}]}
    - {name: web, type: cron-task, properties: web}
""",
        (
            "6:7 OAM105: spec.components[0] needs 'type'",
            "6:24 OAM102: unknown field 'typ'",
            "7:25 OAM104: unknown component type 'corn-task'",
            "7:106 OAM103: replicas must be of type integer",
            "8:48 OAM103: spec.components[2].properties must be of type object",
        ),
    ),
    "a step with an error may give places": (
        """\
  components:
    - {name: web, type: webservice, properties: {image: a}, traits: [{type: client, properties: {kind: service, calls: [{component: shop/wbe, scopes: [r]}]}}]}
  policies:
    - {name: near, type: topology, properties: {namespace: kong}}
  workflow:
    steps:
      - {type: deploy, properties: {policies: [naer]}}
      - {type: notify-all}
""",
        (
            "11:48 OAM103: step 'deploy-auto-gen-0': 'naer' is neither a topology",
            "12:16 OAM108: step 'notify-all-auto-gen-1': custom step 'notify-all'",
        ),
    ),
}


@pytest.mark.parametrize("about", CASES)
def test_all_errors_are_printed_at_once(
    about: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the order of the file, each once."""
    text, expected = CASES[about]
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text(HEAD + text)
    assert main(["check", "-f", "shop.yaml"]) == 1
    printed = capsys.readouterr().out
    found = re.findall(r"^shop.yaml:(\S+): error (.*)", printed, re.MULTILINE)
    lines = [f"{position} {message}" for position, message in found]
    assert len(lines) == len(expected), printed
    for line, beginning in zip(lines, expected, strict=True):
        assert line.startswith(beginning), printed
