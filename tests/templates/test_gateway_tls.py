"""The gateway with certificates: it waits for them, serves them, and takes up renewed ones."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lab.certificates import make_certificate
from tests.templates.running_envoy import AUTH, KEY, Gateway, eventually

Prepare = Callable[..., Gateway]
NAMES = ("llm.example.com", "other.example.com")


class Authority:
    """An authority that signs for names."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = make_certificate("test", self.key)

    def sign(self, name: str, folder: Path, chain: str, private: str) -> int:
        """Write a new certificate and its key, each by a rename as Caddy does; return the serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = make_certificate(name, key, signer=(self.certificate, self.key))
        texts = {
            private: key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            chain: made.public_bytes(serialization.Encoding.PEM),
        }
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            (folder / f"{file}.tmp").write_bytes(text)
            (folder / f"{file}.tmp").replace(folder / file)
        return made.serial_number

    def trusted(self) -> ssl.SSLContext:
        """Return a client's context that trusts this authority alone."""
        return ssl.create_default_context(cadata=self.certificate.public_bytes(serialization.Encoding.PEM).decode())


def shown(gateway: Gateway, authority: Authority, name: str, *protocols: str) -> tuple[x509.Certificate, Any]:
    """Return the certificate that a client gets who asks for `name`, and the protocol agreed on."""
    context = authority.trusted()
    if protocols:
        context.set_alpn_protocols(list(protocols))
    with gateway.connect() as plain, context.wrap_socket(plain, server_hostname=name) as secure:
        found = secure.getpeercert(binary_form=True)
        assert found is not None
        return x509.load_der_x509_certificate(found), secure.selected_alpn_protocol()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def gateway(prepare: Prepare, authority: Authority) -> Gateway:
    made = prepare("edge.tls.mode=internal", f"edge.tls.names=[{', '.join(NAMES)}]")
    made.allow(KEY)
    made.write()
    made.run()
    time.sleep(0.4)  # as when Caddy starts later
    with pytest.raises(OSError, match="refused"):
        made.connect(1)
    for name in NAMES:
        authority.sign(name, folder_of(made, name), f"{name}.crt", f"{name}.key")
    made.wait()
    return made


def folder_of(gateway: Gateway, name: str) -> Path:
    return gateway.folder / "certificates" / "caddy" / "certificates" / "local" / name


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_its_own_certificate(gateway: Gateway, authority: Authority, name: str) -> None:
    found, _ = shown(gateway, authority, name)

    assert name in found.subject.rfc4514_string()


def test_a_request_passes_under_tls_and_plain_http_does_not(gateway: Gateway, authority: Authority) -> None:
    head = "GET /v1/models HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
    request = (head + "".join(f"{name}: {value}\r\n" for name, value in AUTH.items()) + "\r\n").encode()
    with gateway.connect() as plain, authority.trusted().wrap_socket(plain, server_hostname=NAMES[0]) as secure:
        secure.sendall(request)
        answer = b"".join(iter(lambda: secure.recv(65536), b""))
    before = len(gateway.provider.received)

    assert answer.startswith(b"HTTP/1.1 200")
    assert not gateway.raw(request, seconds=1).startswith(b"HTTP/1.1 200")
    assert len(gateway.provider.received) == before


def test_both_versions_of_http_are_spoken_and_old_tls_is_not(gateway: Gateway, authority: Authority) -> None:
    assert shown(gateway, authority, NAMES[0], "h2", "http/1.1")[1] == "h2"
    assert shown(gateway, authority, NAMES[0], "http/1.1")[1] == "http/1.1"
    old = authority.trusted()
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with gateway.connect() as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(plain, server_hostname=NAMES[0])


def test_a_renewed_certificate_is_served_without_a_restart(gateway: Gateway, authority: Authority) -> None:
    name = NAMES[0]
    serial = authority.sign(name, folder_of(gateway, name), f"{name}.crt", f"{name}.key")

    assert eventually(lambda: shown(gateway, authority, name)[0].serial_number == serial) is not None
    assert gateway.process.poll() is None


def test_the_operators_own_files_are_served(prepare: Prepare, authority: Authority) -> None:
    made = prepare("edge.tls.mode=files", "edge.tls.names=[llm.example.com]")
    made.allow(KEY)
    serial = authority.sign(NAMES[0], made.folder / "certificates", "fullchain.pem", "privkey.pem")
    made.start()

    assert shown(made, authority, NAMES[0])[0].serial_number == serial
