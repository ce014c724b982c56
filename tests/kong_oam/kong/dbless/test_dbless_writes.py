"""Writes to nodes without a database: all nodes have the same document, or nothing changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from kong_oam.kong.account import Account
from kong_oam.kong.dbless.document import Document, DocumentError
from kong_oam.kong.dbless.file import DocumentFile
from kong_oam.kong.dbless.nodes import Node, NodeError
from kong_oam.kong.dbless.session import StaleNodesError
from sandbox.kong import Kong
from sandbox.kong.http import Request, Response
from tests.support.dbless import load, nodes, writable

# Many run at once on a busy machine.
CLIENT = httpx.Client(timeout=60.0)
SERVICE = {"name": "orders", "host": "orders.local"}


@pytest.fixture
def three() -> Iterator[Sequence[Kong]]:
    with nodes(3) as standing:
        yield standing


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "document"


def _names(node: Kong) -> list[str]:
    return [service["name"] for service in node.entities("services")]


def _saved(file: Path) -> Document:
    document = DocumentFile(file).load("prod")
    assert document
    return document


def _loads(node: Kong) -> list[str]:
    """Return a list that gets the target of each load of a node from now on."""
    seen: list[str] = []

    def count(request: Request, answer: object) -> Response | None:
        if request.target.startswith("/config") and request.method == "POST":
            seen.append(request.target)
        return answer()  # type: ignore[operator, no-any-return]

    node.faults = count
    return seen


def test_a_write_is_in_the_document_and_in_each_node(
    three: Sequence[Kong], file: Path
) -> None:
    with writable(three, file) as address:
        made = CLIENT.post(f"{address}/services", json=SERVICE)
        assert made.status_code == 201
        assert [_names(node) for node in three] == [["orders"]] * 3
        table = _saved(file).tables["services"]
        assert [*table] == [made.json()["id"]]
        # A node adds defaults. The document has the fields that were sent.
        assert made.json()["retries"] == 5
        assert "retries" not in table[made.json()["id"]]


def test_a_refused_write_changes_nothing(
    three: Sequence[Kong], file: Path
) -> None:
    with writable(three, file) as address:
        CLIENT.post(f"{address}/services", json=SERVICE)
        before = _saved(file)
        wrong = CLIENT.post(f"{address}/services", json={"name": "a"})
        assert wrong.status_code == 400
        assert wrong.json()["fields"] == {"host": "required field missing"}
        again = CLIENT.post(f"{address}/services", json=SERVICE)
        assert again.status_code == 409
        assert _saved(file) == before
        assert [_names(node) for node in three] == [["orders"]] * 3


def test_a_patch_merges_the_configuration(
    three: Sequence[Kong], file: Path
) -> None:
    with writable(three, file) as address:
        plugin = CLIENT.post(
            f"{address}/plugins",
            json={
                "name": "request-termination",
                "config": {"status_code": 418, "message": "no"},
            },
        ).json()
        changed = CLIENT.patch(
            f"{address}/plugins/{plugin['id']}",
            json={"config": {"message": "never"}},
        ).json()
    assert changed["config"]["status_code"] == 418
    assert changed["config"]["message"] == "never"


def test_fields_are_printed_under_their_former_names_too(
    three: Sequence[Kong], file: Path
) -> None:
    """A node's answer to a load lacks these names, and the node's Admin API prints them."""
    # A run sends both names.
    config = {"minute": 5, "redis": {"port": 6380}, "redis_port": 6380}
    limit = {"name": "rate-limiting", "config": config}
    with writable(three, file) as address:
        made = CLIENT.post(f"{address}/plugins", json=limit).json()
    (printed,) = three[0].entities("plugins")
    assert made["config"]["redis_port"] == 6380
    assert made["config"] == printed["config"]
    with writable(three, file) as address:
        read = CLIENT.get(f"{address}/plugins/{made['id']}").json()
    assert read == made


def test_an_entity_with_another_entitys_id_is_answered(
    three: Sequence[Kong], file: Path
) -> None:
    """Kinds have ids of their own."""
    with writable(three, file) as address:
        service = CLIENT.post(f"{address}/services", json=SERVICE).json()
        path = f"{address}/consumers/{service['id']}"
        assert (
            CLIENT.put(path, json={"username": "bob"}).json()["username"]
            == "bob"
        )


def test_writes_at_once_are_few_loads(
    three: Sequence[Kong], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong write among them fails alone."""
    # Linux lists all connections slowly if there are thousands. Then no writes come at once.
    monkeypatch.setattr(
        "kong_oam.kong.dbless.server.owner", lambda *_: os.getuid()
    )
    with writable(three, file) as address:
        loads = _loads(three[2])

        def write(number: int) -> int:
            name = {"name": f"n{number}"} if number % 4 else {}
            body = {
                "host": "h.local",
                **name,
                "protocol": "http" if number else "x",
            }
            return CLIENT.post(f"{address}/services", json=body).status_code

        with ThreadPoolExecutor(24) as pool:
            statuses = [*pool.map(write, range(24))]
    assert sorted(statuses) == [201] * 23 + [400]
    assert 1 <= len(loads) < 23
    assert len(_saved(file).tables["services"]) == 23
    assert [len(_names(node)) for node in three] == [23] * 3


