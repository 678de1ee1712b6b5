"""What is typed: --limit and --set."""

from __future__ import annotations

from tests.unit.inventory.bad_inputs.case import Case

COMMAND_LINE = {
    "limit to nobody": Case({}, "--limit", ("`ap1`", "did you mean `app1`"), limit="ap1"),
    "limit to nothing": Case({}, "--limit", ("no host or group ``",), limit=""),
    "limit to an empty group": Case(
        {
            "hosts.yml": "empty:\napp: {hosts: {x: }}\nedge: {hosts: {x: }}\ndata: {hosts: {x: }}\n"
            "all: {vars: {connection: {address: 192.0.2.1}}}\n"
        },
        "--limit",
        ("selects no host",),
        limit="empty",
    ),
    "set without =": Case({}, "--set ports.ui", ("key=value",), settings=("ports.ui",)),
    "set of nothing": Case({}, "--set", ("key=value",), settings=("=3",)),
    "set of an unknown key": Case({}, "--set port.ui", ("did you mean `ports.ui`",), settings=("port.ui=3",)),
    "set of a wrong type": Case({}, "--set ports.ui", ("`ports.ui`", "whole number"), settings=("ports.ui=x",)),
    "set of bad YAML": Case({}, "--set ports.ui", ("`[`",), settings=("ports.ui=[",)),
}
