"""Findings about records: each fault alone has its code, and a whole chain has none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from kong_oam.audit.history.check import (
    findings_about_runs,
    findings_of_engine,
    findings_of_folder,
    findings_of_signatures,
)
from kong_oam.audit.history.engine import EngineStack
from kong_oam.audit.history.read import read_history, read_runs
from kong_oam.audit.history.signature import (
    SignatureError,
    check_private_key,
    sign,
    signature_problem,
)
from kong_oam.diagnostics import Diagnostic
from tests.support.history import key_pair, write_chain
from tests.support.json_object import JsonObject

FIRST_STATE = 64 * "1"
SECOND_STATE = 64 * "2"


def update(
    day: int,
    changes: Mapping[str, int] = MappingProxyType({"same": 35}),
    result: str = "succeeded",
    **facts: str,
) -> JsonObject:
    return {
        "kind": "update",
        "start": f"2026-11-{day}T09:58:00Z",
        "end": f"2026-11-{day}T09:59:00Z",
        "result": result,
        "changes": {**changes},
        "facts": facts,
    }


def part(state: str, *updates: JsonObject, resources: int = 3) -> JsonObject:
    """Return the fields of a record of the stack `local`."""
    fields = {"updates": [*updates], "state": state, "resources": resources}
    return {"stacks": {"local": fields}}


def engine(state: str, *updates: JsonObject) -> Mapping[str, EngineStack]:
    return {"local": EngineStack(updates, state, 3, {})}


CHAIN = (
    part(FIRST_STATE, update(20)),
    part(SECOND_STATE, update(21)),
    {"kind": "close", "openings": [{"component": "orders/api"}]},
)
ENGINE = engine(SECOND_STATE, update(20), update(21))


def codes(findings: object) -> list[str]:
    """Return code and file name of each finding."""
    found = []
    assert isinstance(findings, list)
    for finding in findings:
        assert isinstance(finding, Diagnostic)
        name = Path(finding.position.file).name if finding.position else ""
        found.append(f"{finding.code} {name}".strip())
    return found


def of_folder(folder: Path) -> list[str]:
    return codes([*findings_of_folder(read_history(folder))])


def test_a_whole_chain_has_no_finding(tmp_path: Path) -> None:
    """Openings change no state."""
    write_chain(tmp_path, *CHAIN)
    assert of_folder(tmp_path) == []
    assert [*findings_of_engine(read_runs(tmp_path), ENGINE)] == []
    assert [*findings_about_runs(read_runs(tmp_path))] == []


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_edited_record_is_found(tmp_path: Path, place: int) -> None:
    """The next record no longer follows it; the last record is found by its own digest."""
    files = write_chain(tmp_path, *CHAIN)
    files[place].write_text(files[place].read_text().replace("ann", "bob"))
    expected = [f"AUD603 {files[place].name}"]
    if place < 2:
        expected.append(f"AUD604 {files[place + 1].name}")
    assert of_folder(tmp_path) == expected


def test_an_edit_of_spaces_is_found_by_the_next_record(tmp_path: Path) -> None:
    """The digest of the file covers every byte."""
    first, *_ = write_chain(tmp_path, *CHAIN)
    first.write_text(first.read_text() + "\n")
    assert of_folder(tmp_path) == ["AUD604 000002.json"]


def test_a_missing_record_is_found(tmp_path: Path) -> None:
    """The finding is at the next file."""
    _, second, _ = write_chain(tmp_path, *CHAIN)
    second.unlink()
    assert of_folder(tmp_path) == ["AUD602 000003.json"]


def test_a_missing_first_record_is_found(tmp_path: Path) -> None:
    """Each chain begins with record 1."""
    first, *_ = write_chain(tmp_path, *CHAIN)
    first.unlink()
    assert of_folder(tmp_path) == ["AUD602 000002.json"]


def test_a_missing_last_record_is_an_update_without_a_record(
    tmp_path: Path,
) -> None:
    """The chain alone cannot show it, but the engine's history does."""
    _, second, third = write_chain(tmp_path, *CHAIN)
    second.unlink()
    third.unlink()
    assert of_folder(tmp_path) == []
    found = [*findings_of_engine(read_runs(tmp_path), ENGINE)]
    assert codes(found) == ["AUD605"]


def test_exchanged_records_are_found(tmp_path: Path) -> None:
    """Each has the number of the other."""
    first, second, _ = write_chain(tmp_path, *CHAIN)
    earlier, later = first.read_bytes(), second.read_bytes()
    first.write_bytes(later)
    second.write_bytes(earlier)
    assert "AUD604 000001.json" in of_folder(tmp_path)
    assert "AUD604 000002.json" in of_folder(tmp_path)


def test_a_file_that_is_no_record_is_not_missing(tmp_path: Path) -> None:
    """It has one finding."""
    _, second, _ = write_chain(tmp_path, *CHAIN)
    second.write_text("{}")
    assert of_folder(tmp_path) == ["AUD601 000002.json"]


def test_an_update_of_the_engine_needs_a_record(tmp_path: Path) -> None:
    """A state after an unrecorded update is no further finding."""
    write_chain(tmp_path, *CHAIN)
    current = engine(64 * "3", update(20), update(21), update(22))
    found = [*findings_of_engine(read_runs(tmp_path), current)]
    assert codes(found) == ["AUD605"]


