"""The Admin API of `kong-oam dbless` repeats a real Kong 3.10's answers with PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dbless import nodes, writable
from tests.support.sandbox.admin_replay import Replayed, replay_all

# A refused deletion of a certificate removes its SNIs in PostgreSQL. Here it changes nothing.
KEPT_SNIS = {945}
PORTS = "a Target without a port gets none"
WORDS = "other words, or another reason with the same status"
UNNAMED = "names that no entity has are not checked"
HTTP = "methods and paths that nobody sends"
OTHERWISE = {
    **dict.fromkeys((292, 430, 431, 879), PORTS),
    **dict.fromkeys((179, 180, 477, 510, 546, 594, 670, 719, 720), WORDS),
    **dict.fromkeys((375, 814), UNNAMED),
    **dict.fromkeys((754, 755, 762, 763, 764, 774, 775, 776), HTTP),
    **dict.fromkeys((806, 815, 816), HTTP),
}


def _replayed(name: str, folder: Path) -> Replayed:
    with (
        nodes(2) as standing,
        writable(standing, folder / "document") as address,
    ):
        return replay_all(name, address)


@pytest.mark.deep
def test_the_official_plugin_gets_the_same_answers(tmp_path: Path) -> None:
    replayed = _replayed("traffic-official-plugin.jsonl", tmp_path)
    assert {*replayed.wrong} == KEPT_SNIS, "\n".join(replayed.wrong.values())
    assert replayed.count >= 1128


@pytest.mark.deep
def test_edge_cases_get_the_same_answers(tmp_path: Path) -> None:
    replayed = _replayed("admin-edge-cases.jsonl", tmp_path)
    assert {*replayed.wrong} == {*OTHERWISE}, "\n".join(replayed.wrong.values())
    assert replayed.count >= 726
