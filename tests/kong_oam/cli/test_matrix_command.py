"""`matrix` on the sample estate: its formats, where it is written, and which part."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.access.matrix.sheet import COLUMNS

ROOT = Path(__file__).resolve().parents[3]
PRINCIPALS = [
    "anonymous",
    "reports/console",
    "reports/renderer",
    "shop/checkout",
    "shop/web",
]


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["matrix", *arguments]) == 0
    return capsys.readouterr().out


def cells(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    return list(
        csv.DictReader(
            io.StringIO(asked(capsys, "--format", "csv", *arguments), newline="")
        )
    )


def test_who_what_and_matrix_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON: a row of the matrix is one of `who`; and what a principal may call is the same as in `what`."""
    whole = json.loads(asked(capsys, "--json"))["endpoints"]
    components = sorted({row["component"] for row in whole})
    assert main(["who", "--component", components[0], "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        row for row in whole if row["component"] == components[0]
    ]
    for principal in PRINCIPALS:
        assert main(["what", principal, "--json"]) == 0
        listed = [
            {**row, "usersIn": None} for row in json.loads(capsys.readouterr().out)
        ]
        part = json.loads(asked(capsys, "--json", "--principal", principal))
        ours = [
            {
                **{name: value for name, value in row.items() if name != "principals"},
                "usersIn": None,
            }
            for row in part["endpoints"]
        ]
        assert sorted(map(str, ours)) == sorted(map(str, listed))


def test_csv_has_all_principals(capsys: pytest.CaptureFixture[str]) -> None:
    """In the columns behind those of the endpoint."""
    rows = cells(capsys)
    assert list(rows[0]) == [*COLUMNS, *PRINCIPALS]
    (reading,) = [
        row
        for row in rows
        if row["component"] == "orders/api"
        and row["methods"] == "GET,HEAD"
        and row["but not"]
    ]
    assert [reading[one] for one in PRINCIPALS] == [
        "",
        "",
        "",
        "itself",
        "users in order-desk or sales",
    ]


@pytest.mark.parametrize(
    ("arguments", "components", "principals"),
    [
        (["--component", "orders/api"], {"orders/api"}, ["anonymous", "shop/checkout", "shop/web"]),
        (["--application", "reports"], {"reports/console", "reports/library"}, ["anonymous", "reports/console", "reports/renderer"]),
        (["--application", "orders", "--component", "shop/web"], {"orders/api", "shop/web"}, ["anonymous", "shop/checkout", "shop/web"]),
        (["--principal", "reports/renderer", "--component", "reports/library"], {"reports/library"}, ["reports/renderer"]),
        (["--principal", "anonymous", "--principal", "shop/web", "--component", "orders/api"], {"orders/api"}, ["anonymous", "shop/web"]),
    ],
)  # fmt: skip
def test_a_part_is_asked_for_by_names(
    arguments: list[str],
    components: set[str],
    principals: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Components and Applications together; principals are columns."""
    rows = cells(capsys, *arguments)
    assert {row["component"] for row in rows} == components
    assert list(rows[0])[len(COLUMNS) :] == principals


@pytest.mark.parametrize(
    ("name", "arguments", "begins"),
    [
        ("m.csv", [], "component,owner,host,path,but not,methods,from,anonymous"),
        ("M.HTML", [], "<!doctype html>"),
        ("m.txt", [], "        "),
        ("m.csv", ["--format", "html"], "<!doctype html>"),
    ],
)
def test_a_file_gets_what_its_name_ends_with(
    name: str,
    arguments: list[str],
    begins: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Unless a format is said; and it is what standard output would have got."""
    file = tmp_path / name
    said = asked(capsys, "--output", str(file), *arguments)
    assert said == f"{file}: 12 endpoint(s), 5 principal(s)\n"
    form = (
        arguments[-1]
        if arguments
        else {".csv": "csv", ".html": "html"}.get(file.suffix.lower(), "text")
    )
    assert file.read_bytes().decode() == asked(capsys, "--format", form)
    assert file.read_text("utf-8").startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--principal", "shop/wob"],
            "there is no principal 'shop/wob'; did you mean 'shop/web'?",
        ),
        (
            ["--principal", "anonymus"],
            "there is no principal 'anonymus'; did you mean 'anonymous'?",
        ),
        (
            ["--component", "orders"],
            "there is no component 'orders'; did you mean 'orders/api'?",
        ),
        (
            ["--application", "order"],
            "there is no Application 'order'; did you mean 'orders'?",
        ),
        (["--json", "--format", "csv"], "--json is a format of its own"),
        (
            ["--output", "m.pdf"],
            "'m.pdf' does not say which format: end it on .txt/.csv/.html/.htm, or add --format",
        ),
        (["--output", "matrix"], "'matrix' does not say which format"),
        (
            ["--output", "nowhere/at/all.csv"],
            "nowhere/at/all.csv: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_asked_is_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line."""
    assert main(["matrix", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(words)
    assert said.err.count("\n") == 1
    assert not Path("m.pdf").exists() and not Path("matrix").exists()
