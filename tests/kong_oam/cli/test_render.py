"""`python -m kong_oam render`: the Kubernetes objects of an Application."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kong_oam.__main__ import main
from kong_oam.cli.estates import estate_of, reading_of, settings_of
from kong_oam.kubernetes.estate import objects_of
from tests.support.cli import Cli
from tests.support.custom_types import write_custom
from tests.support.json_object import JsonObject
from tests.support.streams import Capsys

SECRETS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: kept, namespace: kept}
spec:
  components:
    - name: secret
      type: k8s-objects
      properties:
        objects:
          - apiVersion: v1
            kind: Secret
            metadata: {name: s, labels: {grüße: "\\e]0;x"}}
            stringData: {password: hunter2}
            data: {key: aHVudGVyMw==}
    - name: web
      type: webservice
      properties:
        image: web:1
        env: [{name: FROM, value: here}, {name: FROM, value: there}]
      traits:
        - {type: client, properties: {kind: service}}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with custom types, in the working directory."""
    write_custom(tmp_path)
    monkeypatch.chdir(tmp_path)


def rendered(capsys: Capsys, *arguments: str) -> tuple[str, list[JsonObject]]:
    assert main(["render", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    return printed.out, [
        document for document in yaml.safe_load_all(printed.out) if document
    ]


def test_the_deployed_objects_are_printed(
    capsys: Capsys,
) -> None:
    """With or without definitions, with added objects, without the Ingress, which becomes routes of
    Kong."""
    settings = settings_of("local")
    for name in ("ledger", "desk"):
        reading = reading_of(
            [f"applications/{name}.yaml", "applications"], settings
        )
        estate = estate_of(reading, settings)
        expected = [
            manifest
            for manifest in objects_of(estate, settings)
            if manifest["metadata"]["namespace"] == name
        ]
        text, objects = rendered(capsys, name)
        assert len(objects) == len(expected) > 3
        assert all(manifest in objects for manifest in expected)
        assert text.startswith(
            f"# {len(objects)} object(s) of {name}, on stack local\n---\n# {name}/"
        )
    assert "Ingress" not in {
        manifest["kind"] for manifest in rendered(capsys, "ledger")[1]
    }


@pytest.mark.parametrize(
    ("places", "namespaces"),
    [
        ("[]", {"kept"}),
        ("[{type: topology, properties: {namespace: blue}}]", {"blue"}),
        ("[{type: topology, properties: {namespace: blue}}, {type: topology, properties: {namespace: kept}}]", {"blue", "kept"}),
    ],
)  # fmt: skip
def test_the_label_of_the_namespace_is_the_applications(
    places: str, namespaces: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """As in KubeVela, in each place, and whatever the Application writes."""
    written = (
        "{name: kept, namespace: kept, labels: {app.oam.dev/namespace: x}}"
    )
    text = SECRETS.replace("{name: kept, namespace: kept}", written)
    Path("applications/kept.yaml").write_text(
        f"{text}  policies: {places}\n", "utf-8"
    )
    _, objects = rendered(capsys, "kept")
    found = {
        (metadata["namespace"], metadata["labels"]["app.oam.dev/namespace"])
        for metadata in (manifest["metadata"] for manifest in objects)
    }
    assert found == {(namespace, "kept") for namespace in namespaces}


def test_each_object_has_its_origin(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """In JSON too."""
    text, _ = rendered(capsys, "ledger", "--component", "book")
    assert [line for line in text.splitlines() if line.startswith("# ")] == [
        "# 4 object(s) of ledger, on stack local",
        "# ledger/book in ledger, by a definition",
        "# ledger/book in ledger, by a definition",
        "# ledger/book in ledger, added",
        "# ledger/book in ledger, added",
    ]
    assert "priorityClassName: high" in text, "the trait's patch"
    last = cli.json("render", "ledger", "--json")["objects"][-1]
    assert (last["component"], last["place"], last["origin"], last["object"]["kind"]) == ("ledger/book", "ledger", "added", "NetworkPolicy")  # fmt: skip


def test_no_secret_is_shown(capsys: Capsys) -> None:
    """Only its keys. Other text is escaped, so it cannot control a terminal."""
    Path("applications/kept.yaml").write_text(SECRETS, "utf-8")
    text, objects = rendered(capsys, "kept")
    (secret,) = [
        manifest for manifest in objects if manifest["metadata"]["name"] == "s"
    ]
    assert secret["data"] == {"password": "(masked)", "key": "(masked)"}
    assert text.isascii()
    assert "hunter2" not in text
    assert {*"\x1b"}.isdisjoint(text)
    assert "web-client" in {
        manifest["metadata"]["name"]
        for manifest in objects
        if manifest["kind"] == "Secret"
    }
    assert (
        "env:\n        - name: FROM\n          value: there\n        env"
        in text
    )


def test_where_no_stack_is_it_is_by_usual_settings(
    tmp_path: Path, capsys: Capsys
) -> None:
    for file in (tmp_path / "stacks").iterdir():
        file.unlink()
    assert rendered(capsys, "desk")[0].startswith(
        "# 5 object(s) of desk, with default settings, without a stack\n"
    )


def test_what_runs_elsewhere_has_none(
    capsys: Capsys,
) -> None:
    partner = "    - {name: partner, type: external, properties: {jwksUri: https://p.example/keys}, traits: [{type: client, properties: {kind: external}}]}\n"
    Path("applications/kept.yaml").write_text(SECRETS + partner, "utf-8")
    assert rendered(capsys, "kept", "--component", "partner") == (
        "# 0 object(s) of kept, on stack local\n",
        [],
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["leger"], "unknown Application 'leger'; did you mean 'ledger'?"),
        (
            ["ledger", "--component", "bok"],
            "unknown component 'bok'; did you mean 'book'?",
        ),
        (
            ["ledger", "--component", ""],
            "unknown component ''; known: book",
        ),
    ],
)
def test_a_name_that_is_not_there_is_refused(
    arguments: list[str], message: str, capsys: Capsys
) -> None:
    assert main(["render", *arguments]) == 2
    assert capsys.readouterr() == ("", f"{message}\n")
