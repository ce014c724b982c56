"""The official plugin's recorded requests get the same answers from the Okta stand-in."""

import pytest

from tests.support.sandbox.okta_description import description
from tests.support.sandbox.okta_org import Admin, new_okta
from tests.support.sandbox.okta_recording import NOT_COMPARED, Replay, exchanges

REPLAYED = 1049
VALUES_AT_LEAST = 8130


@pytest.mark.deep
def test_the_official_plugins_whole_life_cycle_is_answered_as_recorded() -> (
    None
):
    """Same status, and every recorded member with the same value, apart from the listed members;
    described answers conform."""
    faults: list[str] = []

    def conforms(method: str, path: str, status: int, body: object) -> None:
        if description().responses(method, path) is not None:
            faults.extend(
                f"{method} {path}: {error}"
                for error in description().errors(method, path, status, body)
            )

    with new_okta(groups=(), users=()) as okta:
        replay = Replay(Admin(okta.url))
        replay.admin.make(
            "groups",
            {
                "profile": {
                    "name": "team-legacy",
                    "description": "An existing group",
                }
            },
        )
        replay.admin.observe = conforms
        step = ""
        for exchange in exchanges():
            if exchange["step"] != step:
                step = exchange["step"]
                replay.drift(step)
                replay.prepare(step)
            replay.play(exchange)
        objects = {
            kind: okta.objects(kind)
            for kind in (
                "authorizationServers",
                "apps",
                "policies",
                "rules",
                "assignments",
            )
        }
    print(dict(replay.counts))
    print(f"not compared: {NOT_COMPARED}")
    assert replay.differences == []
    assert faults == []
    assert (replay.counts["replayed"], replay.counts["same"]) == (
        REPLAYED,
        REPLAYED,
    )
    assert replay.counts["values compared"] >= VALUES_AT_LEAST
    assert set(map(len, objects.values())) == {0}
