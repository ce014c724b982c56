"""Finds decK files whose next sync would delete the entities of stacks.

`deck gateway sync` deletes each entity that its files lack. With `_info.select_tags` it sees only
entities with all these tags.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kong_oam.access.data import JsonObject
from kong_oam.access.settings.adopted import SETTING
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.kong.names import is_tag_of_stacks
from kong_oam.oam.document import read
from kong_oam.oam.position import FilePlace

_SELECT_TAGS = "_info.select_tags"


def sync_findings(files: Iterable[str]) -> Findings:
    """Yield a finding for each decK file whose sync would delete entities of stacks, and for each
    file that cannot be read.

    decK may sync the files together or each alone, so each needs its own tags.
    """
    for file in files:
        place = FilePlace(file, 1, 1)
        try:
            raw = Path(file).read_bytes()
        except OSError as error:
            why = f"{SETTING}.deck: the file cannot be read ({error.strerror}); correct its name"
            yield Diagnostic("ENV428", why, place)
            continue
        yield from sync_findings_in(file, raw)


def sync_findings_in(file: str, raw: bytes) -> Findings:
    """Yield the finding of a decK file with this content."""
    place = FilePlace(file, 1, 1)
    documents, unreadable = read(file, raw)
    if unreadable or not documents or not isinstance(documents[0].data, dict):
        # The reader's finding may quote a credential of the file.
        why = f"the file is no YAML mapping, so its {_SELECT_TAGS} are unknown; correct it"
        yield Diagnostic("ENV428", why, place)
        return
    mistake = missing_tags(_select_tags(documents[0].data))
    if not mistake:
        return
    message = (
        f"{mistake}, so its next `deck gateway sync` deletes the stack's entities in Kong. Tag the "
        "file's entities and sync; then select that tag before this run"
    )
    yield Diagnostic("ENV428", message, place)


def missing_tags(tags: Iterable[str]) -> str:
    """Return why a sync with these tags would delete entities of stacks, or an empty text."""
    listed = [*tags]
    if not listed:
        return f"the file has no {_SELECT_TAGS}"
    if all(map(is_tag_of_stacks, listed)):
        return f"{_SELECT_TAGS} names only tags of stacks"
    return ""


def _select_tags(data: JsonObject) -> list[str]:
    information = data.get("_info")
    if not isinstance(information, dict):
        return []
    tags = information.get("select_tags")
    if not isinstance(tags, list):
        return []
    return [str(tag) for tag in tags if tag]
