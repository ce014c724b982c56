"""`new` on a terminal: its questions, valid answers, and its end."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from tests.support.projects import copy_sample
from tests.support.streams import Capsys

BILLING = Path("applications/billing.yaml")
INVOICES = {
    "app": "billing",
    "component": "invoices",
    "client": "",
    "type": "",
    "image": "registry.example.com/billing:1.0",
    "owner": "team-billing",
    "port": "",
    "domain": "",
    "path": "",
    "groups": "",
    "callers": "",
    "calls": "",
}
"""Answers in the order of the questions. An empty answer selects the default."""


UNASKED = dict.fromkeys(("port", "domain", "path", "groups", "callers"))
"""Questions that do not apply to a worker, which has no endpoint."""


def invoices(**others: str | None) -> list[str]:
    """Return the answers with some replaced. None removes an answer."""
    answers = {**INVOICES, **others}.values()
    return [answer for answer in answers if answer is not None]


Typed = Callable[..., int]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample estate in the working directory."""
    copy_sample(tmp_path)
    monkeypatch.chdir(tmp_path)


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)


@pytest.fixture
def questions() -> list[str]:
    """The questions in the order in which they are asked."""
    return []


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, questions: list[str]) -> Typed:
    """Run `new` on a terminal with these typed answers, and then Ctrl-D. Return the exit status."""

    def run(*answers: str, flags: tuple[str, ...] = ()) -> int:
        remaining: Iterator[str] = iter(answers)

        def question(text: str) -> str:
            questions.append(text)
            answer = next(remaining, None)
            if answer is None:
                raise EOFError
            return answer

        monkeypatch.setattr("builtins.input", question)
        on_a_terminal(monkeypatch)
        status = main(["new", *flags])
        assert next(remaining, None) is None, f"not asked for: {questions[-1]}"
        return status

    monkeypatch.setenv("NO_COLOR", "1")
    return run


def test_it_prompts_for_missing_answers(
    typed: Typed, questions: list[str]
) -> None:
    """Including the callers, with the meaning of an empty answer. An empty answer selects the
    default in brackets."""
    assert (
        typed(
            *invoices(
                groups="sales",
                callers="shop/web shop/checkout:write",
                calls="orders/api:orders.read",
            )
        )
        == 0
    )
    assert questions == [
        "Application: ",
        "Component: ",
        "Client: service, web, browser, native, external (empty: service if it calls components, else none): ",
        "webservice, or worker (without an endpoint) [webservice]: ",
        "Image: ",
        "Team that is responsible for its access: ",
        "Port [8080]: ",
        "Domain (empty: a domain of the stack): ",
        "Path in the domain, with all paths below [/]: ",
        "Groups whose users may call it, with commas (known: order-desk, sales; empty: no users): ",
        "Components that may call it: APP/COMPONENT to read, APP/COMPONENT:write to change (clients: "
        "desk/bot, reports/console, reports/renderer, shop/checkout, shop/web; empty: none yet): ",
        "Calls to other components, as APP/COMPONENT:SCOPE[,SCOPE] (offered: desk/mcp:tickets.read,tickets.use,tickets.write, orders/api:orders.read,orders.write, "
        "reports/library:reports.audit,reports.publish,reports.read; empty: none): ",
    ]
    text = BILLING.read_text("utf-8")
    assert "http: {/: 8080}\n" in text and "domain" not in text
    assert (
        "components: [shop/web]\n" in text
        and "components: [shop/checkout]\n" in text
    )
    assert main(["check"]) == 0


def test_with_all_required_flags_it_asks_nothing(
    typed: Typed, questions: list[str]
) -> None:
    """A command from a page or a note does the same on a terminal."""
    flags = (
        "--app",
        "billing",
        "--component",
        "nightly",
        "--type",
        "worker",
        "--image",
        "x",
        "--owner",
        "team-billing",
    )
    assert typed(flags=flags) == 0
    assert questions == []


@pytest.mark.parametrize(
    ("answers", "not_asked"),
    [
        (
            (
                "service",
                "worker",
                "x",
                "team-billing",
                "orders/api:orders.read",
            ),
            ("Port", "Domain", "Path", "Groups"),
        ),
        (
            (
                "browser",
                "",
                "x",
                "team-billing",
                "",
                "",
                "",
                "orders/api:orders.read",
            ),
            ("Groups", "Components"),
        ),
        (
            ("native", "team-billing", "", "com.example.app:/cb"),
            ("Image", "Port", "Domain", "worker (nobody", "Groups"),
        ),
        (
            (
                "external",
                "team-billing",
                "",
                "https://partner.example.com/keys",
            ),
            ("Image", "Port", "Components"),
        ),
    ],
    ids=["worker", "browser", "native", "external"],
)
def test_it_asks_no_irrelevant_question(
    typed: Typed,
    questions: list[str],
    answers: tuple[str, ...],
    not_asked: tuple[str, ...],
) -> None:
    """For a component of this type, and a client of this kind."""
    assert (
        typed(*answers, flags=("--app", "billing", "--component", "app")) == 0
    )
    assert [
        question for question in questions if question.startswith(not_asked)
    ] == []
    assert main(["check"]) == 0