def test_a_state_that_no_update_wrote_is_found(tmp_path: Path) -> None:
    """`pulumi state delete` leaves no history."""
    write_chain(tmp_path, *CHAIN)
    current = engine(64 * "3", update(20), update(21))
    found = [*findings_of_engine(read_runs(tmp_path), current)]
    assert codes(found) == ["AUD606"]


def test_a_deleted_history_is_no_finding(tmp_path: Path) -> None:
    """The records are the copy that counts."""
    write_chain(tmp_path, *CHAIN)
    assert [
        *findings_of_engine(read_runs(tmp_path), engine(SECOND_STATE))
    ] == []


def test_other_facts_of_the_engine_are_found(tmp_path: Path) -> None:
    """Somebody wrote the whole chain anew, with another author."""
    write_chain(
        tmp_path,
        part(FIRST_STATE, update(20, **{"git.author": "bob"})),
        part(SECOND_STATE, update(21)),
    )
    current = engine(
        SECOND_STATE, update(20, **{"git.author": "ann"}), update(21)
    )
    found = [*findings_of_engine(read_runs(tmp_path), current)]
    assert codes(found) == ["AUD603 000001.json"]


def test_the_past_has_warnings(tmp_path: Path) -> None:
    """A recorded edit of the state, a dirty tree, and an author who approved alone."""
    request = {
        "number": 7,
        "authors": ["ann"],
        "approvers": ["ann"],
        "alone": "ann",
    }
    write_chain(
        tmp_path,
        part(FIRST_STATE, update(20, **{"git.dirty": "true"})),
        part(SECOND_STATE),
        {**part(SECOND_STATE, update(21)), "forge": [request]},
    )
    found = [*findings_about_runs(read_runs(tmp_path))]
    assert codes(found) == [
        "AUD607 000001.json",
        "AUD606 000002.json",
        "AUD608 000003.json",
    ]
    assert {finding.severity for finding in found} == {"warning"}


def traces(folder: Path, *updates: JsonObject, resources: int) -> list[str]:
    """Return the warnings about updates that ended with so many resources; before, there were 3."""
    write_chain(
        folder,
        part(FIRST_STATE, update(20)),
        part(SECOND_STATE, *updates, resources=resources),
    )
    return [str(found) for found in findings_about_runs(read_runs(folder))]


def test_an_edit_of_the_state_before_an_update_leaves_a_trace(
    tmp_path: Path,
) -> None:
    """Somebody removed a resource from the state, and the next update created it again."""
    again = update(21, {"create": 1, "same": 2})
    assert traces(tmp_path, again, resources=3) == [
        f"{tmp_path}/000002.json:1:1: warning AUD606: stack 'local': its updates explain 4 "
        "resources, and the state has 3; ask who changed the state before an update"
    ]


@pytest.mark.parametrize(
    ("updates", "resources"),
    [
        ((update(21, {"create": 2, "delete": 1, "replace": 1}),), 4),
        ((update(21, {"import": 1}), update(22, {"delete": 3})), 1),
        # Each of these counts only some changes.
        ((update(21, {"create": 1}, "failed"),), 3),
        ((update(21, {"create": 1}, **{"pulumi.flag.refresh": "set"}),), 3),
    ],
)
def test_other_updates_explain_their_resources(
    updates: tuple[JsonObject, ...], resources: int, tmp_path: Path
) -> None:
    """Nobody edited the state."""
    assert traces(tmp_path, *updates, resources=resources) == []


def test_a_signature_covers_the_whole_record(tmp_path: Path) -> None:
    """Without the key nobody can write another record with a valid signature."""
    private, public = key_pair(tmp_path, "ours")
    _, foreign = key_pair(tmp_path, "theirs")
    records = tmp_path / "records"
    (file,) = write_chain(records, {})
    assert signature_problem(file, public).startswith("no signature")
    envelope = sign(file, private)
    assert envelope.name == "000001.dsse"
    assert signature_problem(file, public) == ""
    assert "no valid signature" in signature_problem(file, foreign)
    file.write_text(file.read_text() + " ")
    assert "signs another content" in signature_problem(file, public)
    runs = read_runs(records)
    found = [
        *findings_of_signatures(
            runs, lambda record: signature_problem(record, public)
        )
    ]
    assert codes(found) == ["AUD609 000001.json"]
    envelope.write_text("{}")
    assert "no valid signature" in signature_problem(file, public)


def test_an_envelope_has_the_record_as_payload(tmp_path: Path) -> None:
    """Another program can verify it, by DSSE's own encoding of the signed bytes."""
    private, public = key_pair(tmp_path, "ours")
    (file,) = write_chain(tmp_path / "records", {})
    data = json.loads(sign(file, private).read_bytes())
    (signature,) = data["signatures"]
    payload = file.read_bytes()
    kind = data["payloadType"].encode()
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    (tmp_path / "message").write_bytes(message)
    decode = ["openssl", "base64", "-d", "-A", "-out", str(tmp_path / "sig")]
    subprocess.run(decode, input=signature["sig"].encode(), check=True)
    check = (
        *("openssl", "pkeyutl", "-verify", "-pubin", "-rawin"),
        *("-inkey", public, "-in", tmp_path / "message"),
        *("-sigfile", tmp_path / "sig"),
    )
    subprocess.run([*map(str, check)], check=True, capture_output=True)


def test_other_files_are_no_keys(tmp_path: Path) -> None:
    """The message says which key is needed."""
    (file,) = write_chain(tmp_path / "records", {})
    with pytest.raises(SignatureError, match="not a private key that signs"):
        check_private_key(file)
    with pytest.raises(SignatureError, match="not a public key"):
        signature_problem(file, file)
