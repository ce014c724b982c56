"""Users' actions beside a plain `up`: flags of the CLI, edits of the state, two runs at once, an
administrator's edits.

Two estates differ in many ways. Any action may be cut off at any point. No caller may be allowed
that both estates deny, and the next plain `up` or `destroy` works from there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.kong.http import Request, Response
from tests.support.checker.check import Report
from tests.support.checker.estates import Client, Part, Shape
from tests.support.checker.runs import Recorder, Run, sandbox
from tests.support.tiers import deep_after

pytestmark = pytest.mark.engine

ONE, TWO = ("one.example.com", "/x", 8080), ("two.example.com", "/x", 8080)
READS, WRITES = ("a.read",), ("a.write",)
A = Part(
    "a",
    "a",
    (ONE,),
    (("/x", "GET", READS), ("/x", "POST", WRITES), ("/x/health", "GET", ())),
    scopes=READS + WRITES,
)
B = Part("b", "b", (TWO,), (("/x", "GET", ("b.read",)),), scopes=("b.read",))
JOB = Client("job", (("a", "a.read"), ("a", "a.write"), ("b", "b.read")))
SITE = Client("site", (("a", "a.read"), ("a", "a.write")), users=True)
BEFORE = Shape((A, B), (JOB, SITE))
NEXT = replace(
    A,
    rules=(
        ("/x", "GET", ()),
        ("/x", "POST", READS),
        ("/x/health", "GET", READS),
    ),
    scopes=READS,
    version=2,
)
AFTER = Shape(
    (
        NEXT,
        replace(
            B,
            rules=(("/x", "GET", WRITES), ("/x", "POST", ())),
            scopes=("b.read", *WRITES),
            version=2,
        ),
    ),
    (
        Client("job", (("a", "a.read"), ("b", "a.write"))),
        replace(SITE, calls=(("a", "a.read"),)),
    ),
)
"""A scope changes its component, a public path closes and others open, and both components have a
new image."""
SWAPPED = Shape((replace(A, places=(TWO,)), replace(B, places=(ONE,))), (JOB,))
"""The components swap their places."""

GATE, ADMISSION, ROUTE = (
    "**::app/a-8080-gate",
    "**::app/a-8080-admission",
    "**::app/a-protected-1-8080",
)
FLAGS: dict[str, tuple[str, ...]] = {
    "the gate alone": ("--target", GATE),
    "the gate and the Deployment": (
        "--target",
        GATE,
        "--target",
        "**::app/a-deployment",
    ),
    "a route alone": ("--target", "**::app/b-protected-1-8080"),
    "admission and what depends on it": (
        "--target",
        ADMISSION,
        "--target-dependents",
    ),
    "all but the Deployment": ("--exclude", "**::app/a-deployment"),
    "all but admission": ("--exclude", ADMISSION),
    "all but the gate": ("--exclude", GATE),
    "a gate anew": ("--replace", GATE),
    "a route anew": ("--replace", ROUTE),
    "with a refresh": ("--refresh",),
    "with a refresh by the program": ("--refresh", "--run-program"),
}
DESTROYED: dict[str, tuple[str, ...]] = {
    "a route": ("--target", ROUTE),
    "a gate and what depends on it": ("--target", GATE, "--target-dependents"),
    "admission and what depends on it": (
        "--target",
        ADMISSION,
        "--target-dependents",
    ),
    "all but a route": ("--exclude", ROUTE),
    "all that can go": ("--continue-on-error",),
    "with a refresh": ("--refresh",),
    "by the program": ("--run-program",),
}


class Chain:
    """Runs of one stack, each of which is checked at once."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.total = recorder, Report()
        recorder.up("before", BEFORE)

    def add(self, run: Run) -> None:
        found = run.report()
        assert not found.opened, f"{run.name}:\n{found}"
        self.total.add(found)

    def happens(
        self, name: str, action: Callable[[], object], *passed: Shape
    ) -> None:
        self.add(self.recorder.happens(name, action, *passed))

    def run(self, *arguments: str) -> str:
        """Run the CLI on the stack; it may fail."""
        done = self.recorder.stack.pulumi(*arguments, check=False)
        return done.stdout + done.stderr

    def urn(self, name: str) -> str:
        (found,) = (
            resource["urn"]
            for resource in self.recorder.stack.state()
            if resource["urn"].endswith(f"::{name}")
        )
        return str(found)


