"""Roles that no host has or two have, and stores that are elsewhere."""

from __future__ import annotations

from tests.unit.inventory.bad_inputs.case import ALL, HOSTS, Case, hosts, variables

ROLES = {
    "no data host": hosts(
        "app: {hosts: {a: {connection: {address: 192.0.2.1}}}}\nedge: {hosts: {a: }}\n",
        HOSTS,
        "no host has the role `data`",
        "postgres, clickhouse, object_store",
        "external",
    ),
    "two data hosts": Case({"host_vars/app2.yml": "roles: [data]\n"}, HOSTS, ("more than one", "app2, data1")),
    "no edge": hosts(
        "app: {hosts: {a: {connection: {address: 192.0.2.1}}}}\ndata: {hosts: {a: }}\n", HOSTS, "role `edge`"
    ),
    "no app": hosts(
        "edge: {hosts: {a: {connection: {address: 192.0.2.1}}}}\ndata: {hosts: {a: }}\n", HOSTS, "role `app`"
    ),
    "external postgres without host": variables(
        "postgres:\n  mode: external\n", f"{ALL}:2", "`postgres.mode` is external", "`postgres.host` is empty"
    ),
    "external clickhouse without url": variables("clickhouse:\n  mode: external\n", f"{ALL}:2", "`clickhouse.url`"),
    "clickhouse url without port": variables(
        "clickhouse:\n  mode: external\n  url: http://c\n", f"{ALL}:3", "`clickhouse.url`", "host:port"
    ),
    "external store without endpoint": variables(
        "object_store:\n  mode: external\n", f"{ALL}:2", "`object_store.endpoint` is empty"
    ),
    "modes that differ": Case(
        {"host_vars/app2.yml": "postgres: {mode: external, host: db}\n"},
        "inventory/lab/host_vars/app2.yml:1",
        ("`postgres.mode` differs", "`app1`", "`app2`"),
    ),
    "upstream that differs": Case(
        {"host_vars/data1.yml": "\nupstream:\n  ref: other\n"},
        "inventory/lab/host_vars/data1.yml:3",
        ("`upstream` differs", "`data1`"),
    ),
    "postgres user": variables("postgres: {user: me}\n", f"{ALL}:1", "`postgres.user` must be postgres"),
}
