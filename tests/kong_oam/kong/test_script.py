"""The inputs of a script, to the byte, since deployed scripts are compared with intended scripts."""

from __future__ import annotations

import pytest

from kong_oam.kong import plugins
from kong_oam.kong.script import (
    NOTE,
    ScriptInputs,
    inputs_of,
    with_inputs,
    with_table,
)
from policies.scripts import address_of, expected_scripts, table_of

TABLE = '{\n"rules": {"/a]==]b": "]\'"},\n"hosts": [[1]]\n}'
ESCAPED = TABLE.replace(
    '/a]==]b": "]\'"', '/a\\u005d==\\u005db": "\\u005d\\u0027"'
)
WRITTEN = ESCAPED.replace('"', "'")
ADDRESS = '{"host":"api.test","port":8080}'


def test_a_frame_is_the_same_byte_for_byte() -> None:
    """Stacks that are deployed have these: another blank would update every plugin of each."""
    assert NOTE.startswith("\n-- In a failed run: ") and NOTE.endswith(
        ": .*'\n"
    )
    table, address = (
        f"local TABLE = [==[{WRITTEN}]==]\n",
        "local UPSTREAM = [==[{'host':'api.test','port':8080}]==]\n",
    )
    assert with_inputs(ScriptInputs(TABLE), "x()") == f"{NOTE}{table}x()"
    assert (
        with_inputs(ScriptInputs(TABLE, ADDRESS), "x()")
        == f"{NOTE}{table}{address}x()"
    )
    (admission,), (gate,) = (
        plugins.admission(TABLE, more=["x-a"])["access"],
        plugins.gate(TABLE, ADDRESS)["access"],
    )
    assert admission.startswith(
        f"{NOTE}{table}local MORE = 'x-a'\n-- kong_oam/kong/code.py\n"
    )
    assert gate.startswith(
        f"{NOTE}{table}{address}-- kong_oam/kong/lua: answer, addresses, gate\n"
    )


@pytest.mark.parametrize("address", [None, ADDRESS])
def test_what_a_script_is_given_is_read_back(address: str | None) -> None:
    """The note may vary or be missing, and the JSON may have the form of an earlier version. The
    script itself does not matter."""
    script = with_inputs(
        ScriptInputs(TABLE, address),
        "local TABLE = [==[{}]==]\nlocal UPSTREAM = [==[{}]==]\n",
    )
    before = script.replace(WRITTEN, ESCAPED).replace(
        "{'host':'api.test','port':8080}", ADDRESS
    )
    for text in (
        script,
        script.removeprefix(NOTE),
        f"\n-- another\n{script.removeprefix(NOTE)}",
        before,
    ):
        assert inputs_of(text) == ScriptInputs(ESCAPED, address)
    for other in (
        "",
        "x()",
        f"x(){script}",
        f"--{script}",
        script.replace("]==]", "]=]"),
    ):
        assert inputs_of(other) is None


def test_another_table_leaves_all_else_as_it_is() -> None:
    """Also a bracket in it is an escape."""
    script = with_inputs(ScriptInputs(TABLE, ADDRESS), "x()")
    assert with_table(script, lambda table: f"{table}]") == script.replace(
        WRITTEN, f"{WRITTEN}]"
    )
    assert with_table(script, str.upper) == with_inputs(
        ScriptInputs(ESCAPED.upper(), ADDRESS), "x()"
    )
    assert with_table(script, lambda _: TABLE) == script
    assert with_table(script, lambda _: '"]"') == with_inputs(
        ScriptInputs('"]"', ADDRESS), "x()"
    )


def test_the_pack_takes_what_is_sent_for_what_is_meant() -> None:
    """It makes the scripts anew of the inputs that it reads in them."""
    admission, gate = (
        plugins.admission(TABLE, 600, ["x-a"]),
        plugins.gate(TABLE, ADDRESS),
    )
    assert expected_scripts("pre-function", admission) == admission
    assert expected_scripts("post-function", gate) == gate
    for config in (admission, gate):
        assert table_of(config) == {"rules": {"/a]==]b": "]'"}, "hosts": [[1]]}
    assert (address_of(admission), address_of(gate)) == (
        None,
        {"host": "api.test", "port": 8080},
    )
