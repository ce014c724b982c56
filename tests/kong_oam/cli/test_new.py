"""`new`: what is written passes `check`, what is there stays, and what cannot be right is not written."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from kong_oam.__main__ import main
from tests.support.projects import copy_sample
from tests.support.workload_tls import authority

BILLING = "applications/billing.yaml"
API = shlex.split("""
--app billing --component invoices --image registry.example.com/billing:1.0
--owner team-billing --port 8080 --domain billing.example.com
""")
"""Of a flag that is given twice, the last value counts."""
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


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample estate in a folder of its own, which is the current one."""
    folder = tmp_path / "project"
    copy_sample(folder)
    monkeypatch.chdir(folder)
    return folder


def files() -> dict[str, bytes]:
    """Everything at and around the project."""
    return {
        str(path): path.read_bytes()
        for path in sorted(Path("..").rglob("*"))
        if path.is_file()
    }


def test_a_new_application_is_closed_but_for_its_scopes() -> None:
    """With owner, scopes, rules and a role; `check` finds nothing."""
    assert main(["new", *API, "--group", "sales"]) == 0
    assert Path(BILLING).read_text("utf-8") == (
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
    assert main(["check"]) == 0


def test_what_it_calls_is_granted_where_the_owner_of_that_reads_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In the role that has just these scopes; of both files nothing else changes."""
    orders, shop = (
        Path("applications/orders.yaml"),
        Path("applications/shop.yaml"),
    )
    before = {file: file.read_text("utf-8") for file in (orders, shop)}
    assert main(["new", "--app", "shop", "--owner", "team-shop", *WORKER]) == 0
    printed = capsys.readouterr().out
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
    assert main(["check"]) == 0


def test_a_link_to_an_application_stays_one() -> None:
    """What is written is written where it leads, with its mode; and nothing else is left there."""
    link, real = (
        Path("applications/orders.yaml"),
        Path("applications/zz/orders.real.yaml"),
    )
    real.parent.mkdir()
    link.rename(real)
    link.symlink_to("zz/orders.real.yaml")
    real.chmod(0o640)
    assert main(["new", "--app", "shop", "--owner", "team-shop", *WORKER]) == 0
    assert link.is_symlink() and "shop/web, shop/nightly]}" in real.read_text(
        "utf-8"
    )
    assert real.stat().st_mode & 0o777 == 0o640
    assert [*real.parent.iterdir()] == [real]
    assert main(["check"]) == 0


def test_one_application_may_call_itself() -> None:
    """Role and component go into one file; a role without components gets some."""
    assert main(["new", *API, "--group", "sales"]) == 0
    calls = "billing/invoices:invoices.write,invoices.read"
    worker = [*NIGHTLY, "--calls", calls]
    assert (
        main(["new", "--app", "billing", "--owner", "team-billing", *worker])
        == 0
    )
    assert "                components: [billing/nightly]\n" in Path(
        BILLING
    ).read_text("utf-8")
    assert main(["check"]) == 0


@pytest.mark.parametrize(
    "group", [[], ["--group", "sales"]], ids=["no role", "a wider role"]
)
def test_who_asks_to_read_may_not_change_anything(
    group: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no role grants just what is asked for, there is a new one; the next that asks for it is put there. A role
    whose users no client signs in yet is written all the same, and found later."""
    assert main(["new", *API, *group]) == 0
    before = Path(BILLING).read_text("utf-8")
    for name in ("nightly", "hourly"):
        further = f"--app {name} --owner o --component {name} --calls billing/invoices:invoices.read"
        assert main(["new", *NIGHTLY, *further.split()]) == 0
    role = "{scopes: [invoices.read], components: [nightly/nightly, hourly/hourly]}"
    reader = (
        f"              reader: {role}\n"
        if group
        else f"            roles: {{reader: {role}}}\n"
    )
    assert Path(BILLING).read_text("utf-8") == before + reader
    capsys.readouterr()
    assert main(["check"]) == len(group[:1])
    assert capsys.readouterr().out.count(
        "LINT312: role 'editor' gives access to nobody"
    ) == len(group[:1])


def test_a_new_role_has_the_users_who_have_its_scopes_already() -> None:
    """For a client that users sign in to; named after the client, where the name is taken."""
    assert (
        main(
            [
                "new",
                *API,
                "--group",
                "all: sales",
                "--caller",
                "shop/checkout:write",
                "--anyway",
            ]
        )
        == 0
    )
    Path(BILLING).write_text(
        Path(BILLING).read_text("utf-8").replace("editor:", "reader:")
    )
    before = Path(BILLING).read_text("utf-8")
    phone = "--app billing --owner team-billing --client native --redirect-uri com.example.b:/cb"
    for calls in (
        "--component app --calls billing/invoices:invoices.read",
        "--component second --calls billing/invoices:invoices.write",
    ):
        assert main(["new", *phone.split(), *calls.split()]) == 0
    assert (
        Path(BILLING)
        .read_text("utf-8")
        .startswith(
            f'{before}              billing-app: {{scopes: [invoices.read], groups: ["all: sales"], components: [billing/app]}}\n'
            f'              editor: {{scopes: [invoices.write], groups: ["all: sales"], components: [billing/second]}}\n'
        )
    )
    assert main(["check"]) == 0


@pytest.mark.parametrize(
    ("kind", "methods"), [("web", "GET, POST"), ("browser", "GET")]
)
def test_pages_are_open_to_browsers_for_a_year(kind: str, methods: str) -> None:
    """Counted from the stack's asOf; users come back to a path that is open. What pages change that call by
    themselves, they change at the APIs that they call."""
    assert (
        main(
            [
                "new",
                *API,
                "--client",
                kind,
                "--path",
                "/app",
                "--calls",
                "orders/api:orders.read",
            ]
        )
        == 0
    )
    text = Path(BILLING).read_text("utf-8")
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
    assert main(["check"]) == 0


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
def test_what_runs_elsewhere_is_a_client_and_nothing_else(
    component: str, arguments: list[str], written: str
) -> None:
    """In an Application of its own, or beside others; owned through the Application."""
    assert main(["new", *arguments]) == 0
    calls = "            calls:\n              - component: orders/api\n                scopes: [orders.read]\n"
    assert Path(BILLING).read_text("utf-8") == (
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata:\n  name: billing\n"
        f"  annotations: {{owner: team-billing}}\nspec:\n  components:\n{written}{calls}"
    )
    assert f"shop/web, billing/{component}]}}\n" in Path(
        "applications/orders.yaml"
    ).read_text("utf-8")
    assert main(["check"]) == 0
    assert (
        main(["new", *WORKER, "--app", "billing", "--owner", "team-billing"])
        == 0
    )
    assert main(["new", *arguments, "--component", "second"]) == 0
    assert main(["check"]) == 0


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
def test_scopes_are_named_after_what_they_are_about(
    app: str, component: str, read: str, description: str
) -> None:
    """The component; its Application where the component's name says nothing; both where somebody else has the name."""
    arguments = [*API, "--app", app, "--component", component]
    assert main(["new", *arguments]) == 0
    text = Path(f"applications/{app}.yaml").read_text("utf-8")
    assert (
        f"scopes: {{{read}: {description}, {read.replace('.read', '.write')}: Change {description[5:]}}}\n"
        in text
    )
    assert main(["check"]) == 0


def test_who_is_to_call_it_gets_the_call(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In its own file, and a role here: to read, or to change something as well; users of it sign in by their group."""
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
    assert Path(BILLING).read_text("utf-8").partition("            roles:\n")[
        2
    ] == (
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
    assert main(["who", "GET", "http://billing.example.com/"]) == 0
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()[2:]] == [
        "reports/renderer",
        "shop/checkout",
        "shop/web",
    ]
    assert "sales" in printed.splitlines()[-1]
    assert main(["check"]) == 0


def test_a_client_that_calls_nobody_yet_gets_its_first_call() -> None:
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
    assert main(["new", *API, "--caller", "shop/checkout"]) == 0
    assert (
        "            calls: [{component: billing/invoices, scopes: [invoices.read]}]\n"
        in path.read_text("utf-8")
    )
    assert main(["check"]) == 0


def test_an_api_that_nobody_may_call_is_said_to_be_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With groups alone as without: their users have no client yet. Pages are open, and a worker is called by nobody."""
    message = "nobody may call billing/invoices yet: a client asks for its scopes in `calls`, and a role of it names that client"
    assert main(["new", *API]) == 0
    assert message in capsys.readouterr().out
    Path(BILLING).unlink()
    assert main(["new", *API, "--group", "sales", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"][0].startswith(message)
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
def test_what_it_asks_of_the_gateway_are_traits(
    flags: list[str], traits: list[dict[str, object]]
) -> None:
    """Behind its others."""
    assert main(["new", *API, "--group", "sales", *flags]) == 0
    written = yaml.safe_load(Path(BILLING).read_text("utf-8"))["spec"][
        "components"
    ][0]["traits"]
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
    flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", *API, *flags]) == 2
    assert message in capsys.readouterr().err and not Path(BILLING).exists()


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
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", *WORKER, "--app", "b", "--owner", "o", *flags]) == 2
    assert f"leave {flags[0]} out" in capsys.readouterr().err


def test_what_it_does_to_access_is_said_as_diff_says_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Elsewhere, too: users of a group that a caller did not sign in until now may call what it calls."""
    shutil.copytree(".", "../before")
    assert (
        main(["new", *API, "--group", "interns", "--caller", "shop/web"]) == 0
    )
    printed = capsys.readouterr().out
    assert main(["diff", "../before", "."]) == 0
    compared = capsys.readouterr().out
    assert (
        "widened  shop/web for users in interns  *         http://hello.example.com/ "
        in compared
    )
    assert f"\n{compared}\nnext: " in printed
    shutil.copytree(
        "../before/applications", "applications", dirs_exist_ok=True
    )
    Path(BILLING).unlink()
    assert (
        main(
            [
                "new",
                *API,
                "--group",
                "interns",
                "--caller",
                "shop/web",
                "--json",
            ]
        )
        == 0
    )
    access = json.loads(capsys.readouterr().out)["access"]
    assert main(["diff", "../before", ".", "--json"]) == 0
    assert access == json.loads(capsys.readouterr().out)


def test_where_errors_are_written_it_is_not_known_what_that_does_to_access(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (
        main(
            [
                "new",
                *API,
                "--domain",
                "orders.example.com",
                "--path",
                "/orders",
                "--anyway",
            ]
        )
        == 0
    )
    assert (
        "what this does to access is not known while there are errors\n"
        in capsys.readouterr().out
    )


BELOW = [*API, "--domain", "orders.example.com", "--path", "/orders/invoices"]


def test_a_path_below_that_of_another_owner_is_told_of_before_it_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever declares it takes the other's calls; --anyway says that it is agreed."""
    before = files()
    assert main(["new", *BELOW]) == 2
    printed = capsys.readouterr().err
    assert (
        "applications/billing.yaml:18:20: warning ACC219: orders.example.com/orders/invoices lies below /orders"
        in printed
    )
    assert printed.endswith(
        "1 finding(s) in what would be written; nothing was: --anyway writes it all the same\n"
    )
    assert files() == before
    assert main(["new", *BELOW, "--anyway"]) == 0
    assert (
        "warning ACC219: orders.example.com/orders/invoices lies below"
        in capsys.readouterr().out
    )
    assert "/orders/invoices: 8080" in Path(BILLING).read_text("utf-8")


def test_errors_are_written_only_where_somebody_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A draft, say; with all of them in JSON. What is no Application at all is never written."""
    arguments = [*API, "--domain", "orders.example.com", "--path", "/orders"]
    assert main(["new", *arguments]) == 2
    assert (
        "1 finding(s) in what would be written; nothing was"
        in capsys.readouterr().err
    )
    assert main(["new", *arguments, "--anyway", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert [
        (finding["severity"], finding["code"])
        for finding in written["findings"]
    ] == [("error", "ACC205")]
    assert written["access"] is None
    assert main(["check"]) == 1


def test_a_worker_is_owned_through_its_application() -> None:
    """By whom its annotation says."""
    assert main(["new", "--app", "shop", "--owner", "team-shop", *WORKER]) == 0
    assert main(["check"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--app", "shop", *WORKER, "--owner", "other"], "components of type worker in 'shop' are owned by 'team-shop', as its annotation 'owner' says: change one of the two (applications/shop.yaml)"),
        (["--app", "orders", *WORKER, "--owner", "team-orders"], "in 'orders' are owned by nobody, as its annotation 'owner'"),
        (["--app", "shop", "--owner", "o", "--component", "web", "--image", "x", "--port", "80"], "'shop/web' exists (applications/shop.yaml:17:7); nothing is overwritten"),
        ([*API, "--calls", "orders/apu:orders.read"], "'orders/apu' offers no scopes; did you mean 'orders/api'?"),
        ([*API, "--calls", "orders/api:orders.reed"], "'orders/api' declares no scope 'orders.reed'; did you mean 'orders.read'?"),
        ([*API, "--client", "web", "--calls", "reports/library:reports.audit,reports.publish"], "no role of 'reports/library' grants reports.audit and reports.publish; its owner, team-insight, has to add one (applications/reports.yaml:9:7)"),
        (["--app", "b", *WORKER, "--owner", "o", "--client", "web"], "error ACC210: "),
        (["--app", "b", *WORKER, "--owner", "o", "--group", "g"], "groups and components hold roles of what offers scopes, a webservice whose users sign in elsewhere: leave --group out"),
        ([*API, "--client", "browser", "--group", "g"], "whose users sign in elsewhere: leave --group out"),
        (["--app", "b", *WORKER, "--owner", "o", "--caller", "shop/web"], "elsewhere: leave --caller out"),
        ([*API, "--caller", "shop/checkot"], "'shop/checkot' is no client; did you mean 'shop/checkout'?"),
        ([*API, "--caller", "shop/web"], "'shop/web' calls for its users: name a group that they are in"),
        (["--app", "b", *WORKER, "--owner", "o", "--path", "/x"], "nobody calls a worker: leave --path out"),
        (["--app", "billing", "--component", "app", "--owner", "o", "--client", "native"], "--redirect-uri missing"),
        ([*PHONE, "--image", "x"], "what runs elsewhere is not deployed here: leave --image out"),
        ([*PHONE, "--jwks-uri", "https://a.example.com/keys"], "only a client of kind external has one: leave --jwks-uri out"),
        ([*API, "--type", "external"], "what runs elsewhere is not deployed here"),
        (["--app", "billing", "--component", "app", "--owner", "o", "--type", "external"], "error OAM102: unknown field 'image' in external"),
        ([*PHONE, "--redirect-uri", "https://shop.example.com/cb"], "error ACC210: redirect URI 'https://shop.example.com/cb' does not stay on the device"),
        (["--app", "b", "--component", "c"], "--image, --owner, --port missing; `new --help` has an example"),
        ([*API, "--port", "70000"], "error OAM103: http./"),
        ([*API, "--type", "cron"], "error OAM104: "),
        ([*API, "--path", "/a;b"], "error ACC213: "),
        ([*API, "--domain", "not a host"], "error OAM103: domain: "),
        ([*API, "--component", "api"], "error OAM107: "),
        ([*API, "--domain", "orders.example.com", "--path", "/orders/health"], "warning LINT304: "),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_and_nothing_is_written(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, one reason, and every file as it was."""
    before = files()
    assert main(["new", *arguments]) == 2
    assert message in capsys.readouterr().err
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
def test_hostile_values_stay_texts_or_are_refused(
    flag: str, value: str
) -> None:
    """What is written is one file in the folder, reads as meant, and passes `check`; else nothing is."""
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
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither a file that holds other Applications is overwritten, nor a link followed."""
    shutil.move("applications/hello.yaml", BILLING)
    before = files()
    assert main(["new", *API]) == 2
    assert (
        f"{BILLING} holds other Applications; nothing is overwritten"
        in capsys.readouterr().err
    )
    shutil.move(BILLING, "applications/hello.yaml")
    Path(BILLING).symlink_to("../../elsewhere.yaml")
    assert main(["new", *API, "--calls", "orders/api:orders.read"]) == 2
    assert (
        f"{BILLING}:1:1: error OAM101: cannot be read: this link to ../../elsewhere.yaml leaves the folder"
        in capsys.readouterr().err
    )
    assert not Path("../elsewhere.yaml").exists()
    Path(BILLING).unlink()
    shutil.move("applications/hello.yaml", BILLING)
    assert files() == before


def test_an_application_in_flow_style_is_not_guessed_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where the text cannot be extended with certainty, it says so."""
    Path(BILLING).write_text(
        "{apiVersion: core.oam.dev/v1beta1, kind: Application, metadata: {name: billing, annotations: {owner: o}}, "
        "spec: {components: [{name: one, type: worker, properties: {image: x}}]}}\n"
    )
    before = files()
    assert main(["new", *API]) == 2
    assert (
        f"{BILLING} is not written so that it could be extended with certainty"
        in capsys.readouterr().err
    )
    assert files() == before


def test_applications_with_errors_are_mended_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody extends what would not be provisioned."""
    Path(BILLING).write_text("spec: [\n")
    assert main(["new", *API]) == 2
    assert (
        "1 error(s): these Applications would not be provisioned"
        in capsys.readouterr().err
    )


def test_json_has_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its whole text."""
    assert main(["new", *API, "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["files"]
    assert (entry["file"], entry["new"]) == (BILLING, True)
    assert entry["text"] == Path(BILLING).read_text("utf-8")


def test_a_webservice_that_speaks_tls_has_an_issuer() -> None:
    """Where the stack names a CA."""
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
    written = yaml.safe_load(Path(BILLING).read_text("utf-8"))["spec"][
        "components"
    ][0]["traits"]
    issuer = {"kind": "ClusterIssuer", "name": "internal"}
    assert written[-1] == {
        "type": "upstream-tls",
        "properties": {"issuer": issuer},
    }


@pytest.mark.parametrize(
    "message", ["60", "0/minute", "60/minute/2", "-1/minute"]
)
def test_a_limit_that_is_none_says_how_one_is_written(
    message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", *API, f"--rate-limit={message}"]) == 2
    assert (
        "is no limit: write REQUESTS/WINDOW as 60/minute"
        in capsys.readouterr().err
    )
    assert not Path(BILLING).exists()
