"""Finding a project's own definitions, without silently missing any."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from kong_oam.oam.definitions.definition import Definition
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.program import EvaluatorError
from kong_oam.render.project import OwnDefinitions, own_definitions
from kong_oam.render.tools import Tools
from tests.support.custom_types import PRIORITY, STATEFUL_APP
from tests.support.rendering import WORKLOAD, written
from tests.support.repository import ROOT


def _none() -> Path:
    raise EvaluatorError("there is none")


def own(folder: Path, *names: str) -> OwnDefinitions:
    """The findings that need no evaluator."""
    return own_definitions(
        names, Tools(Evaluator(find=_none)).ask, folder=folder
    )


def said(found: OwnDefinitions) -> list[str]:
    return [
        f"{diagnostic.code} {diagnostic.message}"
        for diagnostic in found.diagnostics
    ]


def test_definitions_come_from_the_project_and_named_files(
    tmp_path: Path,
) -> None:
    """Files, folders and globs, each file once; a link out of a folder is an error."""
    for name in ("definitions/a", "more/b", "more/deep/c", "d"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.yaml").write_text(
            written("Component", name[-1], WORKLOAD)
        )
    (tmp_path / "definitions/out.yaml").symlink_to(tmp_path / "d.yaml")
    assert own(tmp_path).types == {("component", "a")}
    (out,) = own(tmp_path).diagnostics
    assert (
        out.code == "OAM101"
        and "Add the target to kong-oam:definitions of the stack" in out.message
    )
    (tmp_path / "definitions/out.yaml").unlink()
    found = own(tmp_path, "more", "d.yaml", "more/deep/*.yaml", "definitions")
    assert [definition.name for definition in found.definitions] == [
        "a",
        "b",
        "c",
        "d",
    ]
    assert not found.diagnostics


def test_a_project_needs_no_definitions(tmp_path: Path) -> None:
    """A folder of that name may have another purpose."""
    assert own(tmp_path) == OwnDefinitions(())
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions/README.md").write_text("none")
    assert own(tmp_path) == OwnDefinitions(())


def test_missing_definition_files_are_an_error(tmp_path: Path) -> None:
    """Otherwise a type could silently fall back to the built-in definition."""
    (tmp_path / "definitions").mkdir()
    assert said(own(tmp_path)) == [
        "OAM101 cannot be read: this folder has no definitions; check it out, add YAML or CUE files, or remove the name"
    ]
    shutil.rmtree(tmp_path / "definitions")
    (tmp_path / "definitions").symlink_to("gone")
    assert said(own(tmp_path)) == [
        "OAM101 cannot be read: No such file or directory; check the path"
    ]
    (tmp_path / "definitions").unlink()
    (tmp_path / "more").mkdir()
    (tmp_path / "more/broken.cue").symlink_to("gone.cue")
    (tmp_path / "defs.yaml").write_text(written("Component", "a", WORKLOAD))
    assert said(own(tmp_path, "def.yaml", "*.cue", "more")) == [
        "OAM101 cannot be read: no such file or folder; check the name in --definitions or in kong-oam:definitions of the stack; did you mean 'defs.yaml'?",
        "OAM101 cannot be read: no YAML or CUE file matches this pattern; correct or remove it",
        "OAM101 cannot be read: No such file or directory; check the path",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_unreadable_folders_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "definitions/deep").mkdir(parents=True)
    (tmp_path / "definitions/deep").chmod(0)
    assert said(own(tmp_path)) == [
        "OAM101 cannot be read: Permission denied; check the permissions of this folder"
    ]


def test_what_is_no_definition_is_said(tmp_path: Path) -> None:
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions/map.yaml").write_text(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
    )
    assert said(own(tmp_path))[0].startswith(
        "OAM108 a ConfigMap is no definition; known kinds"
    )


def test_duplicates_are_an_error_and_replaced_types_a_warning(
    tmp_path: Path,
) -> None:
    """With both positions. Built-in types are known without an evaluator."""
    (tmp_path / "definitions").mkdir()
    kinds = {"scaler": "Trait", "worker": "Workload"}
    for file, name in (
        ("a", "app"),
        ("b", "app"),
        ("c", "scaler"),
        ("d", "webservice"),
        ("e", "worker"),
    ):
        text = written(kinds.get(name, "Component"), name, WORKLOAD)
        (tmp_path / f"definitions/{file}.yaml").write_text(text)
    found = own(tmp_path)
    assert said(found) == [
        f"OAM106 component type 'app' is defined twice (first in {tmp_path}/definitions/a.yaml:4:9)",
        "OAM113 this definition replaces the built-in trait type 'scaler'",
        "OAM113 this definition replaces the built-in component type 'webservice'",
        "OAM113 this definition replaces the built-in component type 'worker'",
    ]
    assert [diagnostic.severity for diagnostic in found.diagnostics] == [
        "error",
        "warning",
        "warning",
        "warning",
    ]
    assert (
        str(found.diagnostics[0].position)
        == f"{tmp_path}/definitions/b.yaml:4:9"
    )


def test_definitions_beside_applications_count_once(tmp_path: Path) -> None:
    """A file may have both roles, with any spelling of its path."""
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions/app.yaml").write_text(STATEFUL_APP)
    alone = own(tmp_path)
    again = own_definitions(
        ["definitions/../definitions/app.yaml"], Tools().ask, folder=tmp_path
    ).definitions
    assert alone.beside(again) == alone
    (tmp_path / "beside.yaml").write_text(STATEFUL_APP)
    twice = alone.beside(own(tmp_path, "beside.yaml").definitions[1:])
    assert [finding.code for finding in twice.diagnostics] == ["OAM106"]


def test_definitions_beside_applications_replace_no_type(
    tmp_path: Path,
) -> None:
    """Neither of a built-in type nor of a type in definitions/, in any version or as a workload.
    Separate files do not clash."""
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions/db.yaml").write_text(
        written("Component", "db", WORKLOAD)
    )
    newer = written("Component", "db", WORKLOAD).replace(
        "spec:", "spec:\n  version: 99.0.0", 1
    )
    texts = {
        "a": written("Component", "own", WORKLOAD),
        "b": written("Component", "own", WORKLOAD),
        "c": newer,
    }
    texts |= {
        name: written(kind, name, WORKLOAD)
        for kind, name in (("Trait", "gateway"), ("Workload", "worker"))
    }
    alone, others = own(tmp_path), list[Definition]()
    for name, text in texts.items():
        others += read_definitions(f"{name}.yaml", text.encode()).definitions
    found = alone.beside(others)
    assert [
        f"{diagnostic.position}: {diagnostic.severity} {diagnostic.code} {diagnostic.message.partition(',')[0]}"
        for diagnostic in found.diagnostics
    ] == [
        f"c.yaml:4:9: error OAM106 component type 'db' is already defined ({tmp_path}/definitions/db.yaml:4:9)",
        "gateway.yaml:4:9: error OAM106 trait type 'gateway' is already built in",
        "worker.yaml:4:9: error OAM106 component type 'worker' is already built in",
    ]
    assert found.at("a.yaml").types == {
        ("component", "db"),
        ("component", "own"),
    }
    assert found.types == alone.types and all(
        found.at(f"{name}.yaml") is found for name in [*texts][2:]
    )


def test_definitions_of_our_traits_are_skipped(tmp_path: Path) -> None:
    """KubeVela needs definitions of access, client and external. The folder of the built-in types
    is skipped in this project; elsewhere it is a normal folder."""
    assert own(ROOT) == OwnDefinitions(())
    shutil.copytree(ROOT / "definitions", tmp_path / "definitions")
    assert own(tmp_path) == OwnDefinitions(()), "as a revision has it"
    (tmp_path / "definitions/access.schema.json").unlink()
    with pytest.raises(EvaluatorError):
        own(tmp_path)


def test_only_cue_needs_an_evaluator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless its answer is cached."""
    monkeypatch.setattr("kong_oam.render.tools.usual_cache", _none)
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions/app.yaml").write_text(STATEFUL_APP)
    assert own(tmp_path).types == {("component", "stateful-app")}
    (tmp_path / "definitions/priority.cue").write_text(PRIORITY)
    with pytest.raises(EvaluatorError):
        own(tmp_path)
