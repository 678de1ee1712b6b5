"""Addresses, ports and URLs that are none, that are missing, or that two want."""

from __future__ import annotations

from tests.unit.inventory.bad_inputs.case import ALL, HOSTS, Case, hosts, variables

ADDRESSES = {
    **{
        f"an address that is none: {address!r}": Case(
            {}, "--set connection.address", ("must be an IP address",), (f"connection.address='{address}'",)
        )
        for address in ("a..b", ".", f"{'a' * 64}.com", "ann@192.0.2.1", "192.0.2.1:22", "ssh://a", "a b")
    },
    **{
        f"a jump host that is none: {jump!r}": variables(
            f"connection:\n  jump: {jump!r}\n", f"{ALL}:2", "`connection.jump`", "user@address:port"
        )
        for jump in ("a..b", "ann@a:b", "ann@a:99999", "ann@a:0", "ann@", "@a", "a:", "ann@b@a", "ssh://a")
    },
    "no address": hosts("app:\n  hosts:\n    a:\n", f"{HOSTS}:3", "`a`", "`connection.address`"),
    "publish address is a name": variables("publish_address: web\n", f"{ALL}:1", "`publish_address`", "IP"),
    "private address is a name": variables("private_address: web\n", f"{ALL}:1", "`private_address`", "IP"),
    "no publish address": Case(
        {"host_vars/app2.yml": "connection: {address: app2.example.com}\n"},
        f"{HOSTS}:5",
        ("`app2` has no `publish_address`", "no IP"),
    ),
    "data host without private address": Case(
        {"host_vars/data1.yml": "private_address: ''\n"},
        f"{HOSTS}:13",
        ("host `data1`", "`private_address`", "app1 reaches its postgres"),
    ),
    "app host without private address": Case(
        {"host_vars/data1.yml": "roles: [edge]\n"},
        f"{HOSTS}:3",
        ("host `app1`", "`private_address`", "edges of other hosts"),
    ),
    "same address": Case(
        {"host_vars/app2.yml": "connection: {address: 192.0.2.1}\n"},
        f"{HOSTS}:5",
        ("`app1`", "`app2`", "192.0.2.1 port 22", f"{HOSTS}:3"),
    ),
    "URL with a path": variables("urls:\n  ui: https://x/y\n", f"{ALL}:2", "`urls.ui`", "nothing after it"),
    "port clash": variables(
        "ports:\n  ui: 9999\n  gateway: 9999\n", f"{ALL}:3", "port 9999", "`ports.gateway`", "`ports.ui`", f"{ALL}:2"
    ),
    "port clash with sshd": variables("ports: {ui: 22}\n", f"{ALL}:1", "`connection.port`", "`ports.ui`"),
    "port clash on the data host": variables(
        "ports:\n  postgres: 9000\n", f"{ALL}:2", "`data1`", "`ports.postgres`", "`ports.object_store`"
    ),
}
