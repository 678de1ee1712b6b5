"""The operator's age identity: the private key that opens secrets.yml.age."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyrage import IdentityError, RecipientError, x25519

from gateway.errors import ConfigurationError
from gateway.private_file import shown_path, write_private

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = "AGE-SECRET-KEY-1"
UNCHANGED = "nothing was changed"


def identity_path(root: Path, setting: str) -> Path:
    """Return the identity file that the variable `secrets.identity` names.

    `~` is the operator's home; a relative path is below the project's `root`.
    """
    try:
        return root / Path(setting).expanduser()
    except RuntimeError:  # no such user, or no home
        raise ConfigurationError(
            "the home folder in `secrets.identity` is unknown",
            where=setting,
            next_step="give an absolute path",
        ) from None


def create_identity(path: Path) -> None:
    """Make a new identity in the file `path`, as `age-keygen` writes it, unless the file exists."""
    identity = x25519.Identity.generate()
    write_private(path, f"# public key: {identity.to_public()}\n{identity}\n".encode(), replace=False)


def read_identities(path: Path) -> list[x25519.Identity]:
    """Return the identities in the file `path`, written by `age-keygen` or `create_identity`.

    Raises ConfigurationError if the file is missing, can be read by others, or holds no identity.
    """
    shown = shown_path(path)
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise ConfigurationError(
            "the age identity is missing",
            where=shown,
            unaffected=UNCHANGED,
            next_step="put the identity file there, or name another one in `secrets.identity`",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise _unusable(f"the age identity cannot be read: {reason}", shown) from None
    if mode & 0o077:
        raise _unusable("the age identity can be read by others", shown, f"chmod 600 {shown}")
    lines = [line.strip() for line in text.splitlines()]
    try:
        found = [x25519.Identity.from_str(line) for line in lines if line.startswith(_PREFIX)]
    except IdentityError:
        raise _unusable("the file holds a damaged age identity", shown) from None
    if not found:
        raise _unusable(
            f"the file holds no age identity (a line {_PREFIX}...)",
            shown,
            "use one made by age-keygen; identities behind a passphrase or a plugin are not supported",
        )
    return found


def recipients_of(identities: Sequence[x25519.Identity], others: Sequence[str]) -> list[x25519.Recipient]:
    """Return who may open a file: the first of `identities` itself, and the public keys `others`.

    Raises ConfigurationError for one of `others` that is no age public key.
    """
    own = str(identities[0].to_public())
    found = [identities[0].to_public()]
    for text in others:
        if text == own:
            continue
        try:
            found.append(x25519.Recipient.from_str(text))
        except RecipientError:
            raise ConfigurationError(
                f"`{text[:24]}` is no age public key",
                where="secrets.recipients",
                unaffected=UNCHANGED,
                next_step="a public key is the line `age1...` that age-keygen prints",
            ) from None
    return found


def _unusable(message: str, shown: str, next_step: str = "") -> ConfigurationError:
    return ConfigurationError(message, where=shown, unaffected=UNCHANGED, next_step=next_step)