@pytest.mark.parametrize(
    ("question", "wrong", "expected"),
    [
        ("app", "Billing", "invalid name 'Billing': write lower-case letters, digits, and dashes between them"),
        ("client", "browsr", "unknown client 'browsr'; did you mean 'browser'?"),
        ("image", "", "this question needs an answer"),
        ("port", "eighty", "invalid port 'eighty': write a number up to 65535"),
        ("callers", "shop/checkout:rwite", "invalid caller 'shop/checkout:rwite': write APP/COMPONENT or APP/COMPONENT:write"),
        ("callers", "shop/checkot", "unknown client 'shop/checkot'; did you mean 'shop/checkout'?"),
        ("calls", "orders/api", "invalid call 'orders/api': write APP/COMPONENT:SCOPE"),
        ("component", "\x1b[31mx", "invalid name '?[31mx'"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_asked_for_again(
    typed: Typed,
    questions: list[str],
    question: str,
    wrong: str,
    expected: str,
    capsys: Capsys,
) -> None:
    """At once. The other answers stay."""
    answers = invoices(groups="sales")
    number = [*INVOICES].index(question)
    answers.insert(number, wrong)
    assert typed(*answers) == 0
    assert expected in capsys.readouterr().err
    assert questions[number] == questions[number + 1]
    assert len(questions) == len({*questions}) + 1
    assert BILLING.exists()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"app": "orders", "component": "api"}, "'orders/api' exists already (applications/orders.yaml:7:7): choose another --component"),
        ({"domain": "not a host"}, 'domain: "not a host" does not match'),
        ({"path": "/a;b"}, "error ACC213: "),
        ({"callers": "shop/web"}, "'shop/web' calls for its users: add --group with a group of these users"),
        ({"calls": "orders/api:orders.reed"}, "scope 'orders.reed' is not declared by this component"),
        ({"component": "api"}, "error OAM107: "),
        ({"client": "web", "type": "worker", **UNASKED}, "error ACC210: "),
        ({"app": "shop", "type": "worker", **UNASKED}, "'team-shop' owns components"),
    ],
)  # fmt: skip
def test_a_component_that_cannot_be_written_is_rejected(
    typed: Typed,
    changes: dict[str, str | None],
    expected: str,
    capsys: Capsys,
) -> None:
    """With the answers as flags, so that nobody types them again."""
    assert typed(*invoices(**changes)) == 2
    error = capsys.readouterr().err
    assert expected in error and "\nyour answers, as flags: --app " in error
    assert not BILLING.exists()


def test_answers_as_flags_write_the_same(typed: Typed, capsys: Capsys) -> None:
    """All typed answers, and the defaults."""
    answers = invoices(
        component="api",
        groups="sales, order-desk",
        callers="shop/web shop/checkout:write",
        calls="orders/api:orders.read",
    )
    assert typed(*answers) == 2
    flags = (
        capsys.readouterr()
        .err.rpartition("your answers, as flags: ")[2]
        .split()
    )
    assert (
        typed(
            flags=(
                "--component",
                "invoices",
                *[flag for flag in flags if flag not in ("--component", "api")],
            )
        )
        == 0
    )
    text = BILLING.read_text("utf-8")
    assert (
        "sales, order-desk" in text
        and "[shop/web]" in text
        and "[shop/checkout]" in text
    )
    assert main(["check"]) == 0


def test_calls_to_missing_applications_are_accepted_without_a_stack(
    typed: Typed, capsys: Capsys
) -> None:
    """A component of an Application that was read must exist."""
    shutil.rmtree("stacks")
    assert typed(*invoices(calls="orders/apu:orders.read")) == 2
    assert "'orders/apu' offers no scopes" in capsys.readouterr().err
    assert typed(*invoices(calls="payments/api:payments.read")) == 0
    printed = capsys.readouterr()
    assert "ask its team to add billing/invoices to a role" in printed.out


def test_an_existing_path_is_rejected(typed: Typed, capsys: Capsys) -> None:
    """For example a folder without an Application."""
    BILLING.mkdir()
    (BILLING / "notes.txt").touch()
    assert typed(*invoices()) == 2
    assert (
        "applications/billing.yaml exists already; new does not overwrite files"
        in capsys.readouterr().err
    )


BELOW = invoices(domain="orders.example.com", path="/orders/invoices")


def test_findings_of_the_new_text_are_shown(
    typed: Typed, capsys: Capsys
) -> None:
    """And it is not written, unless --anyway is set."""
    assert typed(*BELOW) == 2
    assert (
        "warning ACC219: orders.example.com/orders/invoices lies below /orders"
        in capsys.readouterr().err
    )
    assert typed(*BELOW, flags=("--anyway",)) == 0
    assert "/orders/invoices: 8080" in BILLING.read_text("utf-8")


