"""What an image address in a task's data means (Label Studio 1.23's kinds)."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, parse_qsl, quote, unquote, unquote_to_bytes, urlsplit

from backend.images.errors import ImageAddressError, ImageContentError

Kind = Literal["label_studio", "local_file", "cloud", "web", "inline"]
_CLOUD_SCHEMES = frozenset({"s3", "gs", "azure-blob"})
_SERVED_PATHS = ("/data/", "/storage-data/")
# What Label Studio's API gives in place of the address of a file in a cloud storage.
_RESOLVED_PATH = re.compile(r"/tasks/(\d+)/(?:presign|resolve)/")
_LONGEST_SHOWN = 120
# Presigned addresses carry parameters that differ from call to call while the file stays the same. Each kind
# is known by its signature: without it, the same names mean something of their own.
_PRESIGNED = {
    "x-amz-signature": re.compile(r"x-amz-.*"),
    "x-goog-signature": re.compile(r"x-goog-.*"),
    "signature": re.compile(r"signature|expires|policy|key-pair-id|awsaccesskeyid|googleaccessid"),
    "sig": re.compile(r"sig|se|st|sp|sr|sv|spr|sip|skoid|sktid|skt|ske|sks|skv|saoid|suoid|scid"),
}


@dataclass(frozen=True, slots=True)
class TaskAddress:
    """One address, classified.

    Attributes:
        kind: `label_studio` (a path on its server), `local_file`, `cloud`, `web` or `inline`.
        text: the address as the task gives it.
        local_path: for `local_file`, the path below the root.
        task_id: for `cloud`, the task that the file belongs to, where the address tells it.

    """

    kind: Kind
    text: str
    local_path: str = ""
    task_id: str | None = None

    @property
    def shown(self) -> str:
        """The address as it may be logged: without query, user and inline data."""
        if self.kind == "inline":
            return self.text.partition(",")[0][:_LONGEST_SHOWN] + ",…"
        parts = urlsplit(self.text)
        host = parts.netloc.rpartition("@")[2]
        query = f"?d={self.local_path}" if self.local_path else ""
        start = f"{parts.scheme}://{host}" if parts.scheme else ""
        return f"{start}{parts.path}{query}"[:_LONGEST_SHOWN]

    @property
    def cache_key(self) -> str:
        """The address without what presigning adds to it."""
        if self.kind == "cloud":
            # Keys of buckets may contain ? and #.
            return self.text
        parts = urlsplit(self.text)
        query = parse_qsl(parts.query, keep_blank_values=True)
        names = {name.lower() for name, _ in query}
        signing = [pattern for signature, pattern in _PRESIGNED.items() if signature in names]
        kept = sorted(pair for pair in query if not any(p.fullmatch(pair[0].lower()) for p in signing))
        return f"{parts.scheme}://{parts.netloc}{parts.path}?{kept}"


def read_task_address(value: object) -> TaskAddress:
    """Classify the value of a task's image field.

    Raises `ImageAddressError` for anything that no server gives, such as `file:` and bare paths.
    """
    if not isinstance(value, str) or not value.strip():
        raise ImageAddressError(f"the task's image is {type(value).__name__}, expected an address as text")
    text = value.strip()
    if text.startswith("data:"):
        return TaskAddress("inline", text)
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ImageAddressError(f"not an address: {error}") from error
    if parts.scheme in _CLOUD_SCHEMES:
        return TaskAddress("cloud", text)
    if parts.scheme in ("http", "https"):
        return TaskAddress("web", text)
    is_path = not parts.scheme and not parts.netloc and ".." not in unquote(parts.path).split("/")
    if is_path and parts.path.startswith("/data/local-files"):
        wanted = parse_qs(parts.query).get("d", [""])[0]
        if not wanted:
            raise ImageAddressError("/data/local-files/ needs ?d= with a path below the root")
        return TaskAddress("local_file", text, local_path=wanted)
    if is_path and parts.path.startswith(_SERVED_PATHS):
        return TaskAddress("label_studio", text)
    resolved = _RESOLVED_PATH.fullmatch(parts.path) if is_path else None
    if resolved:
        return TaskAddress("cloud", _resolved_uri(parts.query), task_id=resolved[1])
    raise ImageAddressError(
        f"cannot fetch {text[:_LONGEST_SHOWN]!r}: images come from Label Studio's uploads, its storages, "
        "http(s) addresses or data: addresses"
    )


def _resolved_uri(query: str) -> str:
    """The address of a cloud file that Label Studio has wrapped."""
    try:
        uri = base64.urlsafe_b64decode(parse_qs(query).get("fileuri", [""])[0]).decode()
    except ValueError:
        uri = ""
    if urlsplit(uri).scheme not in _CLOUD_SCHEMES:
        raise ImageAddressError("fileuri is not the address of a file in a cloud storage")
    return uri


def decode_inline(text: str, *, max_bytes: int) -> bytes:
    """Return the bytes of a `data:` address; raises `ImageContentError` when it is broken or too large."""
    head, comma, body = text.partition(",")
    if not comma:
        raise ImageContentError("the data: address has no comma, so no data")
    is_base64 = head.rstrip().lower().endswith(";base64")
    # Checked before anything is decoded: four characters of base64 carry three bytes.
    if (len(body) * 3 // 4 > max_bytes + 3) if is_base64 else (len(body) > max_bytes):
        raise ImageContentError(f"the data: address is larger than the {max_bytes:,} bytes allowed")
    if not is_base64:
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(unquote_to_bytes(body), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageContentError(f"the data: address is not base64: {error}") from error


def presign_path(address: TaskAddress, task_id: int | str) -> str:
    """Return the path on Label Studio that redirects to a cloud file (its task's storage signs it)."""
    encoded = base64.urlsafe_b64encode(address.text.encode()).decode()
    return f"/tasks/{quote(str(task_id))}/presign/?fileuri={encoded}"
