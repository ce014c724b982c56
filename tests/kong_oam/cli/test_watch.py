"""`check --watch`: an answer after every save, which reads only changed files."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kong_oam.cli import watch as watching
from kong_oam.cli.command import UsageError
from kong_oam.cli.console import Console
from kong_oam.cli.watch import watch
from kong_oam.oam.application import NO_OWN_TYPES, Reading, ReadOne
from kong_oam.oam.files import files_of
from tests.support.cli import Cli
from tests.support.projects import replace_once
from tests.support.repository import ROOT
from tests.support.streams import Capsys

ORDERS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders, ports: [{port: 8080}]}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: Read}
            rules: [{methods: [GET], scopes: [read]}]
            roles: {viewer: {scopes: [read], groups: [sales, desk], components: [shop/checkout]}}
"""
SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, annotations: {owner: team-shop}}
spec:
  components:
    - name: checkout
      type: worker
      properties: {image: checkout}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}
"""
HELLO = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: hello, annotations: {owner: team-hello}}
spec:
  components: [{name: world, type: worker, properties: {image: hello}}]
"""
STACK = """\
config:
  kong-oam:cloud: local
  kong-oam:asOf: "2026-11-25"
  kong-oam:gateway: {namespace: kong, podLabels: {app: kong}}
  kong-oam:identityProviders: [{name: okta, type: okta}]
"""
ORDERS_FILE = Path("applications/orders.yaml")
SHOP_FILE = Path("applications/shop.yaml")
HELLO_FILE = Path("applications/hello.yaml")
STACK_FILE = Path("stacks/Pulumi.local.yaml")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project of these three Applications, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for folder in ("applications", "stacks"):
        Path(folder).mkdir()
    ORDERS_FILE.write_text(ORDERS)
    SHOP_FILE.write_text(SHOP)
    HELLO_FILE.write_text(HELLO)
    STACK_FILE.write_text(STACK)


def by_moving(path: Path, old: str, new: str) -> None:
    """Save by moving a new file into place, as some editors do."""
    other = path.with_suffix(".swp")
    other.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    other.replace(path)


# The loop: files that are read again, and the time


def watched(
    monkeypatch: pytest.MonkeyPatch, *saves: Callable[[], object]
) -> list[list[str]]:
    """Return the files that are read for each answer: the first answer, and an answer after each
    save."""
    read: list[str] = []
    answers: list[list[str]] = []
    todo = [*saves]
    monkeypatch.setattr(
        watching,
        "read_file",
        lambda file, name, own: read.append(name) or Reading((), ()),
    )

    def answer(read_one: ReadOne) -> None:
        read.clear()
        for file, problem in files_of(["applications"], Path()):
            assert problem or isinstance(
                read_one(file, str(file), frozenset()), Reading
            )
        answers.append([*read])
        if not todo:
            raise KeyboardInterrupt
        todo.pop(0)()

    def files() -> list[Path]:
        return [
            file for file, _ in files_of([STACK_FILE, "applications"], Path())
        ]

    assert watch(files, lambda: None, answer, Console(io.StringIO())) == 0
    return answers


def test_only_changed_files_are_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Changed in place and by moving, with the same size, with an older time. Also new and moved
    files, and the stack's file."""
    everything = sorted(map(str, Path("applications").glob("*.yaml")))
    new = Path("applications/deep/new.yml")

    def add() -> None:
        new.parent.mkdir()
        new.write_text("a: 1\n")

    def same_size_and_time() -> None:
        about = HELLO_FILE.stat()
        replace_once(HELLO_FILE, "owner: team-hello", "owner: team-hallo")
        os.utime(HELLO_FILE, ns=(about.st_atime_ns, about.st_mtime_ns))

    saves: list[tuple[Callable[[], object], list[str]]] = [
        (
            lambda: replace_once(
                ORDERS_FILE, "owner: team-orders", "owner: team-sales"
            ),
            [str(ORDERS_FILE)],
        ),
        (
            lambda: by_moving(
                SHOP_FILE, "owner: team-shop", "owner: team-sales"
            ),
            [str(SHOP_FILE)],
        ),
        (same_size_and_time, [str(HELLO_FILE)]),
        (add, [str(new)]),
        (
            lambda: new.rename("applications/moved.yaml"),
            ["applications/moved.yaml"],
        ),
        (lambda: Path("applications/moved.yaml").unlink(), []),
        (lambda: STACK_FILE.touch(), []),
        (lambda: ORDERS_FILE.touch(), [str(ORDERS_FILE)]),
    ]
    answers = watched(monkeypatch, *(save for save, _ in saves))
    assert answers == [everything, *(read for _, read in saves)]