@pytest.mark.parametrize(
    "signal_name", ["edited", "removed", "moved behind a link", "unreadable"]
)
def test_a_file_that_changes_during_the_dialogue_stays(
    signal_name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """Then nothing is written, not even the new file."""
    shop, outside = Path("applications/shop.yaml"), Path("shop.yaml")
    answers = iter(["team-billing"])

    def saved_meanwhile(_: str) -> str:
        if signal_name == "edited":
            shop.write_text(
                shop.read_text("utf-8").replace(
                    "orders.read, orders.write", "orders.read"
                )
            )
        elif signal_name == "unreadable":
            shop.write_bytes(b"\xff")
        else:
            shop.rename(outside)
        if signal_name == "moved behind a link":
            shop.symlink_to(outside.resolve())
        return next(answers)

    before = {
        file: file.read_bytes() for file in Path("applications").iterdir()
    }
    flags = [
        *(
            "--app",
            "billing",
            "--component",
            "invoices",
            "--image",
            "x",
            "--group",
            "sales",
            "--port",
            "80",
        )
    ]
    flags += [
        "--domain",
        "b.example.com",
        "--caller",
        "shop/web",
        "--calls",
        "orders/api:orders.read",
    ]
    flags += ["--client", "service", "--path", "/", "--type", "webservice"]
    on_a_terminal(monkeypatch)
    monkeypatch.setattr("builtins.input", saved_meanwhile)
    assert main(["new", *flags]) == 2
    message = "applications/shop.yaml changed during the command; nothing was written: run the command again\n"
    assert capsys.readouterr().err == message
    after = {
        file: file.read_bytes()
        for file in Path("applications").iterdir()
        if file != shop
    }
    assert after == {
        file: content for file, content in before.items() if file != shop
    }


@pytest.mark.parametrize("after", [0, 3, 11])
def test_at_the_end_of_input_nothing_is_written(
    typed: Typed, after: int, capsys: Capsys
) -> None:
    """With a message of one line."""
    assert typed(*invoices()[:after]) == 2
    assert capsys.readouterr().err == "no more answers; nothing was written\n"
    assert not BILLING.exists()


def test_an_interrupted_question_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: Capsys
) -> None:
    """Without a traceback."""

    def interrupted(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    on_a_terminal(monkeypatch)
    assert main(["new"]) == 2
    assert capsys.readouterr().err == "no more answers; nothing was written\n"


DIALOGUE = """
Client: service, web, browser, native, external (empty: service if it calls components, else none):
webservice, or worker (without an endpoint) [webservice]:
Image: registry.example.com/billing:1.0
Team that is responsible for its access: team-billing
Port [8080]: 8o80
invalid port '8o80': write a number up to 65535
Port [8080]:
Domain (empty: a domain of the stack): billing.example.com
Path in the domain, with all paths below [/]:
Groups whose users may call it, with commas (known: order-desk, sales; empty: no users): sales
Components that may call it: APP/COMPONENT to read, APP/COMPONENT:write to change (clients: desk/bot, reports/console, reports/renderer, shop/checkout, shop/web; empty: none yet): shop/web
Calls to other components, as APP/COMPONENT:SCOPE[,SCOPE] (offered: desk/mcp:tickets.read,tickets.use,tickets.write, orders/api:orders.read,orders.write, reports/library:reports.audit,reports.publish,reports.read; empty: none):
applications/shop.yaml: extended
"""


def test_a_terminal_shows_each_question_in_order(
    typed: Typed,
    questions: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capsys,
) -> None:
    """The typed answers follow the questions. A terminal shows both streams as one."""
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    dialogue_text = DIALOGUE.strip().splitlines()
    starts = (
        "Client",
        "webservice",
        "Image",
        "Team",
        "Port",
        "Domain",
        "Path",
        "Groups",
        "Components",
        "Calls",
        "Write",
    )
    lines = [line for line in dialogue_text if line.startswith(starts)]
    dialogue = [
        (line[:-1], "") if line.endswith(":") else line.rpartition(": ")[::2]
        for line in lines
    ]
    assert (
        typed(
            *(answer for _, answer in dialogue),
            flags=("--app", "billing", "--component", "invoices"),
        )
        == 0
    )
    assert questions == [f"{question}: " for question, _ in dialogue]
    assert capsys.readouterr().out.startswith(
        "\n".join(line for line in dialogue_text if line not in lines)
    )


def test_a_script_gets_no_question(
    typed: Typed, questions: list[str], capsys: Capsys
) -> None:
    """Nor does a command with --json, whose output a question would disturb."""
    assert typed(flags=("--app", "billing", "--json")) == 2
    assert questions == []
    failure = json.loads(capsys.readouterr().out)
    missing = "missing --component, --image, --owner, --port"
    assert failure["error"].startswith(missing)
