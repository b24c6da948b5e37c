"""Errors as JSON with a code, a message and an id that is also in the log; never a traceback."""

import logging
import sqlite3
import uuid

from flask import Flask
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from backend.errors import BackendError, QueueUnavailableError, RequestError
from backend.logs import redact
from backend.web.admission import RETRY_AFTER_SECONDS
from training.storage.errors import StorageAwayError

_log = logging.getLogger(__name__)


def install_error_pages(app: Flask) -> None:
    """Answer every exception of a route with JSON."""
    app.register_error_handler(RequestError, _request_error)
    app.register_error_handler(QueueUnavailableError, _unavailable)
    app.register_error_handler(StorageAwayError, _unavailable)
    app.register_error_handler(sqlite3.Error, _unavailable)
    app.register_error_handler(TimeoutError, _unavailable)
    app.register_error_handler(OSError, _unavailable)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _request_error(error: RequestError) -> ResponseReturnValue:
    return _reply(error.code, str(error), error.status)


def _unavailable(error: Exception) -> ResponseReturnValue:
    message = str(error) if isinstance(error, BackendError) else f"cannot store or queue now: {error}"
    return _reply("unavailable", message, 503)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    return _reply(
        (error.name or "error").lower().replace(" ", "_"), error.description or "", error.code or 500
    )


def _unexpected(error: Exception) -> ResponseReturnValue:
    # The border of a request: whatever went wrong must not show its insides to the caller.
    return _reply(
        "internal", f"something went wrong here ({type(error).__name__}); the log has more", 500, error
    )


def _reply(code: str, message: str, status: int, error: Exception | None = None) -> ResponseReturnValue:
    name = uuid.uuid4().hex[:12]
    level = logging.ERROR if status >= 500 else logging.WARNING
    _log.log(level, "request %s: %s %s", name, status, message, exc_info=error)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
    return {"error": code, "message": redact(message), "id": name}, status, headers
