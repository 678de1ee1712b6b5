"""Counting at sshd, the settings of a host's engine, and its container."""

import pytest

from gateway.errors import ConfigurationError
from lab.hosts import count_sessions, engine_settings, find_host
from lab.layout import ALL_IMAGES, HOSTS, PUBLISHED

LOG = """\
Server listening on 0.0.0.0 port 22.
Connection from 172.30.87.1 port 40830 on 172.30.87.11 port 22 rdomain ""
Accepted publickey for root from 172.30.87.1 port 40830 ssh2: ED25519 SHA256:x
Starting session: command for root from 172.30.87.1 port 40830 id 0
Starting session: command for root from 172.30.87.1 port 40830 id 1
Starting session: subsystem 'sftp' for root from 172.30.87.1 port 40830 id 2
Connection closed by 172.30.87.9 port 1 [preauth]
"""


def test_logins_and_commands_are_counted_and_nothing_else() -> None:
    assert count_sessions(LOG) == (1, 2)


def test_loopback_nameservers_are_left_out() -> None:
    text = "search x\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver fe80::1%eth0\nnameserver\n"
    assert engine_settings("app1", text) == {
        "cgroup-parent": "/helicone-lab/app1",
        "dns": ["10.0.0.2", "fe80::1%eth0"],
    }


def test_without_a_usable_nameserver_none_is_set() -> None:
    assert "dns" not in engine_settings("app1", "nameserver 127.0.0.11\n")


def test_an_unknown_host_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError) as caught:
        find_host("app9")
    assert "app1, app2, data1" in caught.value.next_step


def test_one_host_is_bare_and_reached_as_a_plain_user() -> None:
    assert [(host.name, host.docker, host.user) for host in HOSTS if not host.docker] == [("app2", False, "operator")]


def test_addresses_and_published_names_are_distinct() -> None:
    assert len({host.address for host in HOSTS}) == len(HOSTS)
    assert len(set(PUBLISHED.values())) == len(PUBLISHED)
    assert len(set(ALL_IMAGES)) == len(ALL_IMAGES)
