"""Request bodies: JSON objects within a size limit, or a clear 4xx."""

from typing import Any

from flask import Request

from backend.errors import RequestError


def read_json_object(request: Request) -> dict[str, Any]:
    """Return the body as a JSON object; raises `RequestError` otherwise (413 is raised by Flask itself)."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RequestError(
            "compressed request bodies are not read: send plain JSON", status=415, code="encoding"
        )
    body = request.get_json(force=True, silent=True)
    if body is None:
        raise RequestError("the body is not JSON", code="not_json")
    if not isinstance(body, dict):
        raise RequestError(
            f"the body is a JSON {type(body).__name__}, expected an object", code="not_an_object"
        )
    return body
