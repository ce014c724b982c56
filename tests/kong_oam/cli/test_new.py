"""`new`: its text passes `check`, existing text stays, and invalid input writes nothing."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from kong_oam.__main__ import main
from tests.support.cli import Cli
from tests.support.projects import copy_sample
from tests.support.streams import Capsys
from tests.support.workload_tls import authority

BILLING = "applications/billing.yaml"
API = shlex.split("""
--app billing --component invoices --image registry.example.com/billing:1.0
--owner team-billing --port 8080 --domain billing.example.com
""")
"""If a flag is repeated, the last value counts."""
NIGHTLY = shlex.split(
    "--component nightly --type worker --image registry.example.com/nightly:1.0"
)
WORKER = [*NIGHTLY, "--calls", "orders/api:orders.read"]
PHONE = shlex.split("""
--app billing --component app --owner team-billing --client native
--redirect-uri com.example.b:/cb --calls orders/api:orders.read
""")
PARTNER = shlex.split("""
--app billing --component partner --owner team-billing --client external
--jwks-uri https://partner.example.com/keys.json --calls orders/api:orders.read
""")


def billing() -> str:
    """Return the text of the Application."""
    return Path(BILLING).read_text("utf-8")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample estate in the working directory."""
    folder = tmp_path / "project"
    copy_sample(folder)
    monkeypatch.chdir(folder)
    return folder


def files() -> dict[str, bytes]:
    """Return all files in and around the project."""
    return {
        str(path): path.read_bytes()
        for path in sorted(Path("..").rglob("*"))
        if path.is_file()
    }


def test_a_new_application_is_closed_but_for_its_scopes(cli: Cli) -> None:
    """With owner, scopes, rules and a role. `check` finds nothing."""
    cli("new", *API, "--group", "sales")
    assert billing() == (
        """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: billing
  annotations: {owner: team-billing}
spec:
  components:
    - name: invoices
      type: webservice
      properties:
        image: registry.example.com/billing:1.0
        ports:
          - {port: 8080}
      traits:
        - type: gateway
          properties:
            domain: billing.example.com
            http: {/: 8080}
        - type: access
          properties:
            owner: team-billing
            scopes: {invoices.read: Read invoices, invoices.write: Change invoices}
            rules:
              - methods: [GET]
                scopes: [invoices.read]
              - methods: [POST, PUT, PATCH, DELETE]
                scopes: [invoices.write]
            roles:
              editor:
                scopes: [invoices.read, invoices.write]
                groups: [sales]
"""
    )
    cli("check")


def test_a_call_is_granted_in_the_file_of_the_callee(
    cli: Cli,
) -> None:
    """In the role with exactly these scopes. Nothing else changes in both files."""
    orders, shop = (
        Path("applications/orders.yaml"),
        Path("applications/shop.yaml"),
    )
    before = {file: file.read_text("utf-8") for file in (orders, shop)}
    printed = cli("new", "--app", "shop", "--owner", "team-shop", *WORKER)
    assert orders.read_text("utf-8") == before[orders].replace(
        "shop/web]}\n", "shop/web, shop/nightly]}\n", 1
    )
    assert shop.read_text("utf-8") == before[shop] + (
        "    - name: nightly\n      type: worker\n      properties: {image: 'registry.example.com/nightly:1.0'}\n"
        "      traits:\n        - type: client\n          properties:\n            kind: service\n            calls:\n"
        "              - component: orders/api\n                scopes: [orders.read]\n"
    )
    assert (
        "applications/orders.yaml: extended\n--- applications/orders.yaml\n"
        in printed
    )
    assert printed.endswith("next: pulumi preview -s local\n")
    cli("check")


def test_a_link_to_an_application_stays_a_link(cli: Cli) -> None:
    """The target gets the text and keeps its mode. No other file is left."""
    link, real = (
        Path("applications/orders.yaml"),
        Path("applications/zz/orders.real.yaml"),
    )
    real.parent.mkdir()
    link.rename(real)
    link.symlink_to("zz/orders.real.yaml")
    real.chmod(0o640)
    cli("new", "--app", "shop", "--owner", "team-shop", *WORKER)
    assert link.is_symlink() and "shop/web, shop/nightly]}" in real.read_text(
        "utf-8"
    )
    assert real.stat().st_mode & 0o777 == 0o640
    assert [*real.parent.iterdir()] == [real]
    cli("check")