@pytest.mark.deep
def test_a_file_is_read_when_it_is_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file that is emptied first, or missing for a moment, causes one answer."""
    steps: list[Callable[[], object]] = []

    def settle(seconds: float) -> None:
        if seconds == watching.SETTLE_SECONDS and steps:
            steps.pop(0)()

    def empty() -> None:
        ORDERS_FILE.write_text("")
        steps.extend(
            [
                lambda: ORDERS_FILE.write_text(ORDERS[:300]),
                lambda: ORDERS_FILE.write_text(f"{ORDERS}# saved\n"),
            ]
        )

    def away() -> None:
        ORDERS_FILE.rename("aside")
        steps.append(lambda: Path("aside").rename(ORDERS_FILE))

    monkeypatch.setattr(watching.time, "sleep", settle)
    assert watched(monkeypatch, empty, away)[1:] == [
        [str(ORDERS_FILE)],
        [str(ORDERS_FILE)],
    ]
    assert steps == []


def test_a_file_that_always_changes_is_read_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a second."""
    monkeypatch.setattr(
        watching.time,
        "sleep",
        lambda _: ORDERS_FILE.write_text(f"{ORDERS_FILE.read_text()}#\n"),
    )
    assert str(ORDERS_FILE) in watched(monkeypatch)[0]


def test_another_list_of_custom_types_invalidates_the_cache() -> None:
    """A type may change its meaning between two saves of an unchanged Application."""
    files = [file for file, _ in files_of(["applications"], Path())]
    read_one = watching._reader(watching._snapshot(files), {})
    readings = [
        read_one(ORDERS_FILE, str(ORDERS_FILE), own)
        for own in (
            NO_OWN_TYPES,
            NO_OWN_TYPES,
            frozenset({("component", "webservice")}),
        )
    ]
    assert readings[0] is readings[1]
    assert [
        any(
            part.plain
            for app in reading.applications
            for part in app.components
        )
        for reading in readings[1:]
    ] == [
        True,
        False,
    ]


def test_a_later_error_does_not_end_it(
    capsys: Capsys,
) -> None:
    """The first error ends it, such as a missing stack."""
    out, answers = io.StringIO(), [None, UsageError("no stack"), None]

    def answer(_: ReadOne) -> None:
        ORDERS_FILE.touch()
        if not answers:
            raise KeyboardInterrupt
        if error := answers.pop(0):
            raise error

    assert watch(lambda: [ORDERS_FILE], lambda: None, answer, Console(out)) == 0
    assert capsys.readouterr().err == "no stack\n"
    assert out.getvalue().count("waiting for the next save") == 3
    answers.append(UsageError("no stack"))
    with pytest.raises(UsageError):
        watch(lambda: [ORDERS_FILE], lambda: None, answer, Console(out))


class Terminal(io.StringIO):
    """A text stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("out", "term", "cleared"),
    [
        (Terminal(), "xterm", 1),
        (Terminal(), "dumb", 0),
        (io.StringIO(), "xterm", 0),
    ],
)
def test_only_a_terminal_is_cleared(
    out: io.StringIO, term: str, cleared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file keeps every answer."""
    monkeypatch.setenv("TERM", term)

    def answer(_: ReadOne) -> None:
        raise KeyboardInterrupt

    watch(lambda: [ORDERS_FILE], lambda: None, answer, Console(out))
    assert out.getvalue().count("\x1b[2J") == cleared


