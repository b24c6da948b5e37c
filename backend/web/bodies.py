"""Request bodies: JSON objects within a size limit, or a clear 4xx."""

import json
import re
from typing import Any

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from backend.errors import RequestError

# Half of a character that JSON writes as two: `\ud83d` without its partner is no text.
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_json_object(request: Request) -> dict[str, Any]:
    """Return the body as a JSON object; raises `RequestError` otherwise (413 is raised by Flask itself)."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RequestError(
            "compressed request bodies are not read: send plain JSON", status=415, code="encoding"
        )
    body = _parse(_read(request))
    if not isinstance(body, dict):
        raise RequestError(
            f"the body is a JSON {type(body).__name__}, expected an object", code="not_an_object"
        )
    return body


def _read(request: Request) -> bytes:
    try:
        data = request.get_data(cache=False)
    except (ClientDisconnected, BlockingIOError):
        # Also when the caller has left: then nobody reads this.
        raise RequestError("the request's body did not arrive in time", status=408, code="slow") from None
    # A body that names no length is cut at the limit without a word by the library below.
    limit = request.max_content_length
    if request.content_length is None and limit is not None and len(data) >= limit:
        raise RequestEntityTooLarge
    return data


def _parse(data: bytes) -> object:
    try:
        body = json.loads(data)
        if _ESCAPED_SURROGATE.search(data):
            json.dumps(body, ensure_ascii=False).encode()
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise RequestError(f"the body's text is broken: {error.reason}", code="not_text") from None
    except (ValueError, RecursionError):
        raise RequestError("the body is not JSON", code="not_json") from None
    return body
