"""What `--explain` and the table of hosts say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from gateway.errors import ConfigurationError
from gateway.inventory import explain
from gateway.inventory.show import host_records, host_table

if TYPE_CHECKING:
    from conftest import Project


def test_value_file_line_layer_and_what_it_overrides(project: Project) -> None:
    project.write({"group_vars/all.yml": "ports:\n  ui: 3100\n", "group_vars/app.yml": "ports:\n  ui: 3200\n"})
    inventory = project.load("ports.ui=3300")
    assert explain(inventory, "app1", "ports.ui").splitlines() == [
        "ports.ui = 3300",
        "  set in --set ports.ui",
        "  over   inventory/lab/group_vars/app.yml:2 (group app): 3200",
        "  over   inventory/lab/group_vars/all.yml:2 (group_vars/all): 3100",
        "  over   roles/common/role.yml:10 (role defaults common): 3000",
    ]


def test_a_section_lists_its_leaves(project: Project) -> None:
    text = explain(project.load(), "app1", "jawn")
    assert [line for line in text.splitlines() if " = " in line] == [
        "jawn.cpus = 2.0",
        'jawn.environment.FIRST = "one"',
        'jawn.memory = "2g"',
    ]


def test_a_value_that_nobody_set(project: Project) -> None:
    assert explain(project.load(), "app1", "connection.jump") == (
        "connection.jump = null\n  not set; this is what it is without a setting"
    )


def test_an_empty_mapping_and_a_free_key_that_is_not_there(project: Project) -> None:
    inventory = project.load()
    assert explain(inventory, "app1", "web.environment").startswith("web.environment = {}\n  set in roles/app/")
    assert explain(inventory, "app1", "jawn.environment.NO").startswith("jawn.environment.NO = null\n  not set")


def test_a_provider_is_explained_like_any_section_and_its_keys_have_a_line_each(project: Project) -> None:
    project.write({"group_vars/all.yml": "providers:\n  vllm:\n    base_url: http://10.0.0.5:8000/v1\n"})
    inventory = project.load("providers.second.key_prefix=xy-")
    assert explain(inventory, "app1", "providers.vllm.base_url").splitlines() == [
        'providers.vllm.base_url = "http://10.0.0.5:8000/v1"',
        "  set in inventory/lab/group_vars/all.yml:3 (group_vars/all)",
    ]
    assert explain(inventory, "app1", "providers.second.key_prefix").splitlines() == [
        'providers.second.key_prefix = "xy-"',
        "  set in --set providers.second.key_prefix",
        '  over   roles/common/role.yml:18 (role defaults common): "ms-"',
    ]
    assert explain(inventory, "app1", "providers.vllm.kind").startswith('providers.vllm.kind = "openai"\n  not set')
    listed = [line for line in explain(inventory, "app1", "providers").splitlines() if " = " in line]
    assert [line.partition(" = ")[0] for line in listed] == [
        "providers.first.base_url",
        "providers.second.base_url",
        "providers.second.key_prefix",
        "providers.vllm.base_url",
    ]


@pytest.mark.parametrize(
    ("host", "key", "words"),
    [
        ("ap1", "ports", "did you mean `app1`"),
        ("app1", "port.ui", "did you mean `ports.ui`"),
        ("app1", "providers.first.knid", "did you mean `providers.first.kind`"),
    ],
)
def test_unknown_host_and_key(project: Project, host: str, key: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        explain(project.load(), host, key)


def test_table_and_records(project: Project) -> None:
    inventory = project.load(limit="app")
    assert host_records(inventory)[2] == {
        "name": "data1",
        "address": "192.0.2.3",
        "groups": ["data"],
        "roles": ["data"],
        "selected": False,
    }
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(host_table(inventory))
    assert "app1" in capture.get()
    assert "192.0.2.2" in capture.get()
    assert "data1" not in capture.get()
