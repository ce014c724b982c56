"""The file of a document, and its lock."""

from __future__ import annotations

import gzip
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kong_oam.kong.dbless.document import Document, DocumentError
from kong_oam.kong.dbless.file import DocumentFile

DOCUMENT = Document("prod")


@pytest.fixture
def place(tmp_path: Path) -> DocumentFile:
    return DocumentFile(tmp_path / "document")


def test_saved_file_is_compressed_and_private(place: DocumentFile) -> None:
    assert place.load("prod") is None
    place.save(DOCUMENT)
    assert gzip.decompress(place.path.read_bytes()).decode() == DOCUMENT.text()
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o600
    assert place.load("prod") == DOCUMENT


def test_equal_documents_make_equal_files(
    place: DocumentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.save(DOCUMENT)
    first = place.path.read_bytes()
    monkeypatch.setattr("time.time", lambda: 5.0)
    place.save(DOCUMENT)
    assert place.path.read_bytes() == first


def test_a_save_keeps_the_mode_of_the_file(place: DocumentFile) -> None:
    """Kong may read the file through its group."""
    place.save(DOCUMENT)
    place.path.chmod(0o640)
    place.save(Document("prod"))
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o640


def test_a_link_to_the_file_stays_a_link(
    place: DocumentFile, tmp_path: Path
) -> None:
    """Both names have one lock."""
    place.save(Document("prod"))
    link = tmp_path / "link"
    link.symlink_to(place.path)
    DocumentFile(link).save(DOCUMENT)
    assert link.is_symlink()
    assert place.load("prod") == DOCUMENT
    with (
        place.locked("pulumi up"),
        pytest.raises(DocumentError, match="is in use by 'pulumi up'"),
        DocumentFile(link).locked("pulumi up"),
    ):
        pass


def test_a_full_disk_leaves_no_lock(
    place: DocumentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("json.dump", full)
    with (
        pytest.raises(DocumentError, match="No space left on device"),
        place.locked("pulumi up"),
    ):
        pass
    assert [*place.path.parent.iterdir()] == []


def test_failed_save_leaves_the_old_file(
    place: DocumentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.save(DOCUMENT)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DocumentError, match="No space left on device"):
        place.save(Document("other"))
    assert place.load("prod") == DOCUMENT
    assert [*place.path.parent.iterdir()] == [place.path]


def test_a_truncated_file_is_refused(place: DocumentFile) -> None:
    place.save(DOCUMENT)
    place.path.write_bytes(place.path.read_bytes()[:-9])
    with pytest.raises(
        DocumentError, match=r"cannot be decompressed .*last good copy"
    ):
        place.load("prod")


def test_another_stacks_file_is_refused(place: DocumentFile) -> None:
    place.save(DOCUMENT)
    with pytest.raises(DocumentError, match="belongs to the stack 'prod'"):
        place.load("test")


def test_one_command_at_a_time_holds_the_document(place: DocumentFile) -> None:
    with (
        place.locked("pulumi up"),
        pytest.raises(
            DocumentError,
            match=rf"in use by 'pulumi up' \(process {os.getpid()} on",
        ),
        place.locked("pulumi destroy"),
    ):
        pass
    with place.locked("pulumi destroy"):
        pass


def test_only_the_lock_of_a_dead_command_is_freed(place: DocumentFile) -> None:
    assert place.free() is None
    with (
        place.locked("pulumi up"),
        pytest.raises(DocumentError, match="which may still run"),
    ):
        place.free()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock = place.path.with_name("document.lock")
    with place.locked("pulumi up"):
        holder = {**place.holder(), "process": dead.pid}
    lock.write_text(json.dumps({**holder, "host": "elsewhere"}))
    with pytest.raises(DocumentError, match="on elsewhere"):
        place.free()
    lock.write_text(json.dumps(holder))
    freed = place.free()
    assert freed and "'pulumi up'" in freed
    assert place.free() is None
