"""Who is let in: networks, ports and interfaces that are none, and firewalls that cannot be."""

from __future__ import annotations

from tests.unit.inventory.bad_inputs.case import ALL, Case, variables

FIREWALL = {
    "network without a length": variables(
        "gateway: {allow_from: [10.0.0.0]}\n", f"{ALL}:1", "`gateway.allow_from`", "10.0.0.0/8"
    ),
    "network with bits behind its length": variables(
        "gateway:\n  allow_from: [10.0.0.1/8]\n", f"{ALL}:2", "`10.0.0.1/8`", "no network"
    ),
    "network longer than addresses are": variables(
        "gateway:\n  allow_from: [10.0.0.0/40]\n", f"{ALL}:2", "`10.0.0.0/40`", "no network"
    ),
    "firewall switched on": variables("firewall: {mode: 'on'}\n", f"{ALL}:1", "`off`, `ports` or `host`"),
    "a firewall's network with bits behind its length": variables(
        "firewall:\n  ssh_from: [10.0.0.1/8]\n", f"{ALL}:2", "`10.0.0.1/8` in `firewall.ssh_from`", "no network"
    ),
    "a further port without a protocol": variables(
        "firewall:\n  extra_ports:\n    '9100': []\n", f"{ALL}:3", "`9100` in `firewall.extra_ports`", "9100/tcp"
    ),
    "a further port that is none": variables(
        "firewall:\n  extra_ports:\n    70000/tcp: []\n", f"{ALL}:3", "`70000/tcp` in `firewall.extra_ports`"
    ),
    "a further port with a network that is none": variables(
        "firewall:\n  extra_ports:\n    9100/tcp: [10.0.0.0/40]\n", f"{ALL}:3", "`10.0.0.0/40`", "no network"
    ),
    "an interface with a space": variables(
        "firewall: {trusted_interfaces: ['wg 0']}\n", f"{ALL}:1", "`firewall.trusted_interfaces`", "wg0"
    ),
    "closing this machine itself": variables(
        "connection: {transport: local}\nfirewall:\n  mode: host\n", f"{ALL}:3", "`firewall.mode` needs `connection"
    ),
    "hardening this machine's own sshd": variables(
        "connection: {transport: local}\nhardening:\n  sshd: true\n", f"{ALL}:3", "`hardening.sshd` needs `connection"
    ),
    "a firewall that cannot tell the hosts": Case(
        {
            "hosts.yml": "app: {hosts: {app1: {connection: {address: app.example.com}, publish_address: '::'}}}\n"
            "edge: {hosts: {app1: }}\n"
            "data: {hosts: {data1: {connection: {address: 192.0.2.3}, private_address: 10.0.0.3}}}\n",
            "group_vars/all.yml": "firewall:\n  mode: ports\n",
        },
        f"{ALL}:2",
        ("cannot let `app1` in", "`private_address` for app1"),
    ),
}
