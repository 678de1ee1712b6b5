"""Certificates by ACME from an authority of the operator's own: a real authority that really asks back."""

from __future__ import annotations

import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.lab.command import ADDRESSES, ROOT, lab

pytestmark = pytest.mark.usefixtures("as_found")

NAME = f"llm-{secrets.token_hex(4)}.example.test"  # app1 keeps what an earlier authority gave it for a name
AUTHORITY = "172.30.87.40"
CONTAINER = "helicone-lab-acme"
CERTIFICATE = ROOT / ".lab" / "acme.pem"
CADDYFILE = f"""
{{
    default_sni {AUTHORITY}
    skip_install_trust
}}
https://{AUTHORITY} {{
    tls internal
    acme_server {{
        challenges http-01
    }}
}}
"""


@pytest.fixture
def authority() -> Iterator[str]:
    """Run Caddy as an ACME server in the lab's network, where the name leads to app1; give its certificate."""
    docker(
        *("run", "--detach", "--rm", "--name", CONTAINER, "--label", "helicone.lab", "--env", f"CADDYFILE={CADDYFILE}"),
        *("--network", "helicone-lab", "--ip", AUTHORITY, "--add-host", f"{NAME}:{ADDRESSES['app1']}"),
        *("helicone-lab/caddy", "sh", "-c"),
        'echo "$CADDYFILE" >/tmp/Caddyfile; exec caddy run --config /tmp/Caddyfile --adapter caddyfile',
    )
    try:
        deadline = time.monotonic() + 120
        root = ["exec", CONTAINER, "cat", "/data/caddy/pki/authorities/local/root.crt"]
        while not (text := docker(*root, check=False)).startswith("-----BEGIN"):
            assert time.monotonic() < deadline, docker("logs", CONTAINER)
            time.sleep(0.2)
        CERTIFICATE.write_text(text)
        yield text
    finally:
        docker("rm", "--force", CONTAINER)
        CERTIFICATE.unlink(missing_ok=True)


def docker(*words: str, check: bool = True) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=check).stdout


def certificate_of(port: int, trusted: str) -> dict[str, object]:
    """Return the certificate that app1 shows under the name, checked against what is trusted."""
    context = ssl.create_default_context(cadata=trusted)
    with (
        socket.create_connection((ADDRESSES["app1"], port), 10) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as wrapped,
    ):
        return dict(wrapped.getpeercert() or {})


@pytest.mark.long
def test_an_edge_gets_its_certificates_from_an_authority_of_the_operators(authority):
    settings = {
        "edge.tls.mode": "auto",
        "edge.tls.names": f"[{NAME}]",
        "edge.tls.authority": f"https://{AUTHORITY}/acme/local/directory",
        "edge.tls.authority_certificate": CERTIFICATE.relative_to(ROOT).as_posix(),
    }
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    result = lab("deploy", "--yes", "--limit", "app1", *words)
    assert result.code == 0, result.text  # it is verified: both ports, and a traced request over HTTPS
    for port in (8787, 3000):
        names = certificate_of(port, authority)["subjectAltName"]
        assert names == (("DNS", NAME),)
