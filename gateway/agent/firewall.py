"""The environment's own nftables table: loading it, and telling whether it is in force as it was written."""

from __future__ import annotations

import socket
import struct
import subprocess

from . import programs
from .failure import StepFailed

_NETFILTER = 12  # NETLINK_NETFILTER, linux/netlink.h
_GET_GENERATION = (10 << 8) | 16  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN: linux/netfilter/nf_tables.h
_ERROR = 2  # NLMSG_ERROR


def put(project: str, rules: str | None) -> None:
    """Make `rules` the table of this environment in one step, or remove the table. Raises StepFailed."""
    if rules is None and listed(project) is None:
        return
    wanted = f"table inet {project}\ndelete table inet {project}\n" if rules is None else rules
    try:
        done = subprocess.run([_tool() or "nft", "-f", "-"], input=wanted.encode(), capture_output=True, check=False)
    except OSError as error:
        raise StepFailed("firewall", f"nft cannot be run: {error}") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").splitlines()
        raise StepFailed("firewall", f"nft refused the rules: {lines[0] if lines else 'no reason given'}", logs=lines)


def in_force(project: str, rules: str | None) -> bool:
    """Tell whether the kernel's table of this environment is what `rules` make of it, and nothing else.

    nft shows rules in words of its own, so they are loaded in a network namespace that is gone right
    after, and shown there. Where that is not allowed, a table that is there is taken for the one.
    """
    found = listed(project)
    if rules is None or found is None:
        return rules is None and found is None
    script = f"{_tool()} -f - && {_tool()} -s list table inet {project}"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], input=rules.encode(), capture_output=True, check=False
    )
    return done.returncode != 0 or done.stdout.decode() == found


def listed(project: str) -> str | None:
    """Return the environment's table as nft shows it, without counts, or None if there is none or no nft."""
    tool = _tool()
    if tool is None:  # no process for it: a look at a host asks this every time
        return None
    try:
        done = subprocess.run([tool, "-s", "list", "table", "inet", project], capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout.decode() if done.returncode == 0 else None


def is_installed() -> bool:
    """Tell whether the program nft is here."""
    return programs.find("nft", programs.SYSTEM) is not None


def kernel_supports() -> bool:
    """Tell whether the kernel knows nftables; asked without nft, and loads its module where there is one."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER) as netlink:
            netlink.settimeout(2)
            # struct nlmsghdr (length, type, NLM_F_REQUEST, sequence, port), then struct nfgenmsg
            netlink.send(struct.pack("=IHHIIBBH", 20, _GET_GENERATION, 1, 1, 0, 0, 0, 0))
            kind: int = struct.unpack_from("=IH", netlink.recv(4096))[1]
            return kind != _ERROR
    except OSError:
        return False


def _tool() -> str | None:
    """Return the path of nft, which a login's PATH may leave out; None where there is none."""
    return programs.find("nft", programs.SYSTEM) or programs.find("nft")