def test_a_write_that_only_the_document_makes_wrong_fails_alone(
    three: Sequence[Kong], file: Path
) -> None:
    """The first node refuses the whole document, and names the entity."""
    with writable(three, file) as address:
        first = {"cert": "x", "key": "y"}
        authority = CLIENT.post(f"{address}/ca_certificates", json=first)
        assert authority.status_code == 400
        CLIENT.post(f"{address}/services", json=SERVICE)
        assert _names(three[0]) == ["orders"]


@pytest.mark.parametrize("away", [0, 1, 2])
def test_a_node_that_is_away_is_named_and_nothing_changes(
    away: int, three: Sequence[Kong], file: Path
) -> None:
    with (
        pytest.raises(StaleNodesError, match=str(three[away].admin_url)),
        writable(three, file) as address,
    ):
        CLIENT.post(f"{address}/services", json=SERVICE)
        before = _saved(file)
        url = three[away].admin_url
        three[away].stop()
        failed = CLIENT.post(
            f"{address}/services", json={**SERVICE, "name": "b"}
        )
        assert failed.status_code == 503
        assert f"the node {url} does not answer" in failed.json()["message"]
        assert _saved(file) == before
        others = [node for node in three if node is not three[away]]
        assert [_names(node) for node in others] == [["orders"]] * 2


def test_a_node_that_refuses_the_document_of_others_is_named(
    three: Sequence[Kong], file: Path
) -> None:
    with writable(three, file) as address:

        def refuse(request: Request, answer: object) -> Response | None:
            if request.method == "POST":
                return Response(400, (), b'{"message": "unknown plugin"}')
            return answer()  # type: ignore[operator, no-any-return]

        three[1].faults = refuse
        failed = CLIENT.post(f"{address}/services", json=SERVICE)
        assert failed.status_code == 503
        assert "give all nodes the same version" in failed.json()["message"]
        three[1].faults = None
        assert [_names(node) for node in three] == [[]] * 3


