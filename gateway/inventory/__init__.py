"""Inventories: environments of hosts and their variables, read from YAML in Ansible's shape."""

from gateway.inventory.environments import known_environments
from gateway.inventory.explain import explain
from gateway.inventory.layers import Origin
from gateway.inventory.load import load_inventory
from gateway.inventory.model import Host, Inventory
from gateway.inventory.published import PublishedPort, published_ports

__all__ = [
    "Host",
    "Inventory",
    "Origin",
    "PublishedPort",
    "explain",
    "known_environments",
    "load_inventory",
    "published_ports",
]