def chain(work: Callable[[Chain], None]) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        with sandbox() as local:
            made = Chain(Recorder.on(local, folder / "project"))
            work(made)
            assert made.total.reached > 50

    return run


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "after", [AFTER, SWAPPED], ids=["rules and images", "places"]
)
@pytest.mark.parametrize("name", deep_after(0, FLAGS))
def test_no_flag_of_up_opens(tmp_path: Path, name: str, after: Shape) -> None:
    """A plain `up` completes the change afterwards."""

    @chain
    def work(chain: Chain) -> None:
        chain.add(chain.recorder.up(name, after, *FLAGS[name]))
        chain.add(chain.recorder.up("all of it", after))

    work(tmp_path)


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", DESTROYED)
def test_no_flag_of_destroy_opens(tmp_path: Path, name: str) -> None:
    """A plain `destroy` completes the change afterwards."""

    @chain
    def work(chain: Chain) -> None:
        chain.add(chain.recorder.destroy(name, *DESTROYED[name]))
        chain.add(chain.recorder.destroy("all of it"))

    work(tmp_path)


def _refusing(
    recorder: Recorder,
    refused: Callable[[Request], bool],
    action: Callable[[], Run],
) -> Run:
    def answered(
        request: Request, answer: Callable[[], Response]
    ) -> Response | None:
        return (
            Response(500, (), b"{}")
            if request.method != "GET" and refused(request)
            else answer()
        )

    recorder.stack.local.kong.faults = answered
    try:
        return action()
    finally:
        recorder.stack.local.kong.faults = None


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "role", deep_after(1, ["pre-function", "post-function", "jwt"])
)
def test_a_failed_guard_opens_nothing_while_the_rest_continues(
    tmp_path: Path, role: str
) -> None:
    """`--continue-on-error`: Kong rejects every change of the component's guards of one kind."""

    @chain
    def work(chain: Chain) -> None:
        recorder = chain.recorder
        guard = recorder.stack.plugin(role, "kong-oam.local.app.a.8080")["id"]

        def up() -> Run:
            return recorder.up(role, AFTER, "--continue-on-error")

        chain.add(
            _refusing(recorder, lambda request: guard in request.target, up)
        )
        chain.add(recorder.up("all of it", AFTER))

    work(tmp_path)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("nth", deep_after(0, range(1, 16)))
def test_a_run_may_fail_at_any_request(tmp_path: Path, nth: int) -> None:
    """Deploy the next estate with a failing request, and then again without a pause."""

    @chain
    def work(chain: Chain) -> None:
        chain.add(chain.recorder.failing("after", AFTER, nth))

    work(tmp_path)


