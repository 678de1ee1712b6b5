"""The catalogue of secrets: what each is for, how it is made, and what an operator may put there."""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ALPHABET = string.ascii_letters + string.digits  # safe in URLs, XML, SQL and any shell quoting
_KEY_ALPHABET = string.ascii_lowercase + string.digits
_URL_SAFE = re.compile(r"[A-Za-z0-9._~-]+")
_QUOTE_SAFE = re.compile(r"[!#%()*+,./0-9:;=?@A-Z\[\]^_a-z{|}~-]+")
_STORE_SAFE = re.compile(r"[A-Za-z0-9+/=._~-]+")
_VISIBLE = re.compile(r"[!-~]*")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{64}")
_HELICONE_KEY = re.compile(r"sk-helicone(-[a-z0-9]{7}){4}")
_ANYTHING = re.compile(r".*", re.DOTALL)

# Passwords that are published in Helicone's repository, images and documentation, and mean nothing else.
PUBLIC_PASSWORDS = frozenset(
    {
        "testpassword",
        "minioadmin",
        "your-secret-key",
        "helicone-redis-pw",
        "change-me-in-production",
        "mkucaeqymd7ubkgefyy5hwxks1ab6vsi",  # upstream's web/.env.example
    }
)
# What is published with the software that this project deploys, or what everybody tries.
KNOWN_DEFAULTS = PUBLIC_PASSWORDS | frozenset(
    {
        "miniosecret",
        "your-secret-key-here",
        "change-me",
        "changeme",
        "change_me",
        "changeit",
        "password",
        "password123",
        "passw0rd",
        "secret",
        "supersecret",
        "admin",
        "administrator",
        "admin123",
        "root",
        "default",
        "test",
        "postgres",
        "clickhouse",
        "redis",
        "helicone",
        "helicone_redis_pw",
        "better-auth-secret-123456789",  # the library's public fallback
        "better-auth-secret-12345678901234567890",
        "sk-helicone-aizk36y-5yue2my-qmy5tza-n7x3aqa",  # upstream's seeds and examples
        "sk-....",
        "unknown",
        "1234567890",
        "12345678",
        "123456",
        "letmein",
        "qwerty",
        "example",
        "todo",
        "xxx",
        "replace-me",
        "your-api-key",
        "your_api_key",
        "sk-xxx",
    }
)


@dataclass(frozen=True)
class SecretName:
    """One secret: what for, the shape that a value must have in words and as a pattern, and its maker.

    A secret without a maker is optional: it is never generated and may be empty.
    """

    purpose: str
    rule: str
    pattern: re.Pattern[str]
    minimum: int
    make: Callable[[], str] | None
    maximum: int = 16_384


def generate_text(length: int) -> str:
    """Return `length` random letters and digits: about six bits each."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def generate_hexadecimal() -> str:
    """Return 32 random bytes as 64 hexadecimal digits."""
    return secrets.token_hex(32)


def generate_helicone_key() -> str:
    """Return a key in the only form that Helicone records requests for: four groups of seven."""
    groups = ["".join(secrets.choice(_KEY_ALPHABET) for _ in range(7)) for _ in range(4)]
    return "-".join(["sk-helicone", *groups])


def refusal_of(name: str, text: str) -> str:
    """Return why `text` cannot be the secret `name`, or an empty text if it can.

    The reason never quotes the value.
    """
    described = SECRET_NAMES[name]
    if not text:
        return "" if described.make is None else "is empty"
    if text.strip().lower() in KNOWN_DEFAULTS or len(set(text)) == 1:
        return "is a publicly known default value"
    if not described.pattern.fullmatch(text):
        return f"must be {described.rule}"
    if len(text) < described.minimum:
        return f"is too short: it needs at least {described.minimum} characters"
    if len(text) > described.maximum:
        return f"is too long: {described.maximum} characters are the limit"
    return ""


SECRET_NAMES: Mapping[str, SecretName] = MappingProxyType(
    {
        "postgres_password": SecretName(
            "password of Helicone's login to PostgreSQL; part of a URL",
            "letters, digits and . _ ~ - only, because it becomes part of a URL",
            _URL_SAFE,
            12,
            lambda: generate_text(32),
        ),
        "clickhouse_password": SecretName(
            "password of the ClickHouse user; written into XML and into a quoted shell line",
            "visible ASCII without spaces, quotes, < > & $ and backslash: it goes through XML and a shell",
            _QUOTE_SAFE,
            12,
            lambda: generate_text(32),
        ),
        "clickhouse_hql_password": SecretName(
            "password of ClickHouse's hql_user, which runs the users' own queries",
            "visible ASCII without spaces, quotes, < > & $ and backslash: it goes through SQL and a shell",
            _QUOTE_SAFE,
            12,
            lambda: generate_text(32),
        ),
        "gateway_stores_password": SecretName(
            "password of the edge's own users in PostgreSQL and ClickHouse, who may read key hashes and request ids",
            "letters, digits and . _ ~ - only",
            _URL_SAFE,
            12,
            lambda: generate_text(32),
        ),
        "object_store_access_key": SecretName(
            "access key of the S3 store",
            "letters, digits and + / = . _ ~ - only, because keys are given as a comma-separated pair",
            _STORE_SAFE,
            8,
            lambda: generate_text(20),
        ),
        "object_store_secret_key": SecretName(
            "secret key of the S3 store",
            "letters, digits and + / = . _ ~ - only, because keys are given as a comma-separated pair",
            _STORE_SAFE,
            16,
            lambda: generate_text(40),
        ),
        "better_auth_secret": SecretName(
            "signs the sessions of the web interface; a new one signs everybody out",
            "a text",
            _ANYTHING,
            32,
            lambda: generate_text(48),
        ),
        "request_cache_key": SecretName(
            "AES key of jawn's in-memory cache; without it jawn records nothing",
            "64 hexadecimal digits",
            _HEXADECIMAL,
            64,
            generate_hexadecimal,
        ),
        "helicone_manual_access_key": SecretName(
            "guards jawn's manual administration calls", "a text", _ANYTHING, 16, lambda: generate_text(40)
        ),
        "admin_password": SecretName(
            "password of the first account of the web interface",
            "a text",
            _ANYTHING,
            12,
            lambda: generate_text(24),
            128,  # Helicone's sign-up takes 8 to 128 characters
        ),
        "helicone_api_key": SecretName(
            "the first API key: what clients send as Helicone-Auth",
            "sk-helicone- and four groups of seven lower-case letters and digits, joined by -",
            _HELICONE_KEY,
            43,
            generate_helicone_key,
        ),
        "fingerprint_key": SecretName(
            "keys the fingerprints that show in a plan that a secret changes, and no more",
            "64 hexadecimal digits",
            _HEXADECIMAL,
            64,
            generate_hexadecimal,
        ),
        "backup_password": SecretName(
            "encrypts the backups; keep a copy outside of this machine: without it no backup can be read",
            "visible ASCII without spaces, quotes, < > & $ and backslash",
            _QUOTE_SAFE,
            16,
            lambda: generate_text(40),
        ),
        "backup_s3_access_key": SecretName(
            "access key of the S3 store that backups go to; optional", "a key without spaces", _VISIBLE, 0, None
        ),
        "backup_s3_secret_key": SecretName(
            "secret key of the S3 store that backups go to; optional", "a key without spaces", _VISIBLE, 0, None
        ),
        "provider_api_key": SecretName(
            "the model provider's key, for the traced request of verify; optional",
            "visible ASCII without spaces or line breaks",
            _VISIBLE,
            0,
            None,
        ),
    }
)
