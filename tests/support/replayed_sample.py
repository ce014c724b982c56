"""The sample estate with a recorded run, and a log of requests: 3 decisions are wrong, 2 records are
deleted, and nobody used orders.write."""

from __future__ import annotations

from pathlib import Path

from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import dump_model
from kong_oam.cli.estates import read_estate, settings_of
from kong_oam.kong.revisions import revisions
from tests.support.history import write_chain
from tests.support.projects import commit_all, copy_sample, git
from tests.support.recorded_calls import Call, decision, record, write_log

READ = ("orders.read",)
WRITE = ("orders.read", "orders.write")
# The calls of a day, each with its number.
CALLS = (
    (
        Call(
            "GET", "/orders/{n}", "192.0.2.7", "shop/checkout", False, READ, ()
        ),
        800,
    ),
    (
        Call("GET", "/orders", "192.0.2.8", "shop/web", True, READ, ("sales",)),
        150,
    ),
    (Call("GET", "/orders/health", "192.0.2.9", None, False, (), ()), 40),
    (
        Call(
            "DELETE",
            "/orders/{n}",
            "192.0.2.8",
            "shop/web",
            True,
            READ,
            ("sales",),
        ),
        10,
    ),
)
DELETED = (100, 200)
WRONG = (991, 992, 993)


def write_sample(folder: Path) -> None:
    """Write the project into the working directory, which is `folder`."""
    copy_sample(folder)
    git("init", "-q")
    commit_all("before")
    settings = settings_of("local")
    estate = read_estate(None, settings)
    gates = revisions(estate, settings.gateway.edition)
    model = dump_model(model_of(estate, settings)).splitlines()
    write_chain(
        Path("records"),
        {"time": "2026-07-01T10:00:00Z", "model": model, "revisions": gates},
    )
    [(port, revision)] = gates["orders/api"].items()
    listed = []
    made = [call for call, count in CALLS for _ in range(count)]
    for number, call in enumerate(made):
        sent = Call(
            call.method,
            call.path.replace("{n}", str(number)),
            call.address,
            call.caller,
            call.user,
            call.scopes,
            call.groups,
        )
        fields = record(sent, decision(estate, sent), number)
        fields |= {
            "port": port,
            "revision": revision,
            "worker": "41-1790812800123",
            "sequence": number + 1,
        }
        if number in WRONG:
            fields |= {"decision": "allowed", "code": "allowed"}
        if number not in DELETED:
            listed.append(fields)
    write_log(Path("requests.jsonl"), listed)
