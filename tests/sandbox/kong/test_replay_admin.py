"""The Admin API stand-in repeats a real Kong 3.10's answers."""

from __future__ import annotations

import pytest

from sandbox.kong import Kong
from tests.support.sandbox.admin_replay import replay_all

LEAST_REPLAYED = {
    "traffic-official-plugin.jsonl": 1128,
    "admin-edge-cases.jsonl": 726,
}


@pytest.mark.parametrize("name", sorted(LEAST_REPLAYED))
def test_the_admin_api_answers_like_a_real_kong(name: str) -> None:
    """Every recorded exchange about a modelled entity, in order: same status, same body up to ids
    and times."""
    with Kong() as kong:
        replayed = replay_all(name, kong.admin_url)
    assert not replayed.wrong, "\n".join(replayed.wrong.values())
    assert replayed.count >= LEAST_REPLAYED[name]
