"""The document of a Kong without a database."""

from __future__ import annotations

import gzip
import json
import stat
from pathlib import Path

import pytest

from kong_oam.kong.dbless.document import (
    Document,
    DocumentError,
    load,
    parsed,
    save,
)

SERVICE = {"id": "s1", "name": "orders", "host": "orders.local"}
ROUTE = {"id": "r1", "paths": ["/orders"], "service": {"id": "s1"}}
GLOBAL = {"id": "p1", "name": "prometheus", "route": None, "service": None}
DOCUMENT = Document(
    {
        "services": {"s1": SERVICE},
        "routes": {"r1": ROUTE},
        "plugins": {"p1": GLOBAL},
    }
)


def test_text_is_kongs_declarative_format() -> None:
    """References are plain ids; an unset reference stays unset."""
    assert json.loads(DOCUMENT.text()) == {
        "_format_version": "3.0",
        "services": [SERVICE],
        "routes": [{"id": "r1", "paths": ["/orders"], "service": "s1"}],
        "plugins": [GLOBAL],
    }


def test_text_does_not_depend_on_the_order_of_writes() -> None:
    first = Document(
        {"services": {"a": {"id": "a", "name": "x"}, "b": {"id": "b"}}}
    )
    second = Document(
        {
            "routes": {},
            "services": {"b": {"id": "b"}, "a": {"name": "x", "id": "a"}},
        }
    )
    assert first.text() == second.text()


def test_parsed_text_is_the_same_document() -> None:
    assert parsed(DOCUMENT.text()) == DOCUMENT


def test_hash_is_the_one_that_kong_reports() -> None:
    """Seen on a Kong 3.10 that loaded this text."""
    service = {
        "id": "11111111-1111-4111-8111-111111111111",
        "name": "orders",
        "host": "orders.local",
    }
    document = Document({"services": {service["id"]: service}})
    assert document.configuration_hash() == "7bd018105a02a1bed3f79dadbc37f9c2"


def test_hash_of_no_entities_is_kongs_constant() -> None:
    """Seen on a Kong 3.10 that loaded a document without entities."""
    assert Document({"routes": {}}).configuration_hash() == "0" * 32


def test_saved_file_is_compressed_and_private(tmp_path: Path) -> None:
    file = tmp_path / "document"
    save(DOCUMENT, file)
    assert gzip.decompress(file.read_bytes()).decode() == DOCUMENT.text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load(file) == DOCUMENT


def test_equal_documents_make_equal_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(DOCUMENT, tmp_path / "first")
    monkeypatch.setattr("time.time", lambda: 5.0)
    save(DOCUMENT, tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (
        tmp_path / "second"
    ).read_bytes()


def test_failed_save_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "document"
    save(DOCUMENT, file)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DocumentError, match="No space left on device"):
        save(Document({}), file)
    assert load(file) == DOCUMENT
    assert list(tmp_path.iterdir()) == [file]


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "document"
    save(DOCUMENT, file)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(
        DocumentError, match=r"cannot be read .*restore its last good copy"
    ):
        load(file)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "it is not JSON"),
        ("[]", "_format_version is not 3.0"),
        ('{"_format_version":"1.1"}', "_format_version is not 3.0"),
        ('{"_format_version":"3.0","vaults":[]}', "vaults is not a kind"),
        ('{"_format_version":"3.0","services":{}}', "services is not a list"),
        (
            '{"_format_version":"3.0","services":[{}]}',
            "an entity of services has no id",
        ),
        (
            '{"_format_version":"3.0","services":[{"id":"a"},{"id":"a"}]}',
            "services has the id a twice",
        ),
        (
            '{"_format_version":"3.0","routes":[{"id":"r","service":"s"}]}',
            "service of r in routes refers to a missing entity",
        ),
        (
            '{"_format_version":"3.0","routes":[{"id":"r","service":{"name":"s"}}]}',
            "service of r in routes is not an id",
        ),
    ],
)
def test_invalid_text_is_refused(
    text: str, problem: str, tmp_path: Path
) -> None:
    file = tmp_path / "document"
    file.write_bytes(gzip.compress(text.encode()))
    with pytest.raises(DocumentError, match=problem):
        load(file)