def test_one_application_may_call_itself(cli: Cli) -> None:
    """Role and component go into one file. A role without components gets a list."""
    cli("new", *API, "--group", "sales")
    calls = "billing/invoices:invoices.write,invoices.read"
    worker = [*NIGHTLY, "--calls", calls]
    cli("new", "--app", "billing", "--owner", "team-billing", *worker)
    assert "                components: [billing/nightly]\n" in Path(
        BILLING
    ).read_text("utf-8")
    cli("check")


@pytest.mark.parametrize(
    "group", [[], ["--group", "sales"]], ids=["no role", "a wider role"]
)
def test_a_reader_may_not_write(group: list[str], capsys: Capsys) -> None:
    """Without a role with exactly these scopes, a new role is added. The next component with these
    scopes joins it."""
    assert main(["new", *API, *group]) == 0
    before = billing()
    for name in ("nightly", "hourly"):
        further = f"--app {name} --owner o --component {name} --calls billing/invoices:invoices.read"
        assert main(["new", *NIGHTLY, *further.split()]) == 0
    role = "{scopes: [invoices.read], components: [nightly/nightly, hourly/hourly]}"
    reader = (
        f"              reader: {role}\n"
        if group
        else f"            roles: {{reader: {role}}}\n"
    )
    assert billing() == before + reader
    capsys.readouterr()
    assert main(["check"]) == len(group[:1])
    assert capsys.readouterr().out.count(
        "LINT312: no client that signs in users of role 'editor' asks for"
    ) == len(group[:1])


def test_a_new_role_has_the_users_with_its_scopes(cli: Cli) -> None:
    """For a client with users. The role has the client's name if its usual name is taken."""
    cli(
        "new",
        *API,
        "--group",
        "all: sales",
        "--caller",
        "shop/checkout:write",
        "--anyway",
    )
    Path(BILLING).write_text(billing().replace("editor:", "reader:"))
    before = billing()
    phone = "--app billing --owner team-billing --client native --redirect-uri com.example.b:/cb"
    for calls in (
        "--component app --calls billing/invoices:invoices.read",
        "--component second --calls billing/invoices:invoices.write",
    ):
        cli("new", *phone.split(), *calls.split())
    assert billing().startswith(
        f'{before}              billing-app: {{scopes: [invoices.read], groups: ["all: sales"], components: [billing/app]}}\n'
        f'              editor: {{scopes: [invoices.write], groups: ["all: sales"], components: [billing/second]}}\n'
    )
    cli("check")


@pytest.mark.parametrize(
    ("kind", "methods"), [("web", "GET, POST"), ("browser", "GET")]
)
def test_pages_are_open_to_browsers_for_a_year(
    kind: str, methods: str, cli: Cli
) -> None:
    """Counted from the stack's asOf. The redirect path of users is open. Pages change data only at
    the APIs."""
    cli(
        "new",
        *API,
        "--client",
        kind,
        "--path",
        "/app",
        "--calls",
        "orders/api:orders.read",
    )
    text = billing()
    assert (
        f"              - methods: [{methods}]\n                public: {{reason: "
        in text
    )
    assert "until: '2027-11-25'}\n" in text
    assert f"kind: {kind}\n            redirectPaths: [/app/callback]\n" in text
    assert (
        "shop/web, billing/invoices]}\n"
        in Path("applications/orders.yaml")
        .read_text("utf-8")
        .splitlines(True)[27]
    )
    cli("check")


@pytest.mark.parametrize(
    ("component", "arguments", "written"),
    [
        (
            "app",
            [*PHONE, "--redirect-uri", "http://127.0.0.1/cb"],
            "    - name: app\n      type: external\n      traits:\n        - type: client\n          properties:\n"
            "            kind: native\n            redirectUris: ['com.example.b:/cb', 'http://127.0.0.1/cb']\n",
        ),
        (
            "partner",
            PARTNER,
            "    - name: partner\n      type: external\n"
            "      properties: {jwksUri: 'https://partner.example.com/keys.json'}\n"
            "      traits:\n        - type: client\n          properties:\n            kind: external\n",
        ),
    ],
    ids=["on devices", "a partner's"],
)
def test_an_external_component_is_only_a_client(
    component: str, arguments: list[str], written: str, cli: Cli
) -> None:
    """In a new Application, or beside others. Its owner is the Application's owner."""
    cli("new", *arguments)
    calls = "            calls:\n              - component: orders/api\n                scopes: [orders.read]\n"
    assert billing() == (
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata:\n  name: billing\n"
        f"  annotations: {{owner: team-billing}}\nspec:\n  components:\n{written}{calls}"
    )
    assert f"shop/web, billing/{component}]}}\n" in Path(
        "applications/orders.yaml"
    ).read_text("utf-8")
    cli("check")
    cli("new", *WORKER, "--app", "billing", "--owner", "team-billing")
    cli("new", *arguments, "--component", "second")
    cli("check")


