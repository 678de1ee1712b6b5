"""What the operator is shown after a deploy."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from gateway.commands.welcome import doors_of, first_request, page, welcome
from gateway.errors import ConfigurationError
from gateway.inventory import load_inventory
from gateway.secret import Secret
from gateway.vault import Vault

ROOT = Path(__file__).resolve().parents[3]
KEY = "sk-helicone-aaaaaaa-bbbbbbb-ccccccc-ddddddd"
VAULT = Vault({"helicone_api_key": Secret(KEY), "admin_password": Secret("only-in-the-vault")})


def test_each_edge_of_the_lab_has_its_own_addresses():
    doors = doors_of(load_inventory(ROOT, "lab"))
    assert [door.gateway for door in doors] == ["https://172.30.87.11:8787", "https://172.30.87.12:8787"]


def test_edges_behind_one_balancer_are_named_once():
    doors = doors_of(load_inventory(ROOT, "staging"))
    assert [door.ui for door in doors] == ["https://helicone.staging.example.com"]


def test_the_request_is_one_command_that_a_shell_reads_back():
    words = shlex.split(first_request("http://10.0.0.1:8787", "it's a model", VAULT).replace("\\\n", ""))
    assert words[:4] == ["curl", "-sS", "-i", "http://10.0.0.1:8787/v1/chat/completions"]
    assert f"Helicone-Auth: Bearer {KEY}" in words
    assert json.loads(words[-1])["model"] == "it's a model"


def test_the_page_shows_the_account_but_no_password():
    inventory = load_inventory(ROOT, "lab")
    shown = page("lab", doors_of(inventory), inventory.hosts["app1"], first_request("http://x", "m", VAULT))
    assert "admin@example.com" in shown
    assert "invoke secrets.edit --env lab" in shown
    assert "only-in-the-vault" not in shown


def test_without_secrets_it_says_what_makes_them(tmp_path: Path):
    folder = tmp_path / "inventory" / "lab"
    folder.mkdir(parents=True)
    (folder / "hosts.yml").write_text((ROOT / "inventory/lab/hosts.yml").read_text())
    (tmp_path / "roles").symlink_to(ROOT / "roles")
    with pytest.raises(ConfigurationError, match="no secrets yet"):
        welcome(load_inventory(tmp_path, "lab"), as_json=False)