OVER_TLS = BEFORE.changed("a", tls=True)
"""A workload speaks https from now on: its gateway has another service, with its own guards."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("to", "nth"),
    deep_after(
        0, [(to, nth) for nth in range(1, 11) for to in ("tls", "clear")]
    ),
)
def test_a_switch_to_tls_may_fail_at_any_request(
    tmp_path: Path, to: str, nth: int
) -> None:
    """Switch to TLS and back: no moment mixes both, and no wrong rules allow a caller. A Kong that
    rejects one request has the same effect as a killed run."""

    @chain
    def work(chain: Chain) -> None:
        if to == "clear":
            chain.add(chain.recorder.up("over to TLS", OVER_TLS))
        after = OVER_TLS if to == "tls" else BEFORE
        chain.add(
            chain.recorder.failing(
                "switched",
                after.with_parts(replace(after.parts[0], rules=NEXT.rules), B),
                nth,
            )
        )

    work(tmp_path)


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "name",
    ["app/a-protected-1-8080", "app/a-8080-gate", "app/a-8080-admission"],
)
def test_resources_deleted_from_the_state_open_nothing(
    tmp_path: Path, name: str
) -> None:
    """`state delete` of one resource and then `destroy`: entities that stay in Kong have no
    address."""

    @chain
    def work(chain: Chain) -> None:
        chain.run(
            "state",
            "delete",
            chain.urn(name),
            "--force",
            "--target-dependents",
            "--yes",
        )
        chain.add(
            chain.recorder.destroy("what is known", "--continue-on-error")
        )

    work(tmp_path)


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_an_import_under_another_name_and_its_deletion_open_nothing(
    tmp_path: Path,
) -> None:
    """Somebody's import makes the gate a second resource that the program does not know: `up`
    deletes it."""

    @chain
    def work(chain: Chain) -> None:
        gate = chain.recorder.stack.plugin(
            "post-function", "kong-oam.local.app.a.8080"
        )["id"]

        def imported() -> None:
            kind = "kong:index/plugin:Plugin"
            output = chain.run(
                "import",
                kind,
                "adopted",
                gate,
                "--yes",
                "--protect=false",
                "--skip-preview",
            )
            assert any(
                resource["urn"].endswith("::adopted")
                for resource in chain.recorder.stack.state()
            ), output
            chain.run("up", "--yes", "--skip-preview")

        chain.recorder.write(AFTER)
        chain.happens("imported", imported)

    work(tmp_path)


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "after", [AFTER, SWAPPED], ids=["rules and images", "places"]
)
def test_an_older_state_put_back_opens_nothing(
    tmp_path: Path, after: Shape
) -> None:
    @chain
    def work(chain: Chain) -> None:
        file = tmp_path / "state.json"
        chain.run("stack", "export", "--file", str(file))
        chain.add(chain.recorder.up("after", after))

        def put_back() -> None:
            chain.run("stack", "import", "--file", str(file))
            chain.run("up", "--yes", "--skip-preview")
            chain.run("up", "--yes", "--skip-preview", "--refresh")

        chain.happens("put back", put_back)

    work(tmp_path)


EDITS: dict[str, tuple[str, str, object]] = {
    "the gate goes": ("DELETE", "/plugins/{post-function}", None),
    "admission goes": ("DELETE", "/plugins/{pre-function}", None),
    "authentication goes": ("DELETE", "/plugins/{jwt}", None),
    "calls without a token pass as the ring": (
        "PATCH",
        "/plugins/{jwt}",
        {"config": {"anonymous": "kong-oam.local.ring.okta"}},
    ),
    "a route takes another host": (
        "PATCH",
        "/routes/kong-oam.local.app.a.8080.protected-1",
        {"hosts": [TWO[0]]},
    ),
    "nowhere is gone": ("DELETE", "/upstreams/kong-oam.local.nowhere", None),
}


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.parametrize("nth", [1, 4])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_by_hand_during_a_run_opens_nothing(
    tmp_path: Path, edit: str, nth: int
) -> None:
    """The edit comes before the first, or the fourth, change that the run makes in Kong."""
    method, path, body = EDITS[edit]

    @chain
    def work(chain: Chain) -> None:
        recorder = chain.recorder
        stack, counted = recorder.stack, 0
        names = {
            kind: stack.plugin(kind, "kong-oam.local.app.a.8080")["id"]
            for kind in ("pre-function", "jwt", "post-function")
        }
        target = path
        for kind, identifier in names.items():
            target = target.replace(f"{{{kind}}}", identifier)

        def edited(
            request: Request, answer: Callable[[], Response]
        ) -> Response | None:
            nonlocal counted
            counted += request.method != "GET"
            if counted == nth and request.method != "GET":
                counted += 100  # the edit is also a request
                stack.kong(method, target, body)
            return answer()

        def up() -> None:
            stack.local.kong.faults = edited
            try:
                chain.run("up", "--yes", "--skip-preview")
            finally:
                stack.local.kong.faults = None
            assert counted >= 100

        recorder.write(AFTER)
        chain.happens(edit, up)

    work(tmp_path)


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.parametrize("late", [1, 4])
def test_two_runs_at_once_open_nothing(tmp_path: Path, late: int) -> None:
    """Somebody takes the lock away from a run in progress, and deploys another estate.

    Images stay the same: if two runs change an image, the later change wins, with any rules of the
    other run.
    """
    first_of_two = AFTER.with_parts(
        *(replace(part, version=1) for part in AFTER.parts)
    )

    @chain
    def work(chain: Chain) -> None:
        recorder = chain.recorder
        kong = recorder.stack.local.kong
        changed, go = threading.Event(), threading.Event()
        counted = 0

        def held(
            request: Request, answer: Callable[[], Response]
        ) -> Response | None:
            nonlocal counted
            counted += request.method != "GET"
            if counted == late and request.method != "GET":
                changed.set()
                go.wait(60)
            return answer()

        def both() -> None:
            first = threading.Thread(
                target=chain.run, args=("up", "--yes", "--skip-preview")
            )
            kong.faults = held
            first.start()
            try:
                assert changed.wait(90)
                chain.run("cancel", "--yes")
                recorder.write(SWAPPED)
                threading.Timer(2.0, go.set).start()
                chain.run("up", "--yes", "--skip-preview")
            finally:
                go.set()
                first.join()
                kong.faults = None

        recorder.write(first_of_two)
        chain.happens("both", both, first_of_two)
        chain.happens(
            "again",
            lambda: chain.run("up", "--yes", "--skip-preview", "--refresh"),
        )

    work(tmp_path)