@pytest.mark.parametrize(
    ("app", "component", "read", "description"),
    [
        ("billing", "invoices", "invoices.read", "Read invoices"),
        (
            "billing",
            "open-invoices",
            "open-invoices.read",
            "Read open invoices",
        ),
        ("billing", "service", "billing.read", "Read billing"),
        ("orders", "invoices", "invoices.read", "Read invoices"),
        ("billing", "orders", "billing.orders.read", "Read orders of billing"),
        ("orders", "service", "orders.service.read", "Read service of orders"),
    ],
)
def test_scopes_are_named_after_the_component(
    app: str, component: str, read: str, description: str, cli: Cli
) -> None:
    """Or after its Application if the component's name is generic, or after both if another
    component has the name."""
    arguments = [*API, "--app", app, "--component", component]
    cli("new", *arguments)
    text = Path(f"applications/{app}.yaml").read_text("utf-8")
    assert (
        f"scopes: {{{read}: {description}, {read.replace('.read', '.write')}: Change {description[5:]}}}\n"
        in text
    )
    cli("check")


def test_a_caller_gets_the_call(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """In its own file, with a role here to read, or also to change. Its users sign in by their
    group."""
    callers = [
        "--caller",
        "shop/checkout",
        "--caller",
        "reports/renderer:write",
        "--caller",
        "shop/web",
    ]
    shop, reports = (
        Path(f"applications/{name}.yaml") for name in ("shop", "reports")
    )
    before = {file: file.read_text("utf-8") for file in (shop, reports)}
    assert main(["new", *API, "--group", "sales", *callers]) == 0
    assert billing().partition("            roles:\n")[2] == (
        "              reader:\n                scopes: [invoices.read]\n                groups: [sales]\n"
        "                components: [shop/checkout, shop/web]\n"
        "              editor:\n                scopes: [invoices.read, invoices.write]\n                groups: [sales]\n"
        "                components: [reports/renderer]\n"
    )
    read = ", {component: billing/invoices, scopes: [invoices.read]}"
    assert shop.read_text("utf-8") == before[shop].replace(
        "[orders.read]}]", f"[orders.read]}}{read}]"
    ).replace(
        "[orders.read, orders.write]}]", f"[orders.read, orders.write]}}{read}]"
    )
    call = ", {component: billing/invoices, scopes: [invoices.read, invoices.write]}"
    assert (
        f"scopes: [reports.read, reports.audit]}}{call}]\n"
        in reports.read_text("utf-8")
    )
    assert "nobody may call" not in capsys.readouterr().out
    printed = cli("who", "GET", "http://billing.example.com/")
    assert [line.split()[0] for line in printed.splitlines()[2:]] == [
        "reports/renderer",
        "shop/checkout",
        "shop/web",
    ]
    assert "sales" in printed.splitlines()[-1]
    assert main(["check"]) == 0


def test_a_client_that_calls_nobody_yet_gets_its_first_call(cli: Cli) -> None:
    path = Path("applications/shop.yaml")
    path.write_text(
        path.read_text("utf-8").replace(
            "            calls: [{component: orders/api, scopes: [orders.read]}]\n",
            "",
            1,
        )
    )
    orders = Path("applications/orders.yaml")
    orders.write_text(
        orders.read_text("utf-8").replace(
            "components: [shop/checkout, shop/web]", "components: [shop/web]"
        )
    )
    cli("new", *API, "--caller", "shop/checkout")
    assert (
        "            calls: [{component: billing/invoices, scopes: [invoices.read]}]\n"
        in path.read_text("utf-8")
    )
    cli("check")


def test_an_api_without_callers_has_a_note(
    capsys: Capsys,
    cli: Cli,
) -> None:
    """Also with groups, because their users have no client yet. Not for pages, which are open, and
    workers."""
    message = "nobody may call billing/invoices yet: add its scopes to `calls` of a client, and the client to a role"
    assert message in cli("new", *API)
    Path(BILLING).unlink()
    assert cli.json("new", *API, "--group", "sales", "--json")["notes"][
        0
    ].startswith(message)
    Path(BILLING).unlink()
    assert (
        main(["new", *API, "--client", "web"])
        == main(["new", *WORKER, "--app", "b", "--owner", "o"])
        == 0
    )
    assert "nobody may call" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "traits"),
    [
        (
            ["--allow-from", "192.0.2.0/24", "--allow-from", "2001:db8::/32"],
            [{"type": "ip-allow", "properties": {"from": ["192.0.2.0/24", "2001:db8::/32"]}}],
        ),
        (["--rate-limit", "60/minute"], [{"type": "rate-limit", "properties": {"per": "client", "requests": {"minute": 60}}}]),
        (["--rate-limit", "user:5/second"], [{"type": "rate-limit", "properties": {"per": "user", "requests": {"second": 5}}}]),
        (
            ["--origin", "https://partner.example", "--origin", "https://b.example"],
            [{"type": "cors", "properties": {"origins": ["https://partner.example", "https://b.example"]}}],
        ),
        (
            ["--max-body", "10Mi", "--secure-headers"],
            [{"type": "limits", "properties": {"body": "10Mi"}}, {"type": "headers", "properties": {"preset": "secure"}}],
        ),
        (
            ["--plugin", "correlation-id", "--plugin", "bot-detection"],
            [
                {"type": "kong-plugin", "properties": {"name": "correlation-id"}},
                {"type": "kong-plugin", "properties": {"name": "bot-detection"}},
            ],
        ),
    ],
)  # fmt: skip
def test_gateway_flags_add_traits(
    flags: list[str], traits: list[dict[str, object]]
) -> None:
    """After the other traits."""
    assert main(["new", *API, "--group", "sales", *flags]) == 0
    written = yaml.safe_load(billing())["spec"]["components"][0]["traits"]
    assert written[-len(traits) :] == traits


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--allow-from", "192.0.2.1/24"], "ACC238"),
        (["--origin", "https://partner.example/shop"], "ACC232"),
        (["--max-body", "10MB"], "OAM103"),
        (["--plugin", "key-auth"], "ACC246"),
        (["--tls-issuer", "internal"], "ACC244"),
        (["--rate-limit", "60/week"], "OAM102"),
        (["--rate-limit", "caller:60/minute"], "OAM103: per"),
    ],
)
def test_what_check_would_find_of_a_trait_is_not_written(
    flags: list[str], message: str, cli: Cli
) -> None:
    assert (
        message in cli.error("new", *API, *flags) and not Path(BILLING).exists()
    )


