"""What a client sees: answers, and certificates that are checked for one name against one authority."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.verify.outside import Trust, is_open, send
from lab.certificates import make_certificate

NAME = "llm.example.com"


class QuietServer(ThreadingHTTPServer):
    """Says nothing about clients that do not trust it."""

    def handle_error(self, *_arguments: Any) -> None:
        """Say nothing."""


class Handler(BaseHTTPRequestHandler):
    """Answers with the request line."""

    def do_GET(self) -> None:
        """Answer."""
        body = json.dumps({"line": self.requestline, "host": self.headers["Host"]}).encode()
        self.send_response(200)
        self.send_header("X-Answer", "yes")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


class Server(NamedTuple):
    """A server with TLS: its port and the authority that signed for `NAME`."""

    port: int
    authority: str


def pem(certificate: Any) -> bytes:
    return bytes(certificate.public_bytes(serialization.Encoding.PEM))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("tls")
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = make_certificate("test", authority_key)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both = private + pem(make_certificate(NAME, key, signer=(authority, authority_key)))
    (folder / "both.pem").write_bytes(both)
    made = QuietServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    made.socket = context.wrap_socket(made.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
    yield Server(int(made.server_address[1]), pem(authority).decode())
    made.shutdown()
    made.server_close()


def test_an_address_is_asked_under_the_name_of_its_certificate(server: Server) -> None:
    answer = send(f"https://127.0.0.1:{server.port}/a?b=c", trust=Trust(NAME, server.authority))
    assert (answer.status, answer.headers["x-answer"], answer.problem) == (200, "yes", "")
    assert answer.json() == {"line": "GET /a?b=c HTTP/1.1", "host": f"{NAME}:{server.port}"}
    assert 0 < answer.expires - time.time() < 826 * 86400


@pytest.mark.parametrize(
    ("trust", "words"),
    [
        (lambda server: Trust("other.example.com", server.authority), "other.example.com"),
        (lambda _: Trust(NAME), "CERTIFICATE_VERIFY_FAILED"),
        (lambda _: None, "CERTIFICATE_VERIFY_FAILED"),
    ],
    ids=["another name", "an authority that nobody knows", "nothing said"],
)
def test_any_other_certificate_is_no_answer(server: Server, trust: Any, words: str) -> None:
    answer = send(f"https://127.0.0.1:{server.port}/", trust=trust(server))
    assert answer.status == 0
    assert words in answer.problem
    assert answer.shown.startswith("no answer (SSLCertVerificationError")


def test_plain_http_has_no_certificate_to_end(server: Server) -> None:
    plain = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=plain.serve_forever, args=(0.01,), daemon=True).start()
    answer = send(f"http://127.0.0.1:{plain.server_address[1]}/v1/../x", trust=Trust(NAME, server.authority))
    plain.shutdown()
    plain.server_close()
    assert (answer.status, answer.expires) == (200, 0.0)
    assert answer.json() == {"line": "GET /v1/../x HTTP/1.1", "host": f"127.0.0.1:{plain.server_address[1]}"}


def test_nobody_there_is_an_answer_too() -> None:
    answer = send("https://127.0.0.1:1/")
    assert answer.shown.startswith("no answer (ConnectionRefusedError")
    assert not is_open("127.0.0.1", 1)
