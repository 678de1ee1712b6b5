"""Keys that there are not, or not there."""

from __future__ import annotations

from tests.unit.inventory.bad_inputs.case import ALL, HOSTS, hosts, variables

KEYS = {
    "unknown key": variables("ports:\n  gatway: 1\n", f"{ALL}:2", "`ports.gatway`", "`ports.gateway`"),
    "unknown section": variables("jwan:\n  cpus: 1\n", f"{ALL}:1", "`jwan`", "did you mean `jawn`"),
    "key without its section": variables("base_url: x\n", f"{ALL}:1", "`base_url`", "`providers.*.base_url`"),
    "unknown key, nothing like it": variables("\nzzzzqqqq: 1\n", f"{ALL}:2", "unknown key `zzzzqqqq`"),
    "ansible's name": hosts(
        "app:\n  hosts:\n    a:\n      ansible_host: 192.0.2.1\n",
        f"{HOSTS}:4",
        "`ansible_host`",
        "did you mean `connection.address`",
    ),
    "ansible's user": variables("ansible_user: root\n", f"{ALL}:1", "did you mean `connection.user`"),
    "a secret in the inventory": variables(
        "postgres:\n  password: hunter2\n", f"{ALL}:2", "`postgres.password`", "secrets.edit"
    ),
    "dotted key in a file": variables("ports.ui: 1\n", f"{ALL}:1", "`ports.ui`", "nested"),
    "section without keys": variables("ports:\n", f"{ALL}:1", "`ports`", "section"),
    "section given as a list": variables("ports: [1]\n", f"{ALL}:1", "`ports`", "section"),
}
