"""Runs inside `unshare --net --mount`: a host with a published container, and others that try to reach it.

Reads {"rules": [text, ...], "probes": [[from, address, port], ...]} and prints for each probe whether a connection
was opened. Everything is gone with the process.

    stranger 10.9.0.66, fd09::66  --  host 10.9.0.1, fd09::1
    peer     10.8.0.2             --  host 10.8.0.1           --  container 172.20.0.2, a network of Docker's
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading

BRIDGE = "br-0123456789ab"
SET_UP = f"""
mount -t tmpfs tmpfs /run
ip link set lo up
for name in stranger peer container; do
    ip netns add $name
    ip link add $name type veth peer name eth0 netns $name
    ip link set $name up
    ip -n $name link set lo up
    ip -n $name link set eth0 up
done
ip address add 10.9.0.1/24 dev stranger
ip address add fd09::1/64 dev stranger nodad
ip -n stranger address add 10.9.0.66/24 dev eth0
ip -n stranger address add fd09::66/64 dev eth0 nodad
ip -n stranger route add default via 10.9.0.1
ip address add 10.8.0.1/24 dev peer
ip -n peer address add 10.8.0.2/24 dev eth0
ip -n peer route add default via 10.8.0.1
ip link add {BRIDGE} type bridge
ip link set {BRIDGE} up
ip address add 172.20.0.1/16 dev {BRIDGE}
ip link set container master {BRIDGE}
ip -n container address add 172.20.0.2/16 dev eth0
ip -n container route add default via 172.20.0.1
echo 1 > /proc/sys/net/ipv4/ip_forward
"""
# What Docker does for `-p 10.8.0.1:5432:5432`.
PUBLISHED = """
table ip nat {
    chain PREROUTING {
        type nat hook prerouting priority dstnat
        ip daddr 10.8.0.1 tcp dport 5432 dnat to 172.20.0.2:5432
    }
}
"""
LISTEN = """
import socket, sys
both = {"family": socket.AF_INET6, "dualstack_ipv6": True}
sockets = [socket.create_server(("::", int(port)), **both) for port in sys.argv[1:]]
print("ready", flush=True)
sys.stdin.read()
"""
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)
except OSError:
    sys.exit(1)
"""


def inside(name: str, script: str, *arguments: str) -> list[str]:
    """Return the command that runs a Python script in one of the network namespaces; `host` is this one."""
    prefix = [] if name == "host" else ["ip", "netns", "exec", name]
    return [*prefix, sys.executable, "-c", script, *arguments]


def main() -> None:
    """Set everything up, load the rules, try the probes."""
    wanted = json.load(sys.stdin)
    subprocess.run(["sh", "-e", "-c", SET_UP], check=True)
    for rules in [PUBLISHED, *wanted["rules"]]:
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    listeners = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for command in (
            inside("host", LISTEN, "22", "3000", "8787", "9100", "9999"),
            inside("container", LISTEN, "5432"),
        )
    ]
    for listener in listeners:
        assert listener.stdout is not None
        listener.stdout.readline()
    answers: dict[int, bool] = {}

    def probe(number: int, name: str, address: str, port: int) -> None:
        answers[number] = subprocess.run(inside(name, CONNECT, address, str(port)), check=False).returncode == 0

    threads = [threading.Thread(target=probe, args=(n, *one)) for n, one in enumerate(wanted["probes"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for listener in listeners:
        listener.kill()
        listener.wait()
    print(json.dumps([answers[number] for number in range(len(threads))]))


if __name__ == "__main__":
    main()
