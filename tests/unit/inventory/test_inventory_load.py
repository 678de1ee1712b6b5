"""Groups, precedence, merging, origins, roles and addresses of a loaded inventory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.errors import ConfigurationError
from gateway.inventory import known_environments, load_inventory, published_ports

if TYPE_CHECKING:
    from conftest import Project

SHIPPED = Path(__file__).parents[3]


def test_hosts_in_the_order_written_with_groups_and_roles(project: Project) -> None:
    inventory = project.load()
    assert [(host.name, host.groups, host.roles) for host in inventory.hosts.values()] == [
        ("app1", ("app", "edge"), ("app", "edge")),
        ("app2", ("app", "edge"), ("app", "edge")),
        ("data1", ("data",), ("data",)),
    ]
    assert inventory.environment == "lab"
    assert inventory.path == project.root / "inventory/lab"
    assert inventory.selected == ("app1", "app2", "data1")


@pytest.mark.parametrize(
    ("limit", "selected"),
    [
        ("app2", ("app2",)),
        ("data1, app1", ("app1", "data1")),
        ("edge", ("app1", "app2")),
        ("all", ("app1", "app2", "data1")),
    ],
)
def test_limit_takes_hosts_and_groups_and_keeps_the_order(
    project: Project, limit: str, selected: tuple[str, ...]
) -> None:
    inventory = project.load(limit=limit)
    assert inventory.selected == selected
    assert len(inventory.hosts) == 3


LAYERS = {  # lowest first: name of the layer, file, text with the value in place of @
    "group_vars/all inline": ("hosts.yml", "all: {vars: {directory: @}}\n"),
    "group_vars/all": ("group_vars/all.yml", "directory: @\n"),
    "shallow group": ("group_vars/outer.yml", "directory: @\n"),
    "deep group, early name": ("group_vars/aaa.yml", "directory: @\n"),
    "deep group, late name": ("group_vars/bbb.yml", "directory: @\n"),
    "group folder": ("group_vars/bbb/1.yml", "directory: @\n"),
    "later in the folder": ("group_vars/bbb/2.yaml", "directory: @\n"),
    "host inline": ("hosts.yml", "aaa: {hosts: {app1: {directory: @}}}\n"),
    "host_vars": ("host_vars/app1.yml", "directory: @\n"),
}


@pytest.mark.parametrize("count", range(1, len(LAYERS) + 1))
def test_precedence(project: Project, count: int) -> None:
    hosts = (project.root / "inventory/lab/hosts.yml").read_text()
    hosts = hosts.replace("connection: {address: 192.0.2.1}", "connection: {address: 192.0.2.1}\n      INLINE")
    groups = "outer: {children: {aaa: , bbb: }}\naaa: {hosts: {app1: }}\nbbb: {hosts: {app1: }}\n"
    inline = everywhere = ""
    for index, (name, (file, text)) in enumerate(list(LAYERS.items())[:count]):
        value = f"/value{index}"
        if name == "host inline":
            inline = f"directory: {value}"
        elif file == "hosts.yml":
            everywhere = text.replace("@", value)
        else:
            project.write({file: text.replace("@", value)})
    project.write({"hosts.yml": hosts.replace("INLINE", inline) + groups + everywhere})
    assert project.load().hosts["app1"].variables.directory == f"/value{count - 1}"
    assert project.load("directory=/set").hosts["app1"].variables.directory == "/set"


def test_mappings_merge_deeply_and_lists_replace(project: Project) -> None:
    project.write(
        {
            "group_vars/all.yml": "jawn: {environment: {SECOND: 2, EMPTY: ''}}\nmigrations: {allowed_absent: [a, b]}\n",
            "group_vars/app.yml": "jawn: {cpus: 0.5, environment: {}}\nmigrations: {allowed_absent: [c]}\n",
            "host_vars/app1.yml": "jawn: {environment: {FIRST: own}}\n",
        }
    )
    hosts = project.load("jawn.environment.THIRD=true").hosts
    assert hosts["app1"].variables.jawn.environment == {"FIRST": "own", "SECOND": 2, "EMPTY": "", "THIRD": True}
    assert hosts["app2"].variables.jawn.environment["FIRST"] == "one"
    assert hosts["app1"].variables.jawn.memory == "2g"
    assert hosts["app1"].variables.jawn.cpus == 0.5
    assert hosts["app1"].variables.migrations.allowed_absent == ["c"]
    assert hosts["data1"].variables.migrations.allowed_absent == ["a", "b"]


def test_every_leaf_has_an_origin(project: Project) -> None:
    project.write({"group_vars/app.yml": "\njawn:\n  cpus: 1\n", "host_vars/app1.yml": "ports:\n\n  ui: 3100\n"})
    origins = project.load("web.cpus=3").hosts["app1"].origins
    shown = {key: (str(origins[key].file), origins[key].line, origins[key].layer) for key in origins}
    assert shown["jawn.cpus"] == ("inventory/lab/group_vars/app.yml", 3, "group app")
    assert shown["jawn.memory"] == ("roles/app/role.yml", 3, "role defaults app")
    assert shown["jawn.environment.FIRST"] == ("roles/app/role.yml", 5, "role defaults app")
    assert shown["ports.ui"] == ("inventory/lab/host_vars/app1.yml", 3, "host_vars")
    assert shown["connection.address"] == ("inventory/lab/hosts.yml", 4, "host_vars")
    assert shown["web.cpus"][2] == "--set"


def test_settings_are_yaml_and_may_be_sections(project: Project) -> None:
    host = project.load(
        "ports={ui: 3100, web: 3101}",
        "docker.registry_certificates.registry.example:5000=ca.crt",
        "urls.ui=",
        "admin.name='a = b'",
        "ports.web=3102",
    ).hosts["app1"]
    assert (host.variables.ports.ui, host.variables.ports.web, host.variables.ports.gateway) == (3100, 3102, 8787)
    assert host.variables.docker.registry_certificates == {"registry.example:5000": "ca.crt"}
    assert host.variables.urls.ui == ""
    assert host.variables.admin.name == "a = b"


def test_yaml_that_means_a_text_stays_a_text(project: Project) -> None:
    project.write(
        {"group_vars/all.yml": "upstream: {ref: 2025-08-11}\nadmin: {name: 22:22}\njawn: {environment: {on: no}}\n"}
    )
    variables = project.load().hosts["app1"].variables
    assert variables.upstream.ref == "2025-08-11"
    assert variables.admin.name == "22:22"
    assert variables.jawn.environment["on"] is False


def test_aliases_are_written_out(project: Project) -> None:
    project.write({"group_vars/all.yml": "jawn: {memory: &size 700m}\nweb: {memory: *size}\n"})
    assert project.load().hosts["app1"].variables.web.memory == "700m"


def test_roles_come_from_groups_and_from_the_variable(project: Project) -> None:
    project.write(
        {
            "hosts.yml": "all: {vars: {connection: {address: 192.0.2.1}}}\none: {hosts: {only: }}\n",
            "group_vars/one.yml": "roles: [edge, data, app]\n",
        }
    )
    assert project.load().hosts["only"].roles == ("data", "app", "edge")


def test_a_member_of_a_child_group_is_a_member_of_the_parent(project: Project) -> None:
    project.write(
        {
            "hosts.yml": "all: {children: {app: {children: {eu: {hosts: {x: {connection: {address: 192.0.2.9}}}}}}}}\n"
            "edge: {hosts: {x: }}\ndata: {hosts: {x: }}\n",
        }
    )
    assert project.load().hosts["x"].groups == ("app", "data", "edge", "eu")


def test_addresses(project: Project) -> None:
    project.write(
        {
            "host_vars/app1.yml": "publish_address: 192.0.2.200\n",
            "host_vars/data1.yml": "connection: {address: data.example.com}\n",
        }
    )
    hosts = project.load().hosts
    assert (hosts["app1"].publish_address, hosts["app1"].private_address) == ("192.0.2.200", "")
    assert (hosts["app2"].publish_address, hosts["app2"].address) == ("192.0.2.2", "192.0.2.2")
    assert (hosts["data1"].publish_address, hosts["data1"].private_address) == ("", "10.0.0.3")


def test_one_local_host_is_complete(project: Project) -> None:
    project.write({"hosts.yml": "all: {hosts: {me: {connection: {transport: local}, roles: [data, app, edge]}}}\n"})
    inventory = project.load()
    host = inventory.hosts["me"]
    assert (host.address, host.publish_address, host.private_address) == ("local", "127.0.0.1", "127.0.0.1")
    assert [(port.key, port.address) for port in published_ports(host, inventory)] == [
        ("ports.gateway", "127.0.0.1"),
        ("ports.ui", "127.0.0.1"),
    ]


def test_data_ports_are_published_for_other_hosts_only_and_only_if_bundled(project: Project) -> None:
    inventory = project.load('clickhouse={mode: external, url: "http://c:8123"}')
    keys = {name: [port.key for port in published_ports(host, inventory)] for name, host in inventory.hosts.items()}
    assert keys == {
        "app1": ["ports.gateway", "ports.ui"],
        "app2": ["ports.gateway", "ports.ui"],
        "data1": ["ports.postgres", "ports.object_store"],
    }


def test_an_edge_apart_from_app_and_data_needs_their_ports(project: Project) -> None:
    project.write(
        {
            "hosts.yml": "all: {hosts: {door: {connection: {address: 192.0.2.1}, roles: [edge]}, "
            "rest: {connection: {address: 192.0.2.2}, private_address: 10.0.0.2, roles: [app, data]}}}\n"
        }
    )
    inventory = project.load()
    found = [(port.key, port.service, port.address) for port in published_ports(inventory.hosts["rest"], inventory)]
    assert found == [
        ("ports.jawn", "egress", "10.0.0.2"),
        ("ports.web", "web", "10.0.0.2"),
        ("ports.postgres", "db", "10.0.0.2"),
        ("ports.clickhouse", "clickhouse", "10.0.0.2"),
        ("ports.object_store", "object-store", "10.0.0.2"),
    ]
    with pytest.raises(ConfigurationError, match=r"port 9000 twice: `ports\.web`"):
        project.load("ports.web=9000")


def test_no_data_host_is_needed_when_all_stores_are_external(project: Project) -> None:
    project.write({"hosts.yml": "all: {hosts: {me: {connection: {address: 192.0.2.1}, roles: [app, edge]}}}\n"})
    project.load(
        "postgres={mode: external, host: db}",
        "clickhouse={mode: external, url: 'http://c:8123'}",
        "object_store={mode: external, endpoint: 'https://s3.example.com'}",
    )


def test_the_same_port_on_another_address_is_no_clash(project: Project) -> None:
    project.write({"host_vars/data1.yml": "roles: [edge, app]\npublish_address: 192.0.2.3\n"})
    project.load("ports.postgres=8787")


def test_a_byte_order_mark_and_notes_do_no_harm(project: Project) -> None:
    project.write(
        {"group_vars/all.yml": b"\xef\xbb\xbfdirectory: /x\n", "group_vars/README.md": "", "host_vars/.x": ""}
    )
    assert project.load().hosts["app1"].variables.directory == "/x"


def test_a_hundred_hosts_load_in_half_a_second(project: Project) -> None:
    lines = ["app:", "  hosts:"]
    lines += [
        f"    app{n}: {{connection: {{address: 10.1.0.{n}}}, private_address: 10.2.0.{n}}}" for n in range(1, 100)
    ]
    project.write(
        {
            "hosts.yml": "\n".join(lines) + "\nedge: {children: {app: }}\n"
            "data: {hosts: {store: {connection: {address: 10.1.0.200}, private_address: 10.2.0.200}}}\n",
            "group_vars/app.yml": "jawn: {memory: 1g}\n",
        }
        | {f"host_vars/app{n}.yml": f"jawn: {{cpus: {n}}}\n" for n in range(1, 100)}
    )
    start = time.process_time()
    inventory = project.load()
    assert time.process_time() - start < 0.5
    assert inventory.hosts["app99"].variables.jawn.cpus == 99


def test_nothing_is_remembered_between_loads(project: Project) -> None:
    assert project.load().hosts["app1"].variables.ports.ui == 3000
    project.write({"group_vars/all.yml": "ports: {ui: 3100}\n"})
    assert project.load().hosts["app1"].variables.ports.ui == 3100


@pytest.mark.parametrize("environment", ["lab", "local", "production", "staging"])
def test_shipped_environments_load(environment: str) -> None:
    inventory = load_inventory(SHIPPED, environment)
    assert inventory.selected == tuple(inventory.hosts)
    assert {role for host in inventory.hosts.values() for role in host.roles} == {"data", "app", "edge"}


def test_shipped_environments_are_known() -> None:
    assert {"lab", "local", "production", "staging"} <= set(known_environments(SHIPPED))


def test_a_bare_off_is_the_word_and_not_a_no(project: Project) -> None:
    project.write({"group_vars/edge.yml": "edge: {tls: {mode: off}}\n"})
    assert project.load().hosts["app1"].variables.edge.tls.mode == "off"