@pytest.mark.parametrize(
    "flags",
    [
        ["--allow-from", "192.0.2.0/24"],
        ["--origin", "https://b.example"],
        ["--plugin", "correlation-id"],
        ["--secure-headers"],
    ],
)
def test_a_worker_asks_nothing_of_the_gateway(
    flags: list[str], cli: Cli
) -> None:
    assert f"unexpected {flags[0]}" in cli.error(
        "new", *WORKER, "--app", "b", "--owner", "o", *flags
    )


def test_it_prints_changes_of_access_as_diff_does(
    cli: Cli,
) -> None:
    """Also elsewhere: users of a new group of a caller may use the caller's calls."""
    shutil.copytree(".", "../before")
    printed = cli("new", *API, "--group", "interns", "--caller", "shop/web")
    compared = cli("diff", "../before", ".")
    assert (
        "widened  shop/web for users in interns  *         http://hello.example.com/ "
        in compared
    )
    assert f"\n{compared}\nnext: " in printed
    shutil.copytree(
        "../before/applications", "applications", dirs_exist_ok=True
    )
    Path(BILLING).unlink()
    access = cli.json(
        "new", *API, "--group", "interns", "--caller", "shop/web", "--json"
    )["access"]
    assert access == cli.json("diff", "../before", ".", "--json")


def test_where_errors_are_written_it_is_not_known_what_that_does_to_access(
    cli: Cli,
) -> None:
    assert (
        "the effect on access is unknown until the errors are fixed\n"
        in cli(
            "new",
            *API,
            "--domain",
            "orders.example.com",
            "--path",
            "/orders",
            "--anyway",
        )
    )


BELOW = [*API, "--domain", "orders.example.com", "--path", "/orders/invoices"]


