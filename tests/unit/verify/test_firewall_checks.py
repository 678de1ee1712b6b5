"""What the checks of the firewall say, and which ports they try from here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.inventory import Inventory, load_inventory
from gateway.verify.outside import own_address
from roles.firewall.verify import test_firewall as firewall

RULES = "guard/firewall.nft"


def target(inventory: Inventory, files: dict[str, str], found: dict[str, str], pending: bool = False) -> Any:
    """Return what the checks use of data1, which publishes PostgreSQL for app1."""
    db = SimpleNamespace(name="db", ports=(("127.0.0.3", 5432, 5432),))
    door = SimpleNamespace(name="door", ports=(("192.0.2.3", 8787, 8787),))
    manifest = {"files": {name: {"sha256": digest} for name, digest in files.items()}}
    return SimpleNamespace(
        name="data1", has_release=True, inventory=inventory, settings=inventory.hosts["data1"],
        snapshot={"guard": {"files": found, "pending": pending}},
        release=SimpleNamespace(manifest=manifest, services={"db": db, "door": door}),
        accepts=lambda port: True,
    )  # fmt: skip


def test_a_host_without_guards_has_none_to_check(inventory: Inventory) -> None:
    bare = target(inventory, {}, {})
    assert firewall.guards(bare) == []
    assert list(firewall.shut_ports(bare)) == []


@pytest.mark.parametrize("found", [{}, {RULES: "altered"}, {RULES: "b" * 64}])
def test_rules_that_are_not_the_releases_fail(inventory: Inventory, found: dict[str, str]) -> None:
    wrong = target(inventory, {RULES: "a" * 64}, found)
    assert firewall.guards(wrong) == [RULES]
    with pytest.raises(AssertionError, match="the rules in the kernel are not the release's"):
        firewall.test_in_force(wrong, RULES)
    firewall.test_in_force(target(inventory, {RULES: "a" * 64}, {RULES: "a" * 64}), RULES)


def test_rules_that_nobody_wants_fail(inventory: Inventory) -> None:
    left = target(inventory, {}, {RULES: "altered"})
    assert firewall.guards(left) == [RULES]
    with pytest.raises(AssertionError, match="not the release's"):
        firewall.test_in_force(left, RULES)


def test_an_undo_that_is_due_fails(inventory: Inventory) -> None:
    with pytest.raises(AssertionError, match="never confirmed"):
        firewall.test_confirmed(target(inventory, {}, {}, pending=True))


def test_ports_for_our_hosts_are_tried_from_here(inventory: Inventory) -> None:
    with_rules = target(inventory, {RULES: "a" * 64}, {})
    [port] = firewall.shut_ports(with_rules)
    assert str(port) == "127.0.0.3:5432"
    with pytest.raises(AssertionError, match=r"127\.0\.0\.3:5432 accepts connections from this machine"):
        firewall.test_shut(with_rules, port)


def test_a_controller_that_is_let_in_cannot_tell(inventory: Inventory) -> None:
    root = inventory.path.parents[1]
    trusting = load_inventory(root, "test", ["firewall.private_from=[127.0.0.0/8]"])
    assert list(firewall.shut_ports(target(trusting, {RULES: "a" * 64}, {}))) == []


def test_the_own_address_is_that_of_the_route() -> None:
    assert own_address("127.0.0.9").startswith("127.")
