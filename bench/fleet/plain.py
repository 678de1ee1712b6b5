"""The floor, and Fabric without anything around it: `python -m bench.fleet.plain floor|fabric JOB`.

JOB is a JSON file: `hosts` (name, address, port), `identity`, `known_hosts`, `directory`, and `files`, the folder
that has one folder of files for each host. The floor connects and runs one command, `true`. Fabric puts each file
and sets its mode; it looks at nothing first, so it does the same every time.
"""

from __future__ import annotations

import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import paramiko

AT_ONCE = 32


def floor(host: dict[str, Any], job: dict[str, Any], key: paramiko.PKey) -> None:
    """Connect to a host with Paramiko, without Nagle's delay, and run `true`."""
    sock = socket.create_connection((host["address"], host["port"]))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = paramiko.Transport(sock)
    try:
        transport.start_client()
        known = paramiko.HostKeys(job["known_hosts"])
        if not known.check(f"[{host['address']}]:{host['port']}", transport.get_remote_server_key()):
            raise SystemExit(f"{host['name']} has another key")
        transport.auth_publickey("root", key)
        channel = transport.open_session()
        channel.exec_command("true")
        if channel.recv_exit_status():
            raise SystemExit(f"{host['name']}: true failed")
    finally:
        transport.close()


def fabric_put(host: dict[str, Any], job: dict[str, Any], _: paramiko.PKey) -> None:
    """Put every file of a host into its place, as Fabric's documentation does it."""
    from fabric import Connection  # noqa: PLC0415 - the floor does without

    with Connection(
        host["address"], user="root", port=host["port"],
        connect_kwargs={"key_filename": job["identity"], "look_for_keys": False, "allow_agent": False},
    ) as connection:  # fmt: skip
        connection.client.load_host_keys(job["known_hosts"])
        source = Path(job["files"]) / host["name"]
        files = [path for path in sorted(source.rglob("*")) if path.is_file()]
        folders = sorted({f"{job['directory']}/{path.parent.relative_to(source)}" for path in files})
        connection.run(f"mkdir -p {' '.join(folders)}", hide=True, in_stream=False)
        for path in files:
            target = f"{job['directory']}/{path.relative_to(source)}"
            connection.put(str(path), target)
            connection.run(f"chmod {path.stat().st_mode & 0o7777:o} {target}", hide=True, in_stream=False)


def main(kind: str, file: str) -> None:
    """Do the job on all hosts at once."""
    job = json.loads(Path(file).read_text())
    key = paramiko.Ed25519Key.from_private_key_file(job["identity"])
    work = {"floor": floor, "fabric": fabric_put}[kind]
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(job["hosts"]))) as pool:
        list(pool.map(lambda host: work(host, job, key), job["hosts"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