def test_a_document_that_cannot_be_saved_changes_nothing(
    three: Sequence[Kong], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing more is written if the document cannot be restored either."""

    def full(*_: object) -> None:
        raise DocumentError("the disk is full")

    with (
        pytest.raises(StaleNodesError, match="the disk is full"),
        writable(three, file) as address,
    ):
        monkeypatch.setattr(DocumentFile, "save", full)
        failed = CLIENT.post(f"{address}/services", json=SERVICE)
        assert failed.status_code == 503
        assert [_names(node) for node in three] == [[]] * 3
        monkeypatch.undo()
        later = CLIENT.post(f"{address}/services", json=SERVICE)
        assert later.json()["message"] == "the disk is full"


def test_a_saved_document_is_loaded_into_new_nodes(file: Path) -> None:
    with nodes(1) as first, writable(first, file) as address:
        CLIENT.post(f"{address}/services", json=SERVICE)
    with nodes(2) as others, writable(others, file):
        assert [_names(node) for node in others] == [["orders"]] * 2


def test_a_node_with_other_entities_is_refused(
    three: Sequence[Kong], file: Path
) -> None:
    with writable(three, file):
        pass
    with writable(three[:1], file.with_name("other")) as address:
        CLIENT.post(f"{address}/services", json=SERVICE)
    with (
        pytest.raises(
            NodeError, match=r"lacks. --replace drops them:\n  services orders$"
        ),
        writable(three, file),
    ):
        pass
    with writable(three, file, replaces=True):
        assert [_names(node) for node in three] == [[]] * 3


OURS = {**SERVICE, "tags": ["kong-oam", "kong-oam-stack:prod"]}


def _changed(three: Sequence[Kong], file: Path) -> bytes:
    """Write an entity of the stack. Return the document before it."""
    with writable(three, file) as address:
        before = file.read_bytes()
        made = CLIENT.post(f"{address}/services", json=OURS)
        assert made.status_code == 201
    return before


def test_an_entity_of_an_interrupted_write_is_dropped(
    three: Sequence[Kong], file: Path
) -> None:
    """The first node had it, and the document not yet. Entities of others stay a reason to stop."""
    with writable(three, file) as address:
        CLIENT.post(f"{address}/consumers", json={"username": "bob"})
    before = _changed(three[:1], file)
    file.write_bytes(before)
    with writable(three, file):
        assert [_names(node) for node in three] == [[]] * 3


def test_a_document_that_is_out_of_date_is_refused(
    three: Sequence[Kong], file: Path
) -> None:
    """It would open paths again that the nodes close."""
    old = _changed(three, file)
    new = file.read_bytes()
    file.write_bytes(old)
    with (
        pytest.raises(
            NodeError,
            match=r"may be out of date: .*`python -m kong_oam dbless -s prod --replace -- true`",
        ),
        writable(three, file),
    ):
        pass
    assert [_names(node) for node in three] == [["orders"]] * 3
    file.write_bytes(new)
    with writable(three, file):
        pass
    file.write_bytes(old)
    with writable(three, file, replaces=True):
        assert [_names(node) for node in three] == [[]] * 3


def test_nodes_with_an_earlier_document_get_the_saved_document(
    three: Sequence[Kong], file: Path
) -> None:
    """Pods may all have restarted with an older Secret."""
    with writable(three, file) as address:
        CLIENT.post(f"{address}/services", json=SERVICE)
        older = file.read_bytes()
        CLIENT.delete(f"{address}/services/orders")
        CLIENT.post(f"{address}/services", json={**SERVICE, "name": "new"})
    for node in three:
        load(node, older)
    with writable(three, file):
        assert [_names(node) for node in three] == [["new"]] * 3


def test_a_lost_document_drops_nothing(
    three: Sequence[Kong], file: Path
) -> None:
    _changed(three, file)
    file.unlink()
    with (
        pytest.raises(
            NodeError,
            match=(
                f"has entities; there is no document {file}, so restore it. --replace drops them:"
                "\n  services orders$"
            ),
        ),
        writable(three, file),
    ):
        pass
    assert [_names(node) for node in three] == [["orders"]] * 3


def test_a_node_of_an_ingress_controller_is_refused(
    three: Sequence[Kong], file: Path
) -> None:
    with writable(three, file) as address:
        tagged = {**SERVICE, "tags": ["k8s-kind:Service"]}
        CLIENT.post(f"{address}/services", json=tagged)
    with (
        pytest.raises(NodeError, match="an ingress controller writes the node"),
        writable(three, file, replaces=True),
    ):
        pass


def test_a_node_with_a_database_is_refused(file: Path) -> None:
    with (
        Kong() as kong,
        pytest.raises(
            NodeError, match=r"has a database; remove gateway\.nodes"
        ),
        writable([kong], file),
    ):
        pass


def test_other_requests_go_to_the_first_node(
    three: Sequence[Kong], file: Path
) -> None:
    with writable(three, file) as address:
        root = CLIENT.get(f"{address}/").json()
        assert root["configuration"]["database"] == "off"
        assert root["configuration"]["kong_oam_written_by"] == "dbless"
        assert CLIENT.get(f"{address}/schemas/plugins/jwt").status_code == 200
        assert CLIENT.get(f"{address}/plugins/enabled").status_code == 200
        assert CLIENT.get(f"{address}/nothing").status_code == 404
        loaded = CLIENT.post(f"{address}/config", json={"config": "{}"})
        assert loaded.status_code == 405


def test_other_users_are_rejected(
    three: Sequence[Kong], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writable(three, file) as address:
        monkeypatch.setattr(
            "kong_oam.kong.dbless.server.owner", lambda *_: 12345
        )
        with pytest.raises(httpx.HTTPError):
            CLIENT.get(f"{address}/services")


def test_a_killed_command_leaves_a_whole_document(
    three: Sequence[Kong], file: Path
) -> None:
    """The next command needs the freed lock, and repairs the nodes."""
    urls = ",".join(node.admin_url for node in three)
    script = (
        "import os, sys, httpx\n"
        "from pathlib import Path\n"
        "from kong_oam.access.settings.dbless import DblessSettings\n"
        "from kong_oam.kong.account import Account\n"
        "from kong_oam.kong.dbless.session import session\n"
        "settings = DblessSettings(tuple(sys.argv[1].split(',')), sys.argv[2])\n"
        "with session('prod', settings, Account(''), 'killed', 0) as address:\n"
        "    httpx.post(f'{address}/services', json={'name': 'a', 'host': 'h'})\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, urls, str(file)], timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    with (
        pytest.raises(DocumentError, match="in use by 'killed'"),
        writable(three, file),
    ):
        pass
    freed = DocumentFile(file).free()
    assert freed and "killed" in freed
    assert [*file.parent.iterdir()] == [file]
    with writable(three, file):
        assert [_names(node) for node in three] == [["a"]] * 3


@pytest.mark.parametrize(
    ("status", "body"),
    [(413, "<html>"), (400, '{"message":"Cannot parse JSON body"}')],
)
def test_a_document_above_kongs_limit_names_the_settings(
    status: int, body: str
) -> None:
    """Kong answers so above 10 MB: by its limit, and by the size of its buffer."""
    refusing = httpx.MockTransport(
        lambda _: httpx.Response(status, content=body)
    )
    node = Node(Account("http://10.0.0.1:8001"), transport=refusing)
    with pytest.raises(NodeError, match="set nginx_admin_client_max_body_size"):
        node.load("{}")
