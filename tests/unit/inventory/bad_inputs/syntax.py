"""Files that are no YAML, or YAML that an inventory does not take."""

from __future__ import annotations

from tests.unit.inventory.bad_inputs.case import ALL, Case, variables

SYNTAX = {
    "tab": variables("ports:\n\tui: 1\n", f"{ALL}:2:1", "tab"),
    "tab after good lines": variables("ports:\n  ui: 1\n\tweb: 2\n", f"{ALL}:3:1", "tab"),
    "open quote": variables("admin:\n  name: 'x\n", f"{ALL}:2:9", "quote", "never closed"),
    "open bracket": variables("roles: [app\n", f"{ALL}:1:8", "`[`", "never closed"),
    "two colons": variables("admin: name: x\n", f"{ALL}:1:12", "second `:`"),
    "wrong indentation": variables("ports:\n  ui: 1\n web: 2\n", f"{ALL}:3:2", "indentation"),
    "template": variables("admin:\n  name: {{ x }}\n", f"{ALL}:2", "plain word"),
    "quoted template": variables("admin:\n  name: '{{ x }}'\n", f"{ALL}:2", "`admin.name` holds a template"),
    "percent": variables("admin:\n  name: %x\n", f"{ALL}:2:9", "quotes"),
    "tag": variables("admin:\n  name: !vault x\n", f"{ALL}:2", "`!`"),
    "undefined alias": variables("admin:\n  name: *x\n", f"{ALL}:2:9", "`*`"),
    "merge key": variables("a: &a {x: 1}\nports:\n  <<: *a\n", f"{ALL}:3", "`<<`", "group"),
    "alias of itself": variables("roles: &a [*a]\n", f"{ALL}:1", "nested too deeply"),
    "two documents": variables("---\nroles: []\n---\nroles: []\n", f"{ALL}:3:1", "---"),
    "a list": variables("- roles\n", f"{ALL}:1", "mapping"),
    "duplicate key": variables("ports:\n  ui: 1\n  web: 2\n  ui: 3\n", f"{ALL}:4", "`ui` is given twice", "line 2"),
    "not UTF-8": Case({"group_vars/all.yml": b"a: 1\nb: \xff\n"}, f"{ALL}:2", ("UTF-8",)),
    "control character": Case({"group_vars/all.yml": b"roles: []\nadmin: \x00\n"}, f"{ALL}:2", ("control",)),
    "escaped control character": variables('admin: {name: "a\\0b"}\n', f"{ALL}:1", "control"),
}