def test_json_is_for_one_answer(cli: Cli) -> None:
    failure = cli.json("check", "--watch", "--json", status=2)
    assert failure["error"] == "use --json or --watch, not both"


# The command itself


@pytest.fixture
def started() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-u", "-m", "kong_oam", "check", "--watch"]
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        yield process
        process.kill()


def printed_answer(process: subprocess.Popen[str]) -> list[str]:
    """Return the next answer without excerpts and without its last line."""
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        if "waiting for the next save" in line:
            return lines
        if " | " not in line:
            lines.append(line.rstrip("\n"))
    raise AssertionError(lines)


def test_every_save_is_answered_until_ctrl_c(
    started: subprocess.Popen[str],
) -> None:
    """Saves of an Application, the stack, its list of groups, its names of Applications. Ctrl-C
    ends the command in one line, with status 0."""
    fine = ["3 application(s), 3 component(s): no errors"]
    assert printed_answer(started) == fine
    replace_once(ORDERS_FILE, "type: access", "type: acces")
    wrong = printed_answer(started)
    assert wrong[0].startswith(
        "applications/orders.yaml:12:17: error OAM104: unknown trait type 'acces'; did you mean"
    )
    assert "error(s); nothing can be deployed" in wrong[-1]
    by_moving(ORDERS_FILE, "type: acces", "type: access")
    assert printed_answer(started) == fine
    Path("applications/hello.yaml").rename("hello.yaml")
    assert printed_answer(started) == [
        "2 application(s), 2 component(s): no errors"
    ]
    replace_once(
        STACK_FILE,
        "config:\n",
        "config:\n  kong-oam:applications: [applications, hello.yaml]\n",
    )
    assert printed_answer(started) == fine
    Path("stacks/groups.yaml").write_text("- sales\n- desk\n")
    assert printed_answer(started) == fine
    replace_once(
        STACK_FILE,
        "config:\n",
        "config:\n  kong-oam:knownGroups: groups.yaml\n",
    )
    assert printed_answer(started) == fine
    Path("stacks/groups.yaml").write_text("- sales\n")
    assert "`knownGroups` has no 'desk'" in printed_answer(started)[0]
    Path("stacks/groups.yaml").write_text("- sales\n- desk\n")
    assert printed_answer(started) == fine
    replace_once(
        STACK_FILE, "knownGroups: groups.yaml", "knownGroups: groups.txt"
    )
    assert printed_answer(started)[0].startswith(
        "stack 'local': kong-oam:knownGroups: stacks/groups.txt cannot be read"
    )
    Path("stacks/groups.txt").write_text("- sales\n")
    assert "`knownGroups` has no 'desk'" in printed_answer(started)[0]
    Path("stacks/groups.txt").write_text("- sales\n- desk\n")
    assert printed_answer(started) == fine
    replace_once(
        Path("hello.yaml"), "metadata: ", "metadata: {name: a}\nmetadata: "
    )
    assert printed_answer(started)[0].startswith(
        "hello.yaml:4:1: error OAM106: key 'metadata' occurs twice"
    )
    STACK_FILE.write_text("config: {}\n")
    assert printed_answer(started)[0].startswith(
        "stack 'local' cannot be used; correct stacks/Pulumi.local.yaml"
    )
    started.send_signal(signal.SIGINT)
    assert started.wait(20) == 0
    assert started.stdout
    assert started.stdout.read().strip() == "stopped"


def test_a_missing_stack_is_wrong_usage(
    cli: Cli,
) -> None:
    """At once, as without `--watch`."""
    assert "lokal" in cli.error("check", "--watch", "--stack", "lokal")
