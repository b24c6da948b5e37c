"""Log lines for people, without secrets and without masks."""

import logging
import re
import sys
import traceback
from pathlib import Path

# What Label Studio and HTTP clients put beside these names is nobody's business.
_HIDDEN_NAMES = (
    "access_token|refresh|token|api_key|apikey|password|task_data_password|secret|authorization|"
    "x-amz-signature|x-amz-credential|x-amz-security-token|signature|sig"
)
_PAIR = re.compile(
    rf"""(["']?\b(?:{_HIDDEN_NAMES})\b["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&}}\]]+)""", re.IGNORECASE
)
_SCHEME = re.compile(r"\b(Bearer|Token|Basic)\s+[A-Za-z0-9._~+/=\-]{8,}", re.IGNORECASE)
_USER_IN_ADDRESS = re.compile(r"(\w+://)[^/@\s]+@")
_SECRET_IN_PATH = re.compile(r"(/webhook/)[^\s\"'?#]+")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)?")
_NUMBER_RUN = re.compile(r"\[(?:\s*\d+\s*,){32,}[^\]]*\]?")
# Libraries such as rq log whole tracebacks as text: the frames go, the error's own lines stay.
_FRAMES = re.compile(
    r"(?:^[+| ]*(?:During handling of the above|The above exception was).*\n\s*)?"
    r"^[+| ]*Traceback \(most recent call last\):\n(?:^[ \t|+]+.*(?:\n|\Z))*",
    re.MULTILINE,
)
HIDDEN = "[hidden]"


def redact(text: str) -> str:
    """Hide tokens, passwords, credentials in addresses and run-length lists in a text."""
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    text = _JWT.sub(HIDDEN, text)
    text = _PAIR.sub(rf"\1{HIDDEN}", text)
    text = _USER_IN_ADDRESS.sub(rf"\1{HIDDEN}@", text)
    text = _SECRET_IN_PATH.sub(rf"\1{HIDDEN}", text)
    return _NUMBER_RUN.sub("[mask]", text)


class RedactingFormatter(logging.Formatter):
    """Formats a record on one line and hides what must not be logged, also in exceptions."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line; an exception is named with its place, without its traceback."""
        message = _FRAMES.sub("", record.getMessage())
        if record.exc_info and record.exc_info[1] is not None:
            message = f"{message}: {_name(record.exc_info[1])}"
        line = f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')} {record.levelname} {record.name}: {message}"
        return " / ".join(redact(line).splitlines())


def configure_logging(level: str) -> None:
    """Send every logger's lines of this process to standard error; called once, by commands only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _name(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"
