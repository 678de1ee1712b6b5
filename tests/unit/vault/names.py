"""Names of secrets: those that are made here, and those that may hold any text."""

from __future__ import annotations

from gateway.secret_names import SECRET_NAMES

GENERATED = [name for name, described in SECRET_NAMES.items() if described.make is not None]
FREE = ("better_auth_secret", "helicone_manual_access_key")
