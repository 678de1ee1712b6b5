"""The support bundle holds what helps and no secret of the vault, in whichever form it stood there."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from urllib.parse import quote

import pytest

from gateway.commands import support_bundle as module
from gateway.commands.support_bundle import bundle, redacted
from gateway.errors import UnreachableError
from gateway.secret import Secret
from gateway.vault import Vault
from tests.unit.situations import load, release, running

SECRETS = {
    "postgres_password": "pässword with $ 'quotes' & more",
    "key": "sk-helicone-abcdefg-1234567",
    "hex": "0f" * 32,
}
VAULT = Vault({name: Secret(value) for name, value in SECRETS.items()} | {"empty": Secret("")})


def shown_as(secret):
    """Return a secret as programs show it: raw, in a URL, in JSON, in base64 alone and behind a user's name."""
    raw = secret.encode()
    return {
        "raw": secret, "url": quote(secret, safe=""), "json": json.dumps(secret),
        "base64": base64.b64encode(raw).decode(),
        **{f"basic {user}": base64.b64encode(f"{user}:".encode() + raw).decode() for user in ("a", "ab", "abc")},
        "urlsafe": base64.urlsafe_b64encode(raw).decode(),
    }  # fmt: skip


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_taken_out_in_every_form(name):
    secret = SECRETS[name]
    for form, text in shown_as(secret).items():
        left = redacted({"log": f"before {text} after"}, VAULT)["log"]
        assert text not in left, form
        assert secret not in left, form
        assert left.startswith("before "), form
        assert left.endswith(" after"), form


def test_keys_of_clients_are_taken_out_though_nobody_knows_them():
    text = "Authorization: Bearer abc.def-ghi_jkl; x-key=sk-lab-not-a-real-key-1234; model ms-small"
    left = redacted({"log": text}, VAULT)["log"]
    assert left == "Authorization: Bearer [redacted]; x-key=[redacted]; model ms-small"


class Talk:
    """A host that says everything it knows."""

    def request(self, verb, **_):
        if verb == "snapshot":
            return running(release(), history=[])
        return {"logs/jawn.txt": "\n".join(text for one in SECRETS.values() for text in shown_as(one).values())}

    def close(self):
        """Do nothing."""


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Return what was written for an environment whose host app2 cannot be reached, and what it says of itself."""

    def converse(host, _):
        if host.name == "app2":
            raise UnreachableError("no route", where="app2: connect", next_step="check connection.address")
        return Talk()

    monkeypatch.setattr("gateway.transport.fleet.converse", converse)
    monkeypatch.setattr(module, "open_vault", lambda *_: VAULT)
    path = tmp_path / "help.tar.gz"
    result = bundle(load(tmp_path), path, as_json=True)
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
        return path, result, {entry.name: archive.extractfile(entry).read().decode() for entry in archive}


def test_it_holds_every_host_that_answered_and_why_the_others_did_not(made):
    path, result, files = made
    assert {
        "support/README.txt",
        "support/status.json",
        "support/app1/snapshot.json",
        "support/data1/logs/jawn.txt",
    } <= (files.keys())
    assert "no route" in files["support/app2/unreachable.txt"]
    assert list(result["unreachable"]) == ["app2"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_file_of_it_holds_a_secret_in_any_form(made):
    _, _, files = made
    everything = "\n".join([*files, *files.values()])
    for secret in SECRETS.values():
        for form, text in shown_as(secret).items():
            assert text not in everything, form
    assert "hunter22" not in everything  # the release's own `.env`
