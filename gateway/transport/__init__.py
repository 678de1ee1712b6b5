"""Reaching hosts: one connection and one conversation per host and command."""