def test_a_path_below_a_path_of_another_owner_is_reported(
    cli: Cli,
) -> None:
    """The component would take the other's calls. --anyway accepts that."""
    before = files()
    printed = cli.error("new", *BELOW)
    assert (
        "applications/billing.yaml:18:20: warning ACC219: orders.example.com/orders/invoices lies below /orders"
        in printed
    )
    assert printed.endswith(
        "1 finding(s) in the new text; nothing was written: fix them, or add --anyway\n"
    )
    assert files() == before
    assert (
        "warning ACC219: orders.example.com/orders/invoices lies below"
        in cli("new", *BELOW, "--anyway")
    )
    assert "/orders/invoices: 8080" in billing()


def test_errors_are_written_only_with_anyway(
    cli: Cli,
) -> None:
    """For drafts, with all errors in JSON. Text that is no Application is never written."""
    arguments = [*API, "--domain", "orders.example.com", "--path", "/orders"]
    assert "1 finding(s) in the new text; nothing was written" in cli.error(
        "new", *arguments
    )
    written = cli.json("new", *arguments, "--anyway", "--json")
    assert [
        (finding["severity"], finding["code"])
        for finding in written["findings"]
    ] == [("error", "ACC205")]
    assert written["access"] is None
    cli("check", status=1)


def test_a_worker_is_owned_through_its_application(cli: Cli) -> None:
    """By the owner in the Application's annotation."""
    cli("new", "--app", "shop", "--owner", "team-shop", *WORKER)
    cli("check")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--app", "shop", *WORKER, "--owner", "other"], "'team-shop' owns components of type worker in 'shop': change --owner, or the annotation 'owner' in applications/shop.yaml"),
        (["--app", "orders", *WORKER, "--owner", "team-orders"], "nobody owns components of type worker in 'orders'"),
        (["--app", "shop", "--owner", "o", "--component", "web", "--image", "x", "--port", "80"], "'shop/web' exists already (applications/shop.yaml:17:7): choose another --component"),
        ([*API, "--calls", "orders/apu:orders.read"], "'orders/apu' offers no scopes; did you mean 'orders/api'?"),
        ([*API, "--calls", "orders/api:orders.reed"], "scope 'orders.reed' is not declared by this component; did you mean 'orders.read'?"),
        ([*API, "--client", "web", "--calls", "reports/library:reports.audit,reports.publish"], "no role of 'reports/library' grants reports.audit and reports.publish: ask its owner team-insight to add a role (applications/reports.yaml:9:7)"),
        (["--app", "b", *WORKER, "--owner", "o", "--client", "web"], "error ACC210: "),
        (["--app", "b", *WORKER, "--owner", "o", "--group", "g"], "unexpected --group: only for a webservice that is no web or browser client; leave it out"),
        ([*API, "--client", "browser", "--group", "g"], "unexpected --group: only for a webservice"),
        (["--app", "b", *WORKER, "--owner", "o", "--caller", "shop/web"], "unexpected --caller: only for a webservice"),
        ([*API, "--caller", "shop/checkot"], "unknown client 'shop/checkot'; did you mean 'shop/checkout'?"),
        ([*API, "--caller", "shop/web"], "'shop/web' calls for its users: add --group with a group of these users"),
        (["--app", "b", *WORKER, "--owner", "o", "--path", "/x"], "unexpected --path: a worker has no endpoint; leave it out"),
        (["--app", "billing", "--component", "app", "--owner", "o", "--client", "native"], "missing --redirect-uri"),
        ([*PHONE, "--image", "x"], "unexpected --image: an external component is not deployed; leave it out"),
        ([*PHONE, "--jwks-uri", "https://a.example.com/keys"], "unexpected --jwks-uri: only for --client external; leave it out"),
        ([*API, "--type", "external"], "an external component is not deployed"),
        (["--app", "billing", "--component", "app", "--owner", "o", "--type", "external"], "error OAM102: unknown field 'image' in external"),
        ([*PHONE, "--redirect-uri", "https://shop.example.com/cb"], "error ACC210: redirect URI 'https://shop.example.com/cb' does not stay on the device"),
        (["--app", "b", "--component", "c"], "missing --image, --owner, --port; `new --help` shows examples"),
        ([*API, "--port", "70000"], "error OAM103: http./"),
        ([*API, "--type", "cron"], "error OAM104: "),
        ([*API, "--path", "/a;b"], "error ACC213: "),
        ([*API, "--domain", "not a host"], "error OAM103: domain: "),
        ([*API, "--component", "api"], "error OAM107: "),
        ([*API, "--domain", "orders.example.com", "--path", "/orders/health"], "warning LINT304: "),
    ],
)  # fmt: skip
def test_invalid_input_is_rejected_and_nothing_is_written(
    arguments: list[str], message: str, cli: Cli
) -> None:
    """Status 2, one reason, and unchanged files."""
    before = files()
    assert message in cli.error("new", *arguments)
    assert files() == before


