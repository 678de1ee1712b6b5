"""What the gateway wrote down of one exchange becomes its record.

templates/edge/gateway.lua.j2 writes the file, and says there what each part is: a letter, a length in
eight hexadecimal digits, and so many bytes. Envoy may have ended anywhere: a part that is not whole is
left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from .bodies import decoded
from .record import Record

_HEAD = 9
_REQUEST = 7  # entries of a request's head before the client's own headers


class UnreadableError(Exception):
    """The file does not even say whose exchange it was."""


def record_of(content: bytes, ended: float, body_bytes: int) -> Record:
    """Return the record of an exchange that was over at `ended`, its bodies unpacked to at most `body_bytes`.

    Raises UnreadableError when there is no request in it.
    """
    found: dict[str, bytes | bytearray] = {}
    for letter, part in _parts(content):
        known = found.get(letter)
        # Not kept piece by piece: a body of 4 MiB may come in millions of them, each an object of its own.
        if known is None:
            found[letter] = part
        elif isinstance(known, bytearray):
            known += part
        else:
            found[letter] = bytearray(known + part)
    head = _texts(found, "H")
    if len(head) < _REQUEST or not head[0].isdecimal() or not head[1]:
        raise UnreadableError("no request in it")
    began, identity, key, provider, kind, url, encoding = head[:_REQUEST]
    status, response_type, response_encoding = [*_texts(found, "A"), "", "", ""][:3]
    request_body, no_request = _body(found, "Q", encoding, body_bytes)
    response_body, no_response = _body(found, "R", response_encoding, body_bytes)
    reasons = (("request", no_request), ("response", no_response))
    started = int(began) / 1000
    first = int(found["F"]) / 1000 if "F" in found else None
    return Record(
        id=identity,
        key=key,
        provider=provider,
        kind=kind,
        url=url,
        headers=_joined(head[_REQUEST:]),
        request_body=request_body,
        response_body=response_body,
        response_type=response_type,
        status=int(status) if status.isdecimal() else 0,
        started=started,
        first_byte=first,
        ended=max(started, first or 0.0, ended),
        complete="E" in found,
        omitted="; ".join(f"{side} body {reason}" for side, reason in reasons if reason),
    )


def _parts(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the letter and the bytes of each whole part. Raises UnreadableError where something else stands."""
    position = 0
    while position + _HEAD <= len(content):
        first = position + _HEAD
        try:
            position = first + int(content[position + 1 : first], 16)
        except ValueError as error:
            raise UnreadableError("not a part") from error
        if position <= len(content):
            yield chr(content[first - _HEAD]), content[first:position]


def _texts(found: dict[str, bytes | bytearray], letter: str) -> list[str]:
    if letter not in found:
        return []
    return [text.decode("utf-8", "surrogateescape") for text in found[letter].split(b"\0")]


def _joined(pairs: list[str]) -> dict[str, str]:
    """Return headers by name; one that came more than once has its values joined, as HTTP defines."""
    headers: dict[str, str] = {}
    for name, value in zip(pairs[::2], pairs[1::2], strict=False):
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _body(found: dict[str, bytes | bytearray], letter: str, encoding: str, most: int) -> tuple[bytes, str]:
    """Return a body as it was meant, and why it is missing if it is."""
    if letter.lower() in found:
        return b"", f"dropped: over {most} bytes"
    content = bytes(found.get(letter, b""))
    return decoded(content, encoding, most) if encoding else (content, "")
