"""What an editor shows of an Application: yaml-language-server itself, where it is installed, with the schema of ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_oam.oam.schema import TRAIT_TYPES
from tests.support.language_server import LanguageServer

ROOT = Path(__file__).resolve().parents[3]
SERVER = shutil.which("yaml-language-server")
FOLDER = (ROOT / "applications").as_uri()
SCHEMA = ROOT / "definitions" / "application.schema.json"
ORDERS = (ROOT / "applications" / "orders.yaml").read_text("utf-8")
CURSOR = "|"
VALID = ", ".join(f'"{name}"' for name in TRAIT_TYPES)
IN_A_WORKER = ", ".join(f'"{name}"' for name in TRAIT_TYPES if name != "gateway")

pytestmark = pytest.mark.skipif(
    SERVER is None, reason="no yaml-language-server on the PATH (npm install -g yaml-language-server@1)"
)


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    """As the project's own settings of an editor have it."""
    settings = json.loads((ROOT / ".vscode" / "settings.json").read_text("utf-8"))
    with LanguageServer(str(SERVER), ROOT.as_uri(), settings["yaml.schemas"]) as running:
        yield running


def edited(old: str, new: str) -> tuple[str, int, int]:
    """The sample with a change, and where in it the cursor is, by line and character from 0."""
    assert ORDERS.count(old) == 1, old
    before, _, after = ORDERS.replace(old, new).partition(CURSOR)
    return before + after, before.count("\n"), len(before.rpartition("\n")[2])


def found(server: LanguageServer, text: str) -> list[str]:
    uri = server.open(text, FOLDER)
    return sorted(f"{one['range']['start']['line'] + 1}: {one['message']}" for one in server.diagnostics(uri))


@pytest.mark.parametrize("file", sorted((ROOT / "applications").glob("*.yaml")), ids=lambda file: file.name)
def test_nothing_is_wrong_in_the_samples(server: LanguageServer, file: Path) -> None:
    assert found(server, file.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new", "offered"),
    [
        ("        - type: gateway                       # KubeVela's own trait: where it is exposed\n", "        - type: g|\n", {*TRAIT_TYPES}),
        ("      type: webservice\n", "      type: |\n", {"external", "webservice", "worker"}),
        ("            owner: team-orders\n", "            owner: team-orders\n            |\n", {"identityProvider", "forwardToken", "waivers"}),
        ("            domain: orders.example.com\n", "            domain: orders.example.com\n            |\n", {"name", "pathType", "secretName"}),
        ("        ports: [{port: 8080}]\n", "        ports: [{port: 8080}]\n        |\n", {"env", "cpu", "livenessProbe"}),
    ],
)  # fmt: skip
def test_what_may_stand_there_is_offered(server: LanguageServer, old: str, new: str, offered: set[str]) -> None:
    """Types, and the fields of the type that is chosen that are not there yet."""
    text, line, character = edited(old, new)
    items = server.completions(server.open(text, FOLDER), line, character)
    labels = {item["label"] for item in items}
    assert offered <= labels
    assert not {"owner", "domain", "class", "ports", "existingServiceName"} & labels
    assert all(item.get("documentation") for item in items if item["label"] in offered)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("domain: orders", "do|main: orders", "The host, lower case as Kubernetes wants it"),
        ("owner: team", "ow|ner: team", "The team that answers for this component's access."),
        ("type: gateway", "type: gate|way", "KubeVela's trait that exposes a component"),
        ("image: registry", "im|age: registry", "The container image."),
    ],
)
def test_what_a_field_means_is_shown_over_it(server: LanguageServer, old: str, new: str, said: str) -> None:
    text, line, character = edited(old, new)
    assert said in server.hover(server.open(text, FOLDER), line, character)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("type: gateway", "type: gatway", [f"13: Value is not accepted. Valid values: {VALID}."]),
        ("domain: orders", "domian: orders", ["15: Property domian is not allowed."]),
        ("owner: team", "ownr: team", ['18: Missing property "owner".', "19: Property ownr is not allowed."]),
        ("type: webservice", "type: worker", ["11: Property ports is not allowed.", f"13: Value is not accepted. Valid values: {IN_A_WORKER}."]),
        ("{port: 8080}", "{port: http}", ['11: Incorrect type. Expected "integer".']),
        ("kind: Application", "kind: Aplication", ['2: Value is not accepted. Valid values: "Application".']),
        ("      traits:\n", "      traits:\n        - {type: access, properties: {owner: o}}\n", ["13: `access` may stand once"]),
    ],
)  # fmt: skip
def test_a_mistake_is_one_message_at_its_place(server: LanguageServer, old: str, new: str, said: list[str]) -> None:
    assert found(server, edited(old, new)[0]) == said


def test_a_file_can_name_the_schema_itself(server: LanguageServer, tmp_path: Path) -> None:
    """In its first line, relative to the file."""
    shutil.copy(SCHEMA, tmp_path / "application.schema.json")
    text = ORDERS.replace("domain: orders", "domian: orders")
    folder = (tmp_path / "elsewhere").as_uri()
    assert server.diagnostics(server.open(text, folder)) == []
    modeline = "# yaml-language-server: $schema=../application.schema.json\n"
    (said,) = server.diagnostics(server.open(modeline + text, folder))
    assert said["message"] == "Property domian is not allowed."
