"""The lab's certificate authority, and the certificate of its registry."""

from __future__ import annotations

import datetime as dt
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.keys import write_private
from lab.layout import REGISTRY_ADDRESS, REGISTRY_NAME, STATE

AUTHORITY = STATE / "ca.crt"
REGISTRY_CERTIFICATE = STATE / "registry.crt"
REGISTRY_KEY = STATE / "registry.key"
_VALID_DAYS = 825  # the longest that TLS clients accept for a server


def ensure_certificates() -> str:
    """Make the authority and the registry's certificate together, unless both are there.

    The authority's key is not kept: nothing else is ever signed with it.
    """
    if all(path.is_file() for path in (AUTHORITY, REGISTRY_CERTIFICATE, REGISTRY_KEY)):
        return "unchanged"
    STATE.mkdir(parents=True, exist_ok=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = make_certificate("Helicone lab", authority_key)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = make_certificate(REGISTRY_NAME, key, signer=(authority, authority_key))
    write_private(
        REGISTRY_KEY,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    REGISTRY_CERTIFICATE.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    AUTHORITY.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return "made"


def make_certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None,
) -> x509.Certificate:
    """Return a certificate for `name`: an authority that signs itself, or a server's signed by `signer`.

    It is valid since yesterday, so that a host whose clock lags a little accepts it too.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signing_key = (signer[0].subject, signer[1]) if signer else (subject, key)
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
    )
    if signer:
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(REGISTRY_ADDRESS))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    return builder.sign(signing_key, hashes.SHA256())
