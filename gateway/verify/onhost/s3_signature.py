"""Signing a request to an S3 store (AWS Signature Version 4), so that a bucket can be asked for with jawn's keys."""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import quote

_EMPTY = hashlib.sha256(b"").hexdigest()


def signed_headers(
    host: str, path: str, region: str, access_key: str, secret_key: str, method: str = "GET"
) -> dict[str, str]:
    """Return the headers of a request for `path`, without query and body, to the store at `host` (name and port)."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"host": host, "x-amz-content-sha256": _EMPTY, "x-amz-date": moment}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"{method}\n{quote(path)}\n\n{lines}\n{names}\n{_EMPTY}"
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4" + secret_key.encode()
    for part in (moment[:8], region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    authorization = f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": authorization}
