"""The log lines of `make demo`."""

from sandbox.demo.table import Call, Caller, Table, log

RECORD = """{"requestId": "1", "client": "0oa1", "user": true, "subject": "ann", "status": 403, "code": "scope-missing"}"""


def test_a_log_line_names_a_client_by_its_component() -> None:
    """Also at an API that the client does not call. The record has only the provider's id there."""
    call = Call("GET", "a.example", b"/")
    callers = (Caller("shop/web for ann", "t", "", None),)
    codes = {call: ("scope-missing",)}
    status = {call: (403,)}
    table = Table(callers, status, status, codes, {call: ("1",)})
    assert log(table, RECORD) == (
        [
            "  A  GET    a.example/  403  scope-missing           shop/web for ann                -"
        ],
        [],
    )
