"""Every bad input ends in one ConfigurationError that says where and what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gateway.errors import ConfigurationError
from gateway.inventory import load_inventory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conftest import Project

HOSTS = "inventory/lab/hosts.yml"
ALL = "inventory/lab/group_vars/all.yml"


@dataclass(frozen=True)
class Case:
    """Files over the valid environment, what is typed, and the error: its place and words in it."""

    files: Mapping[str, str | bytes]
    where: str
    words: tuple[str, ...]
    settings: tuple[str, ...] = ()
    limit: str | None = None
    absent: tuple[str, ...] = field(default=())


def variables(text: str, where: str, *words: str) -> Case:
    """Return the case of `text` in group_vars/all.yml."""
    return Case({"group_vars/all.yml": text}, where, words)


def hosts(text: str, where: str, *words: str) -> Case:
    """Return the case of `text` as hosts.yml."""
    return Case({"hosts.yml": text}, where, words)


CASES = {
    # keys
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
    "dotted key in a file": variables("ports.ui: 1\n", f"{ALL}:1", "`ports.ui`", "nested"),
    "section without keys": variables("ports:\n", f"{ALL}:1", "`ports`", "section"),
    "section given as a list": variables("ports: [1]\n", f"{ALL}:1", "`ports`", "section"),
    # types
    "text for a number": variables("\nports: {ui: many}\n", f"{ALL}:2", "`ports.ui`", "whole number", '"many"'),
    "port too high": variables("ports:\n  ui: 70000\n", f"{ALL}:2", "`ports.ui`", "at most 65535", "70000"),
    "truth for a number": variables("ports: {ui: yes}\n", f"{ALL}:1", "`ports.ui`", "number", "true"),
    "number for a text": variables("upstream: {ref: 5}\n", f"{ALL}:1", "`upstream.ref`", "a text", "quotes", "5"),
    "text for a truth": variables("connection: {become: perhaps}\n", f"{ALL}:1", "true or false"),
    "one of two words": variables("postgres: {mode: shared}\n", f"{ALL}:1", "`bundled` or `external`"),
    "nothing given": variables("admin:\n  name:\n", f"{ALL}:2", "`admin.name`", "a text", "not empty"),
    "mapping for a text": variables("admin: {name: {a: b}}\n", f"{ALL}:1", "`admin.name`", "a mapping"),
    "text for a list": variables("roles: app\n", f"{ALL}:1", "`roles`", "a list"),
    "unknown role": variables("roles: [db]\n", f"{ALL}:1", "`roles`", "`data`, `app` or `edge`"),
    "memory without unit": variables("jawn: {memory: '512'}\n", f"{ALL}:1", "`jawn.memory`", "512m or 2g"),
    "memory below Docker's": variables("jawn: {memory: 0m}\n", f"{ALL}:1", "`jawn.memory`", "at least 6m"),
    "processors not finite": variables("jawn: {cpus: .inf}\n", f"{ALL}:1", "finite"),
    "base URL without version": variables(
        "providers: {first: {base_url: https://u:hunter2@x.example}}\n",
        f"{ALL}:1",
        "`providers.first.base_url`",
        "version",
        "//...@",
    ),
    "base URL without host": variables(
        "providers: {first: {base_url: 'http://:80/v1'}}\n", f"{ALL}:1", "`providers.first.base_url`", "URL"
    ),
    "base URL with a port that there is not": variables(
        "providers:\n  first:\n    base_url: http://h:99999/v1\n", f"{ALL}:3", "`providers.first.base_url`", "65535"
    ),
    "e-mail without host": variables("admin: {email: me}\n", f"{ALL}:1", "`admin.email`", "e-mail"),
    "recipient not of age": variables("secrets: {recipients: [ssh-rsa]}\n", f"{ALL}:1", "age1..."),
    "relative directory": variables("directory: opt\n", f"{ALL}:1", "`directory`", "absolute path"),
    "environment value of a wrong kind": variables(
        "jawn:\n  environment:\n    A: [1]\n", f"{ALL}:3", "`jawn.environment.A`", "a text, a number, true or false"
    ),
    "environment name": variables(
        "jawn:\n  environment:\n    A-B: 1\n", f"{ALL}:3", "`A-B`", "name of an environment variable"
    ),
    "missing variable": Case(
        {"/roles/edge/role.yml": "defaults:\n  edge: {cpus: 1}\n"},
        "inventory/lab",
        ("`app1`", "no value for `edge.memory`", "group_vars/all.yml", "host_vars/app1.yml"),
    ),
    # providers and the gateway
    "the section's old name": variables(
        "provider: {base_url: 'https://x/v1'}\n", f"{ALL}:1", "`provider`", "did you mean `providers`?"
    ),
    "unknown key of a provider": variables(
        "providers:\n  vllm:\n    base_ulr: http://10.0.0.5:8000/v1\n",
        f"{ALL}:3",
        "`providers.vllm.base_ulr`",
        "did you mean `providers.vllm.base_url`?",
    ),
    "provider without a URL": variables(
        "providers: {vllm: {kind: openai}}\n", "inventory/lab", "no value for `providers.vllm.base_url`"
    ),
    "provider without anything": variables("providers:\n  vllm:\n", f"{ALL}:2", "`providers.vllm`", "section"),
    "provider given as a text": variables(
        "providers: {vllm: http://10.0.0.5:8000/v1}\n", f"{ALL}:1", "`providers.vllm`", "section"
    ),
    "providers given as a list": variables("providers: [openai]\n", f"{ALL}:1", "`providers`", "section"),
    "provider with a dot in its name": variables(
        "providers:\n  a.b: {base_url: 'https://x/v1'}\n", f"{ALL}:2", "`a.b`", "nested"
    ),
    "provider with capitals in its name": variables(
        "providers:\n  Open_AI: {base_url: 'https://x/v1'}\n", f"{ALL}:2", "`providers.Open_AI`", "lower-case"
    ),
    "provider named like a route": variables(
        "providers:\n  v1: {base_url: 'https://x/v1'}\n", f"{ALL}:2", "cannot be called v1", "route"
    ),
    "provider named like the health check": variables(
        "providers:\n  healthz: {base_url: 'https://x/v1'}\n", f"{ALL}:2", "cannot be called healthz"
    ),
    "provider of an unknown kind": variables(
        "providers: {first: {kind: openia}}\n", f"{ALL}:1", "`providers.first.kind`", "`openai` or `anthropic`"
    ),
    "key prefix with a space": variables(
        "providers: {first: {key_prefix: 'Bearer x'}}\n", f"{ALL}:1", "`providers.first.key_prefix`", "beginning"
    ),
    "one key prefix for two": variables(
        "providers:\n  third:\n    base_url: https://x/v1\n    key_prefix: ms-\n",
        f"{ALL}:4",
        "providers second and third",
        "`key_prefix`",
    ),
    "default provider that is none": variables(
        "gateway:\n  default_provider: opena1\n", f"{ALL}:2", "opena1, which is no provider", "first, second"
    ),
    "network without a length": variables(
        "gateway: {allow_from: [10.0.0.0]}\n", f"{ALL}:1", "`gateway.allow_from`", "10.0.0.0/8"
    ),
    "network with bits behind its length": variables(
        "gateway:\n  allow_from: [10.0.0.1/8]\n", f"{ALL}:2", "`10.0.0.1/8`", "no network"
    ),
    "network longer than addresses are": variables(
        "gateway:\n  allow_from: [10.0.0.0/40]\n", f"{ALL}:2", "`10.0.0.0/40`", "no network"
    ),
    # firewall
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
    "memory of the gateway below Docker's": variables("keys: {memory: 1m}\n", f"{ALL}:1", "`keys.memory`", "6m"),
    # certificates
    "public certificates without names": variables(
        "edge:\n  tls:\n    mode: auto\n", f"{ALL}:3", "`edge.tls.mode` is auto", "`edge.tls.names` is empty"
    ),
    "certificate for a sentence": variables(
        "edge: {tls: {names: ['a b']}}\n", f"{ALL}:1", "`edge.tls.names`", "host name"
    ),
    "authority without TLS": variables(
        "edge: {tls: {authority: 'http://ca.example.com'}}\n", f"{ALL}:1", "`edge.tls.authority`", "https://"
    ),
    "certificates in a relative folder": variables(
        "edge: {tls: {directory: tls}}\n", f"{ALL}:1", "`edge.tls.directory`", "absolute path"
    ),
    # YAML
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
    # hosts and groups
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
    "same address": Case(
        {"host_vars/app2.yml": "connection: {address: 192.0.2.1}\n"},
        f"{HOSTS}:5",
        ("`app1`", "`app2`", "192.0.2.1 port 22", f"{HOSTS}:3"),
    ),
    "host_vars of nobody": Case({"host_vars/ap1.yml": ""}, "inventory/lab/host_vars/ap1.yml", ("did you mean `app1`",)),
    "group_vars of nobody": Case(
        {"group_vars/dta.yml": ""}, "inventory/lab/group_vars/dta.yml", ("no group `dta`", "did you mean `data`")
    ),
    "variables without .yml": Case({"group_vars/app": ""}, "inventory/lab/group_vars/app", (".yml",)),
    # the command line
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
    # roles, stores and addresses
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
    "no address": hosts("app:\n  hosts:\n    a:\n", f"{HOSTS}:3", "`a`", "`connection.address`"),
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
    "more memory for the mirror than the gateway has": variables(
        "recorder: {mirror: 600m}\n", f"{ALL}:1", "`recorder.mirror` is 600m", "`gateway.memory`"
    ),
    "URL with a path": variables("urls:\n  ui: https://x/y\n", f"{ALL}:2", "`urls.ui`", "nothing after it"),
    "port clash": variables(
        "ports:\n  ui: 9999\n  gateway: 9999\n", f"{ALL}:3", "port 9999", "`ports.gateway`", "`ports.ui`", f"{ALL}:2"
    ),
    "port clash with sshd": variables("ports: {ui: 22}\n", f"{ALL}:1", "`connection.port`", "`ports.ui`"),
    "port clash on the data host": variables(
        "ports:\n  postgres: 9000\n", f"{ALL}:2", "`data1`", "`ports.postgres`", "`ports.object_store`"
    ),
    "role file missing": Case({}, "roles/app/role.yml", ("missing",), absent=("roles/app/role.yml",)),
    "hosts.yml missing": Case({}, "inventory/lab", ("hosts.yml is missing",), absent=(HOSTS,)),
    "unknown key in role defaults": Case(
        {"/roles/edge/role.yml": "needs: []\ndefaults:\n  egde: {}\n"}, "roles/edge/role.yml:3", ("`edge`",)
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_says_where_and_what(project: Project, case: Case) -> None:
    project.write(case.files)
    for name in case.absent:
        (project.root / name).unlink()
    with pytest.raises(ConfigurationError) as caught:
        project.load(*case.settings, limit=case.limit)
    error = caught.value
    assert error.exit_code == 2
    assert error.where == case.where
    for word in case.words:
        assert word in str(error)
    assert "hunter2" not in str(error)
    assert "\n" not in error.message


def test_more_than_thirty() -> None:
    assert len(CASES) > 30


@pytest.mark.parametrize(
    ("name", "words"),
    [("lba", "did you mean `lab`"), ("../lab", "lab"), ("", "lab"), ("LAB", "lab"), ("a\x00b", "lab"), (".", "lab")],
)
def test_unknown_environment_lists_the_known(project: Project, name: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match="unknown environment") as caught:
        load_inventory(project.root, name)
    assert words in str(caught.value)
