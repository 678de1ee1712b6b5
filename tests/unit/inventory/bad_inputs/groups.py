"""Hosts and groups that hosts.yml cannot mean."""

from __future__ import annotations

from tests.unit.inventory.bad_inputs.case import HOSTS, Case, hosts

GROUPS = {
    "empty hosts.yml": hosts("", HOSTS, "no hosts"),
    "groups without hosts": hosts("app:\ndata:\n", HOSTS, "no hosts"),
    "hosts as a list": hosts("app:\n  hosts: [a]\n", f"{HOSTS}:2", "`hosts` of group `app`", "mapping"),
    "unknown part of a group": hosts("app:\n  host:\n    a:\n", f"{HOSTS}:2", "`host`", "did you mean `hosts`"),
    "range of hosts": hosts("app:\n  hosts:\n    app[1:3]:\n", f"{HOSTS}:3", "app[1:3]", "range"),
    "host name with a slash": hosts("app:\n  hosts:\n    ../x:\n", f"{HOSTS}:3", "cannot be the name of a host"),
    "group name with a space": hosts("my app:\n", f"{HOSTS}:1", "cannot be the name of a group"),
    "group cycle": hosts(
        "a:\n  children:\n    b:\nb:\n  children:\n    c:\nc:\n  children: {a: }\n  hosts: {x: }\n",
        f"{HOSTS}:1",
        "contain each other",
        "a -> b -> c -> a",
    ),
    "group in itself": hosts("app:\n  hosts: {x: }\n  children: {app: }\n", f"{HOSTS}:1", "app -> app"),
    "all as a child": hosts("app:\n  hosts: {x: }\n  children: {all: }\n", f"{HOSTS}:3", "all -> app -> all"),
    "duplicate host": hosts(
        "app:\n  hosts:\n    a: {directory: /a}\nedge:\n  hosts:\n    a: {directory: /b}\n",
        f"{HOSTS}:6",
        "host `a` has variables twice",
        "line 3",
    ),
    "duplicate host in one group": hosts("app:\n  hosts:\n    a:\n    a:\n", f"{HOSTS}:4", "`a` is given twice"),
    "group vars twice": hosts(
        "app:\n  vars: {directory: /a}\nall:\n  children:\n    app:\n      vars: {directory: /b}\n",
        f"{HOSTS}:6",
        "`app` has `vars` twice",
    ),
    "host without role": Case(
        {"host_vars/x.yml": "", "hosts.yml": "web:\n  hosts:\n    x:\n"}, f"{HOSTS}:3", ("`x` has no role", "app")
    ),
}
