"""Runbooks of what lets in: keys and identities that leaked, certificates that are over or gone."""

from __future__ import annotations

import socket
import ssl
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pyrage
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.lab.changing import host_variables
from tests.lab.clients import HOSTS, ask, settled
from tests.lab.command import ADDRESSES, ROOT, authorities, lab, on_host, secret
from tests.lab.following import follow, looks, over
from tests.lab.runbook import TYPED
from tests.lab.stores import CONTAINER

pytestmark = pytest.mark.usefixtures("operators_machine")

PLACE = "/etc/helicone/tls"


@pytest.mark.long
def test_a_clients_key_that_leaked(tmp_path: Path):
    leaked = lab("apikey.create", "--name", f"leaked-{uuid.uuid4().hex[:8]}").out.strip()
    settled(200, leaked, "app1")
    file = tmp_path / "leaked.txt"
    file.write_text(leaked + "\n")
    name = f"fresh-{uuid.uuid4().hex[:8]}"
    made = follow("leaked-key", "If it is a client's Helicone key", NAME=name, FILE=str(file)).out.split()
    for host in HOSTS:
        settled(401, leaked, host)
        assert ask(host, next(word for word in made if word.startswith("sk-helicone-")))[1] == 200
    over("leaked-key")
    lab("apikey.revoke", "--key", name, "--yes")


@pytest.mark.long
def test_the_environments_own_key_and_a_providers_that_leaked(tmp_path: Path):
    old = secret("helicone_api_key")
    follow("leaked-key", "If it is the environment's own Helicone key")
    for host in HOSTS:
        settled(401, old, host)
    file, vault = tmp_path / "new.txt", ROOT / "inventory/lab/secrets.yml.age"
    before = vault.read_bytes()
    file.write_text(f"sk-{uuid.uuid4().hex}\n")
    try:
        follow("leaked-key", "If it is a provider's key", FILE=str(file))
        assert secret("provider_api_key") == file.read_text().strip()
        over("leaked-key")
    finally:
        vault.write_bytes(before)  # the lab has none


@pytest.mark.long
def test_an_age_identity_that_leaked():
    identity, vault = ROOT / ".lab/age.key", ROOT / "inventory/lab/secrets.yml.age"
    leaked = next(line for line in identity.read_text().splitlines() if line.startswith("AGE"))
    old = {name: secret(name) for name in ("postgres_password", "helicone_api_key", "better_auth_secret")}
    follow("leaked-key", "If it is your age identity, or somebody had the secrets open")
    assert [name for name, value in old.items() if secret(name) == value] == []
    assert identity.stat().st_mode & 0o777 == 0o600
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(vault.read_bytes(), [pyrage.x25519.Identity.from_str(leaked)])
    over("leaked-key")


@pytest.mark.long
def test_an_authority_of_an_edges_own_that_is_gone(tmp_path: Path):
    volume = "/var/lib/docker/volumes/helicone-lab-certificates/_data"
    trusted = authorities()
    on_host("app1", f"rm -rf {volume}/caddy/pki")
    looks("certificate")
    follow("certificate", TYPED, HOST="app1")
    file = ROOT / "helicone-ca.pem"
    try:
        follow("certificate", "If the mode is internal", HOST="app1")
        now = file.read_text()
    finally:
        file.unlink(missing_ok=True)
    assert now != trusted
    authorities.cache_clear()
    assert handshake("app1", now)
    assert not handshake("app1", trusted)
    follow("certificate", "If the mode is auto", HOST="app1")
    over("certificate")


def handshake(host: str, trusted: str) -> bool:
    """Tell whether clients who trust these certificates get a connection to a host's gateway."""
    context = ssl.create_default_context(cadata=trusted)
    try:
        with socket.create_connection((ADDRESSES[host], 8787), 10) as plain:
            context.wrap_socket(plain, server_hostname=ADDRESSES[host]).close()
    except ssl.SSLCertVerificationError:
        return False
    return True


def pair(folder: Path, days: int) -> str:
    """Write a certificate for app1 that ends in so many days, with its key; return it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    # A name of its own: OpenSSL trusts the first of several that are called the same.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, folder.name)])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(ADDRESSES["app1"]))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days)).add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder.mkdir()
    text = made.public_bytes(serialization.Encoding.PEM)
    (folder / "fullchain.pem").write_bytes(text)
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return text.decode()


def put(folder: Path) -> None:
    """Put a pair into app1's directory for certificates, where edge and gateway read it."""
    for name in ("privkey.pem", "fullchain.pem"):
        subprocess.run(["docker", "cp", "--quiet", str(folder / name), f"helicone-lab-app1:{PLACE}/{name}"], check=True)


@pytest.mark.long
def test_a_certificate_of_the_operators_that_nobody_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folders = {name: tmp_path / name for name in ("first", "over", "fresh")}
    ends = {"first": 30, "over": -1, "fresh": 60}
    trusted = "".join(pair(folders[name], days) for name, days in ends.items())
    (tmp_path / "trusted.pem").write_text(trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))  # what this machine trusts
    on_host("app1", f"mkdir -p {PLACE}")
    put(folders["first"])
    try:
        with host_variables("app1", f"edge: {{tls: {{mode: files, directory: {PLACE}}}}}\n"):
            result = lab("deploy", "--yes")
            assert result.code == 0, result.text
            put(folders["over"])
            # Newest first: a gateway that still drains may end meanwhile.
            on_host("app1", f"docker restart -t 1 $({CONTAINER}=edge) $({CONTAINER}=gateway | head -n 1)")
            healthy = f"docker inspect --format {{{{.State.Health.Status}}}} $({CONTAINER}=gateway | head -n 1)"
            on_host("app1", f"timeout 60 sh -c 'until [ \"$({healthy})\" = healthy ]; do sleep 1; done'")
            looks("certificate")
            follow("certificate", "If the mode is files", HOST="app1", FOLDER=str(folders["fresh"]))
            over("certificate")
    finally:
        result = lab("deploy", "--yes")
        assert result.code == 0, result.text