@pytest.mark.parametrize(
    "flag",
    [
        "--app",
        "--component",
        "--image",
        "--owner",
        "--domain",
        "--path",
        "--group",
    ],
)
@pytest.mark.parametrize(
    "value",
    [
        "../../up",
        "/tmp/up",
        "a\nb: c",
        "a: {b}",
        "*x",
        "'",
        '"',
        "\x00",
        "\x1b[31m",
        "ü",
        "x" * 300,
        "${x}",
    ],
)
def test_hostile_values_stay_texts_or_are_rejected(
    flag: str, value: str
) -> None:
    """The result is one file in the folder, has the given values, and passes `check`. Otherwise
    nothing is written."""
    before = files()
    status = main(["new", *API, "--path", "/", flag, value])
    added = {
        name: raw for name, raw in files().items() if before.get(name) != raw
    }
    if status == 2:
        assert added == {}
        return
    assert status == 0
    assert [*added] == [f"../project/{BILLING}"]
    assert main(["check"]) == 0


def test_another_file_of_that_name_stays(
    cli: Cli,
) -> None:
    """A file with other Applications is not overwritten, and a link is not followed."""
    shutil.move("applications/hello.yaml", BILLING)
    before = files()
    assert (
        f"{BILLING} exists with other Applications: rename the file, or choose another --app"
        in cli.error("new", *API)
    )
    shutil.move(BILLING, "applications/hello.yaml")
    Path(BILLING).symlink_to("../../elsewhere.yaml")
    assert (
        f"{BILLING}:1:1: error OAM101: cannot be read: this link to ../../elsewhere.yaml leaves the folder"
        in cli.error("new", *API, "--calls", "orders/api:orders.read")
    )
    assert not Path("../elsewhere.yaml").exists()
    Path(BILLING).unlink()
    shutil.move("applications/hello.yaml", BILLING)
    assert files() == before


def test_an_application_in_flow_style_is_not_changed(
    cli: Cli,
) -> None:
    """If the text cannot be extended safely, an error says so."""
    Path(BILLING).write_text(
        "{apiVersion: core.oam.dev/v1beta1, kind: Application, metadata: {name: billing, annotations: {owner: o}}, "
        "spec: {components: [{name: one, type: worker, properties: {image: x}}]}}\n"
    )
    before = files()
    assert (
        f"{BILLING} cannot be extended safely in its current format"
        in cli.error("new", *API)
    )
    assert files() == before


def test_applications_with_errors_are_rejected(
    cli: Cli,
) -> None:
    """They could not be deployed."""
    Path(BILLING).write_text("spec: [\n")
    assert "1 error(s): these Applications cannot be deployed" in cli.error(
        "new", *API
    )


def test_json_has_the_files(cli: Cli) -> None:
    """Each with its whole text."""
    (entry,) = cli.json("new", *API, "--json")["files"]
    assert (entry["file"], entry["new"]) == (BILLING, True)
    assert entry["text"] == billing()


def test_a_webservice_that_speaks_tls_has_an_issuer() -> None:
    """If the stack names a CA."""
    settings = Path("stacks/Pulumi.local.yaml")
    text = settings.read_text("utf-8")
    settings.write_text(
        text.replace(
            "    scheme: http\n",
            "    scheme: http\n    upstreamTls: {ca: ca.pem}\n",
        ),
        "utf-8",
    )
    Path("stacks/ca.pem").write_text(
        authority("workloads").certificate, "utf-8"
    )
    assert main(["new", *API, "--tls-issuer", "internal"]) == 0
    written = yaml.safe_load(billing())["spec"]["components"][0]["traits"]
    issuer = {"kind": "ClusterIssuer", "name": "internal"}
    assert written[-1] == {
        "type": "upstream-tls",
        "properties": {"issuer": issuer},
    }


@pytest.mark.parametrize(
    "message", ["60", "0/minute", "60/minute/2", "-1/minute"]
)
def test_a_limit_that_is_none_says_how_one_is_written(
    message: str, cli: Cli
) -> None:
    assert (
        "write REQUESTS/WINDOW, such as 60/minute or user:60/minute"
        in cli.error("new", *API, f"--rate-limit={message}")
    )
    assert not Path(BILLING).exists()
