"""better-auth's forms of passwords and cookies."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from shutil import which

import pytest

from gateway.better_auth import password_hash, session_cookie

NODE = Path(__file__).resolve().parents[2] / "lab" / "node" / "better_auth.js"


def test_a_password_is_hashed_with_the_salts_text():
    salt, key = password_hash("correct horse").split(":")
    expected = hashlib.scrypt(b"correct horse", salt=salt.encode(), n=16384, r=16, p=1, dklen=64, maxmem=1 << 27)
    assert key == expected.hex()
    assert len(salt) == 32
    assert password_hash("correct horse") != password_hash("correct horse")


def test_one_password_has_one_form_whatever_keyboard_it_came_from():
    salt, key = password_hash("e\u0301t\u00e9").split(":")
    expected = hashlib.scrypt(
        "\u00e9t\u00e9".encode(), salt=salt.encode(), n=16384, r=16, p=1, dklen=64, maxmem=1 << 27
    )
    assert key == expected.hex()


def test_a_cookie_is_signed_and_named_by_the_scheme():
    plain = session_cookie("http://ui:3000", "token", "secret")
    assert plain == "better-auth.session_token=token.6UERDj0r%2FoJiHw4%2BFDRzDXMF0QbF9oyHFl0LJ6RhGko%3D"
    assert session_cookie("https://ui", "token", "secret") == f"__Secure-{plain}"
    assert session_cookie("http://ui", "token", "other") != plain


@pytest.mark.skipif(which("node") is None, reason="no node")
def test_a_javascript_program_takes_both():
    code = (
        f"const b = require({str(NODE)!r});\n"
        "const [hash, header] = process.argv.slice(1);\n"
        "b.verifyPassword('correct horse', hash).then((ok) => console.log(ok, b.tokenFromCookies(header)));\n"
    )
    done = subprocess.run(
        ["node", "-e", code, password_hash("correct horse"), session_cookie("http://ui", "to.ken", "a-secret")],
        env={"BETTER_AUTH_SECRET": "a-secret", "PATH": "/usr/bin:/bin:/usr/local/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "true to.ken\n"
