"""Keys and certificates that OpenSSH and TLS clients accept."""

import ssl
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import SubjectAlternativeName
from cryptography.x509.verification import PolicyBuilder, Store

from lab.certificates import make_certificate
from lab.keys import known_hosts_text, public_key, write_key_pair
from lab.registry import lock_text


def test_private_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    write_key_pair(tmp_path / "id")
    assert (tmp_path / "id").stat().st_mode & 0o777 == 0o600


def test_openssh_derives_the_same_public_key(tmp_path: Path) -> None:
    write_key_pair(tmp_path / "id")
    derived = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(tmp_path / "id")], capture_output=True, text=True, check=True
    ).stdout
    assert derived.split()[:2] == public_key(tmp_path / "id").split()[:2]


def test_known_hosts_has_one_line_per_address_without_comments() -> None:
    text = known_hosts_text([("10.0.0.1", "ssh-ed25519 AAAA lab"), ("10.0.0.2", "ssh-ed25519 BBBB lab")])
    assert text == "10.0.0.1 ssh-ed25519 AAAA\n10.0.0.2 ssh-ed25519 BBBB\n"


def test_the_registrys_certificate_is_signed_by_the_authority_and_names_its_address() -> None:
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = make_certificate("lab", authority_key)
    certificate = make_certificate("registry.lab", key, signer=(authority, authority_key))
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["registry.lab", "172.30.87.5"]


def test_a_tls_client_can_load_the_authority() -> None:
    authority = make_certificate("lab", ec.generate_private_key(ec.SECP256R1()))
    text = authority.public_bytes(serialization.Encoding.PEM).decode()
    assert ssl.create_default_context(cadata=text).cert_store_stats()["x509_ca"] >= 1
    assert PolicyBuilder().store(Store([authority])) is not None


def test_the_image_lock_is_sorted_and_says_who_writes_it() -> None:
    text = lock_text({"registry.lab:5000/web:lab": "sha256:b", "registry.lab:5000/jawn:lab": "sha256:a"})
    lines = text.splitlines()
    assert lines[0].startswith("# Written by")
    assert lines[1:] == ["registry.lab:5000/jawn:lab: sha256:a", "registry.lab:5000/web:lab: sha256:b"]
