"""The README's tables are those of the code, and what it shows of `python -m kong_oam` is what that prints."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.access.diff.change import KINDS as CHANGES
from kong_oam.access.lint.finding import KINDS
from kong_oam.codes import CODES
from kong_oam.verify.decisions import KINDS as VERIFIED
from policies.catalogue import RULES

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_every_diagnostic_code_is_in_the_readme() -> None:
    """In the same order, with the same words and with what to do."""
    rows = re.findall(r"^\| ((?:OAM|ACC|ENV)\d+) \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    assert rows == [(code, known.title, known.remedy) for code, known in CODES.items()]


def test_every_policy_is_in_the_readme() -> None:
    """In the pack's order, with level, words and controls."""
    rows = [f"| `{r.id}` | {r.level} | {r.title} | {', '.join(r.controls)} |" for r in RULES]
    table = README[README.index("| rule | level |") :].partition("\n\n")[0]
    assert table.splitlines()[2:] == rows


def test_every_finding_of_lint_is_in_the_readme() -> None:
    """With the same words, and whether a waiver can accept it."""
    rows = re.findall(r"^\| (LINT\d+) \| (.*?) \| (.*?) \| (yes|no) \|$", README, re.MULTILINE)
    kinds = {code: (kind.title, kind.remedy, "yes" if kind.waivable else "no") for code, kind in KINDS.items()}
    assert {code: tuple(cells) for code, *cells in rows} == kinds


def test_every_kind_of_client_is_in_the_readme() -> None:
    """In the order of the schema."""
    table = README[README.index("| kind | who calls |") :].partition("\n\n")[0]
    schema = json.loads((ROOT / "definitions" / "client.schema.json").read_text())
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == schema["properties"]["kind"]["enum"]


def test_every_kind_of_what_verify_finds_is_in_the_readme() -> None:
    """The worst first."""
    table = README[README.index("| finding | the call |") :].partition("\n\n")[0]
    assert re.findall(r"^\| ([\w ]+) \| ", table, re.MULTILINE)[1:] == list(VERIFIED)


def test_every_kind_of_change_is_in_the_readme() -> None:
    """The worst first."""
    table = README[README.index("| change | what it says") :].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| ([\w ]+) \| ", table, re.MULTILINE)[1:]) == CHANGES


def test_every_setting_of_a_stack_is_in_the_readme() -> None:
    """By its dotted name, and no other is."""
    schema = json.loads((ROOT / "kong_oam" / "access" / "settings" / "stack.schema.json").read_text())
    settings = {
        f"{name}.{inner}" if value.get("type") == "object" and "properties" in value else name
        for name, value in schema["properties"].items()
        for inner in value.get("properties", {"": None})
    }
    table = README[README.index("## Settings of a stack") : README.index("## Identity providers")]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([A-Za-z.]+)`", row)} == settings


def test_every_setting_of_an_identity_provider_is_in_the_readme() -> None:
    """By name, and no other is."""
    schema = json.loads((ROOT / "kong_oam" / "access" / "settings" / "stack.schema.json").read_text())
    settings = set(schema["properties"]["identityProviders"]["items"]["properties"])
    assert set(re.findall(r"^\| `identityProviders\[\]\.(\w+)` \|", README, re.MULTILINE)) == settings


# What commands print: each is run on what the text before it says

PROMPT = "    $ .venv/bin/python -m kong_oam "


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample estate in a folder of its own, and as it was before in another."""
    for folder in ("applications", "stacks"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
        shutil.copytree(ROOT / folder, tmp_path / "before" / folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(file: str, old: str, new: str) -> None:
    path = Path("applications", file)
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def shown(section: str, command: str) -> tuple[list[str], list[str]]:
    """The arguments of the command that begins so in the section, and the lines below it, up to the next prompt."""
    text = README.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    _, prompt, rest = text.partition(PROMPT + command)
    assert prompt, f"'{section}' shows no `{command}`"
    line, _, output = (command + rest).replace("\\\n", " ").partition("\n")
    lines = []
    for one in output.split("\n"):
        if one and (not one.startswith("    ") or one.startswith("    $ ")):
            break
        lines.append(one[4:])
    while lines and not lines[-1]:
        lines.pop()
    return shlex.split(line), lines


def yaml_below(words: str) -> str:
    """The first block of YAML below these words."""
    return README.partition(words)[2].partition("```yaml\n")[2].partition("```")[0]


def as_it_is() -> None: ...


def with_a_typo() -> None:
    """The two edits of the five minutes."""
    path = Path("applications/hello.yaml")
    path.write_text(path.read_text("utf-8") + yaml_below("Give it an access template."), "utf-8")
    calls = yaml_below("replace the `calls:` line of `checkout` by:")
    edit("shop.yaml", "            calls: [{component: orders/api, scopes: [orders.read]}]\n", calls)


def prices() -> None:
    """`support` reads orders, prices are public, and `checkout` calls nobody."""
    edit("orders.yaml", "groups: [sales]", "groups: [sales, support]")
    health = "              - {paths: [/orders/health]"
    public = '{reason: price list, until: "2027-12-31"}'
    edit(
        "orders.yaml",
        health,
        f"              - {{paths: [/orders/prices], methods: [GET], public: {public}}}\n{health}",
    )
    edit(
        "shop.yaml", "            calls: [{component: orders/api, scopes: [orders.read]}]\n", "            calls: []\n"
    )


def subnet() -> None:
    """The gateway connects from another subnet as well, and tokens live half an hour."""
    path = Path("stacks/Pulumi.aws.yaml")
    text = path.read_text("utf-8").replace("cidrs: [10.20.250.0/27, ", "cidrs: [10.20.251.0/27, 10.20.250.0/27, ")
    path.write_text(text.replace("      type: okta\n", "      type: okta\n      accessTokenMinutes: 30\n"), "utf-8")


def loose() -> None:
    """A public rule without an end, and a grant that nobody uses."""
    edit("orders.yaml", ', until: "2027-12-31"', "")
    edit("orders.yaml", "[shop/checkout, shop/web]", "[shop/checkout, shop/web, reports/renderer]")


@pytest.mark.parametrize(
    ("section", "command", "change", "status"),
    [
        ("Five minutes", "check", with_a_typo, 1),
        ("Who may call what", "explain", as_it_is, 0),
        ("Who may call what", "who", as_it_is, 0),
        ("Who may call what", "what", as_it_is, 0),
        ("What a change does to access", "diff", prices, 0),
        ("What a change does to access", "diff --stack aws --exit-code", subnet, 1),
        ("A new component", "new", as_it_is, 0),
        ("Lint", "check", loose, 1),
    ],
)
def test_a_command_prints_what_the_readme_shows(
    project: Path,
    section: str,
    command: str,
    change: Callable[[], None],
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`...` stands for lines that it leaves out. What is compared with the last commit is so with a copy."""
    arguments, expected = shown(section, command)
    change()
    assert main([*arguments[:1], *(["before", "."] if arguments[0] == "diff" else []), *arguments[1:]]) == status
    said = "\n".join(line.rstrip() for line in capsys.readouterr().out.strip("\n").split("\n"))
    pattern = r"\n.*\n".join(map(re.escape, "\n".join(expected).split("\n...\n")))
    assert re.fullmatch(pattern, said, re.DOTALL), said


def test_stacks_that_are_the_same_print_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the README says."""
    said = "`diff stack:aws stack:bare-metal` prints nothing"
    assert said in README
    assert main(said.partition("`")[2].partition("`")[0].split()) == 0
    assert capsys.readouterr().out == ""
