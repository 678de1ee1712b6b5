"""The forms that better-auth, the library behind Helicone's sign-in, gives to passwords and session cookies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata
from urllib.parse import quote

# better-auth's own parameters for scrypt (packages/better-auth/src/crypto/password.ts).
_N, _R, _P, _LENGTH = 16384, 16, 1, 64


def password_hash(password: str) -> str:
    """Return `salt:key` in hexadecimal as the table `account` holds it; the salt's text goes into scrypt."""
    salt = secrets.token_hex(16)
    key = hashlib.scrypt(
        unicodedata.normalize("NFKC", password).encode(),
        salt=salt.encode(), n=_N, r=_R, p=_P, dklen=_LENGTH, maxmem=128 * _N * _R * 2,
    )  # fmt: skip
    return f"{salt}:{key.hex()}"


def session_cookie(ui: str, token: str, secret: str) -> str:
    """Return the cookie of a session token, signed with `secret`; its name depends on the scheme of the UI's URL."""
    prefix = "__Secure-" if ui.startswith("https://") else ""
    signature = base64.b64encode(hmac.new(secret.encode(), token.encode(), "sha256").digest()).decode()
    return f"{prefix}better-auth.session_token={quote(f'{token}.{signature}', safe='')}"
