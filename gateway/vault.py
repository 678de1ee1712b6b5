"""The secrets of an environment, kept in secrets.yml.age.

The file is YAML text encrypted with age to the operator's own identity and to all
`secrets.recipients`, in age's text armor: `age --decrypt --identity KEY secrets.yml.age` reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyrage

from gateway.age_identity import UNCHANGED, create_identity, read_identities, recipients_of
from gateway.errors import ConfigurationError
from gateway.private_file import own_files, shown_path, write_private
from gateway.secret import Secret
from gateway.secret_names import SECRET_NAMES
from gateway.vault_notes import Notes, made_at, stamped
from gateway.vault_text import read_text, secrets_to_text, text_to_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FILE_NAME = "secrets.yml.age"
_BINARY_START = b"age-encryption.org/"
_ARMOR_START = b"-----BEGIN AGE ENCRYPTED FILE-----"


@dataclass(frozen=True)
class Vault:
    """The secrets by name. Optional ones are always there, and empty when nobody gave them."""

    values: Mapping[str, Secret]
    notes: Notes = field(default=Notes(), compare=False)

    def __getitem__(self, name: str) -> Secret:
        """Return the secret `name`; raises ConfigurationError if the vault lacks it."""
        if name not in self.values:
            raise ConfigurationError(
                f"the secret `{name}` is missing",
                where=FILE_NAME,
                unaffected=UNCHANGED,
                next_step="invoke secrets.edit --env ENVIRONMENT: saving generates what is missing",
            )
        return self.values[name]

    @property
    def all_values(self) -> list[Secret]:
        """Every value that must not be shown: those of today, and those before them that may still be valid."""
        return [*self.values.values(), *self.notes.previous.values()]

    def made(self, name: str) -> datetime | None:
        """Return when the secret `name` was made, None if that is not known."""
        key = _mark_key(self.values)
        return made_at(self.notes, name, self.values[name], key) if key and name in self.values else None

    def changed(self, changes: Mapping[str, Secret], now: datetime) -> Vault:
        """Return the vault with other values for some secrets, made `now`; the ages of the others stay known."""
        values = {**self.values, **changes}
        known = {name: made for name in self.values if name not in changes and (made := self.made(name))}
        known |= {name: now for name, value in changes.items() if value.reveal()}
        key = _mark_key(values)
        return Vault(values, replace(self.notes, made=stamped(known, values, key) if key else {}))


@own_files()
def open_vault(path: Path, identity: Path) -> Vault:
    """Return the vault in the file `path`, opened with the age identity in the file `identity`.

    Nothing is written. Raises ConfigurationError if either file is missing or unusable, if the
    vault was damaged or is encrypted to others, and if it holds something that is no valid secret.
    """
    shown = shown_path(path)
    if not path.exists():
        raise ConfigurationError(
            "there are no secrets yet",
            where=shown,
            unaffected=UNCHANGED,
            next_step="if hosts were deployed, bring the file back from version control or out of a backup; else"
            " invoke secrets.edit or invoke deploy makes them",
        )
    if not identity.exists():
        raise _identity_missing(path, identity)
    identities = read_identities(identity)
    return Vault(*read_text(_decrypt(path, identity, identities), shown))


@own_files()
def ensure_vault(path: Path, identity: Path, recipients: Sequence[str] = ()) -> tuple[Vault, list[str]]:
    """Return the complete vault in the file `path`, and the names of the secrets that were made for it.

    On first use, when neither file exists, the age identity is made too, with mode 0600. A vault
    that lacks secrets gets them and is saved. Raises ConfigurationError as `open_vault` does, and
    then nothing was written; an identity is never made for a vault that exists.
    """
    if not path.exists():
        if not identity.exists():
            create_identity(identity)
        vault, created = create_missing(Vault(text_to_secrets("", shown_path(path))))
        if _write(path, vault, read_identities(identity), recipients, overwrite=False):
            return vault, created
        # another command made the file in the meantime: use its secrets
    vault, created = create_missing(open_vault(path, identity))
    if created:
        save_vault(path, vault, identity, recipients)
    return vault, created


def create_missing(vault: Vault) -> tuple[Vault, list[str]]:
    """Return `vault` with every secret that it lacks generated, and the names of those."""
    created = {
        name: Secret(described.make())
        for name, described in SECRET_NAMES.items()
        if name not in vault.values and described.make is not None
    }
    return (vault.changed(created, datetime.now(UTC)) if created else vault), list(created)


def save_vault(path: Path, vault: Vault, identity: Path, recipients: Sequence[str] = ()) -> None:
    """Encrypt `vault` to the owner of `identity` and to `recipients`, and put it at `path` in one step.

    Only ciphertext ever reaches the disk. Raises ConfigurationError if that cannot be done; the
    file is then as it was.
    """
    _write(path, vault, read_identities(identity), recipients, overwrite=True)


def diff_key(vault: Vault) -> bytes:
    """Return the key for `Secret.fingerprint`: the same for all who can open the vault, and nobody else."""
    return bytes.fromhex(vault["fingerprint_key"].reveal())


def _mark_key(values: Mapping[str, Secret]) -> bytes:
    """Return the key of the marks beside the times; empty while there is none."""
    found = values.get("fingerprint_key")
    return bytes.fromhex(found.reveal()) if found else b""


def _write(
    path: Path,
    vault: Vault,
    identities: Sequence[pyrage.x25519.Identity],
    recipients: Sequence[str],
    *,
    overwrite: bool,
) -> bool:
    """Write `vault` encrypted to `path`; return False if `overwrite` is false and the file exists.

    What could not be opened again is not written.
    """
    # Whoever could open it still can: only `secrets.recipients` takes that away, and says what follows.
    readers = recipients_of(identities, list(dict.fromkeys([*recipients, *vault.notes.recipients])))
    notes = replace(vault.notes, recipients=tuple(str(one) for one in readers))
    text = secrets_to_text(vault.values, notes)
    text_to_secrets(text, shown_path(path))
    encrypted = pyrage.encrypt(text.encode(), readers, armored=True)
    return write_private(path, encrypted, replace=overwrite)


def _decrypt(path: Path, identity: Path, identities: Sequence[pyrage.x25519.Identity]) -> str:
    """Return the text in the encrypted file `path`."""
    shown = shown_path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the secrets cannot be read: {(error.strerror or 'error').lower()}",
            where=shown,
            unaffected=UNCHANGED,
            next_step=f"see whose it is, and that you may read it: ls -l {shown}",
        ) from None
    restore = f"restore the file from version control or a backup: git checkout -- {shown}"
    if not content.lstrip().startswith((_BINARY_START, _ARMOR_START)):
        raise ConfigurationError(
            "the file is not encrypted with age", where=shown, unaffected=UNCHANGED, next_step=restore
        )
    if content.lstrip().startswith(_ARMOR_START):
        content = content.strip() + b"\n"  # as mail and editors leave it
    try:
        text: str = pyrage.decrypt(content, identities).decode()
    except pyrage.DecryptError as error:
        if "No matching keys" not in str(error):
            raise ConfigurationError(
                "the secrets file is damaged or was tampered with",
                where=shown,
                unaffected=UNCHANGED,
                next_step=restore,
            ) from None
        public = ", ".join(str(one.to_public()) for one in identities)
        raise ConfigurationError(
            f"the secrets are not encrypted for the identity {shown_path(identity)} ({public})",
            where=shown,
            unaffected=UNCHANGED,
            next_step="name the right file in `secrets.identity`, or ask a recipient to let your public key in: "
            "invoke secrets.recipients",
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            "the decrypted secrets are not UTF-8 text", where=shown, unaffected=UNCHANGED, next_step=restore
        ) from None
    return text


def _identity_missing(path: Path, identity: Path) -> ConfigurationError:
    """Return the error for secrets that exist without the key that opens them."""
    return ConfigurationError(
        f"the age identity {shown_path(identity)} is missing, and {shown_path(path)} exists",
        where=shown_path(identity),
        unaffected=UNCHANGED,
        next_step=f"put the identity there that opens it; or, to start with new secrets and empty stores, "
        f"remove {shown_path(path)}",
    )
